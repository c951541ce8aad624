"""The statuses and stages a row may carry. Pure."""

from collections.abc import Mapping
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

    `pending` waits for its turn, for the target, or for the next look at it. `held` waits for a person. The last
    three are left only by a person, or by captions made anew.
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
    """What is known of a change made elsewhere. What is not confirmed may have happened: look before trying again."""

    INTENDED = "intended"
    UNKNOWN = "unknown"
    CONFIRMED = "confirmed"


class Role(StrEnum):
    """What a person may do. `user` reads and submits, `operator` runs the queue, `admin` manages people."""

    ADMIN = "admin"
    OPERATOR = "operator"
    USER = "user"


class PublicState(StrEnum):
    """Whether an artifact stands under the name people look for."""

    PENDING = "pending"
    PLACED = "placed"
    BLOCKED = "blocked"


JOB_MOVES: Mapping[JobStatus, frozenset[JobStatus]] = {
    JobStatus.PENDING: frozenset({JobStatus.PROCESSING, JobStatus.CANCELLED}),
    JobStatus.PROCESSING: frozenset({JobStatus.PENDING, JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED}),
    JobStatus.COMPLETED: frozenset(),
    JobStatus.FAILED: frozenset({JobStatus.PENDING}),
    JobStatus.CANCELLED: frozenset({JobStatus.PENDING}),
}
"""Allowed moves. failed -> pending and cancelled -> pending are an operator's retry."""

TERMINAL = frozenset({JobStatus.COMPLETED, JobStatus.FAILED, JobStatus.CANCELLED})
LIVE = frozenset({JobStatus.PENDING, JobStatus.PROCESSING})

_RANK: Mapping[Role, int] = {Role.USER: 0, Role.OPERATOR: 1, Role.ADMIN: 2}


def role_covers(held: Role, needed: Role) -> bool:
    """Whether somebody holding one role may do what needs the other."""
    return _RANK[held] >= _RANK[needed]
