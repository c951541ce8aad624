"""The statuses and stages a row may carry. Pure."""

from enum import StrEnum


class JobStatus(StrEnum):
    """State of a transcription. The last three absorb: only an operator's retry leaves them."""

    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class ChunkStatus(StrEnum):
    """State of a chunk. `failed` ends its job, and is left by an operator's retry of the job."""

    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"


class Stage(StrEnum):
    """The step a processing job has reached."""

    PROBE = "probe"
    SPEECH = "speech"
    TRANSCRIBE = "transcribe"
    ASSEMBLE = "assemble"
    PUBLISH = "publish"


class VodStatus(StrEnum):
    """State of a programme on a VOD target."""

    PROCESSING = "processing"
    PUBLISHED = "published"
    FAILED = "failed"
    REMOVED = "removed"


class PublicationStatus(StrEnum):
    """State of a publication: a recording's captions on their way to a VOD target.

    `pending` waits for its turn, for the target, or for its next check. `held` waits for an operator. The last three
    are left only on a user's request, or by captions made anew.
    """

    PENDING = "pending"
    PROCESSING = "processing"
    HELD = "held"
    PUBLISHED = "published"
    FAILED = "failed"
    REMOVED = "removed"


class PublishStage(StrEnum):
    """The step a publication has reached, in this order."""

    RESOLVE = "resolve"
    ENSURE = "ensure"
    CAPTIONS = "captions"
    ACCEPT = "accept"
    START = "start"
    FOLLOW = "follow"
    VERIFY = "verify"
    CHAPTERS = "chapters"
    METADATA = "metadata"
    WITHDRAW = "withdraw"


class EffectState(StrEnum):
    """What is known of a change made elsewhere. What is not confirmed may have happened: check before a retry."""

    INTENDED = "intended"
    UNKNOWN = "unknown"
    CONFIRMED = "confirmed"


class Role(StrEnum):
    """What a user may do. `user` reads and submits, `operator` runs the queue, `admin` manages accounts."""

    ADMIN = "admin"
    OPERATOR = "operator"
    USER = "user"


class PublicState(StrEnum):
    """Whether an artifact is placed under its public name."""

    PENDING = "pending"
    PLACED = "placed"
    BLOCKED = "blocked"


TERMINAL = frozenset({JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED})
LIVE = frozenset({JobStatus.PENDING, JobStatus.PROCESSING})
