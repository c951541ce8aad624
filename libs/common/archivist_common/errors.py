"""Every error Archivist can raise or answer with. Pure.

ArchivistError
├── BadInput                 the caller can mend it
│   ├── InvalidRequest       VALIDATION_FAILED
│   ├── PathRefused          PATH_REFUSED
│   ├── InvalidFileFormat    INVALID_FILE_FORMAT
│   ├── FileTooLarge         FILE_TOO_LARGE
│   ├── ModelUnknown         UNKNOWN_MODEL
│   ├── WeakPassword         WEAK_PASSWORD
│   └── IdempotencyMismatch  IDEMPOTENCY_KEY_REUSED
├── NotFound                 NOT_FOUND
│   └── FileMissing          FILE_NOT_FOUND
├── Conflict                 CONFLICT
│   ├── FileGrowing          FILE_STILL_GROWING
│   ├── NotCompleted         NOT_COMPLETED
│   └── PublicNameTaken      OUTPUT_EXISTS
├── AuthRequired             AUTH_REQUIRED
│   ├── InvalidApiKey        INVALID_API_KEY
│   └── InvalidToken         INVALID_TOKEN
├── PermissionDenied         PERMISSION_DENIED
│   └── PasswordChangeRequired  PASSWORD_CHANGE_REQUIRED
├── TooManyAttempts          TOO_MANY_ATTEMPTS
├── QueueFull                QUEUE_FULL
├── MediaError               the recording itself; trying again cannot help
│   ├── MediaUnreadable      MEDIA_UNREADABLE
│   ├── NoAudioTrack         NO_AUDIO_TRACK
│   └── SourceChanged        SOURCE_CHANGED
├── CaptionsInvalid          CAPTIONS_INVALID
├── StorageError             a mount or a disk
│   ├── StorageUnavailable   STORAGE_UNAVAILABLE
│   ├── StorageReadOnly      STORAGE_READ_ONLY
│   └── StorageFull          STORAGE_FULL
├── EngineError              the speech engine or its model
│   ├── ModelMissing         MODEL_MISSING
│   ├── EngineUnavailable    ENGINE_UNAVAILABLE
│   ├── SelfTestFailed       SELF_TEST_FAILED
│   └── ResourceExhausted    RESOURCE_EXHAUSTED
├── PublishError             CABLECAST_ERROR: a VOD target, as its client saw it
│   ├── TargetUnavailable    TARGET_UNAVAILABLE
│   ├── TargetFailed         TARGET_FAILED
│   ├── OutcomeUnknown       OUTCOME_UNKNOWN
│   ├── TargetRefused        TARGET_REFUSED
│   ├── TargetDenied         TARGET_DENIED
│   ├── TargetMissing        TARGET_NOT_FOUND
│   ├── CaptionsRefused      CAPTIONS_REFUSED
│   └── VodFailed            VOD_PUBLISH_FAILED
├── NeedsPerson              NEEDS_PERSON
├── WorkerCrashed            WORKER_CRASHED
│   └── DecoderFailed        DECODER_FAILED
├── DeadlineExceeded         DEADLINE_EXCEEDED
├── Cancelled                CANCELLED
├── Fenced                   FENCED
├── DatabaseUnavailable      DATABASE_UNAVAILABLE
└── SchemaMismatch           SCHEMA_MISMATCH
"""

from typing import ClassVar


class ArchivistError(Exception):
    """Base of the tree.

    code: stable, for programs. http_status: what a caller of the API sees.
    retryable: whether the same thing, tried again later, may succeed. retry_after_s: then not before, in seconds.
    tries: how often a job is begun, where trying again may help, before it is given up.

    A message alone makes any of them, so that one that crossed a pipe or the network can be raised again (`by_code`).
    """

    code: ClassVar[str] = "INTERNAL_ERROR"
    http_status: ClassVar[int] = 500
    retryable: ClassVar[bool] = False
    tries: ClassVar[int] = 5
    retry_after_s: int = 5

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class BadInput(ArchivistError):
    code = "BAD_INPUT"
    http_status = 422


class InvalidRequest(BadInput):
    code = "VALIDATION_FAILED"


class PathRefused(BadInput):
    """A path that is absolute, climbs out, holds a NUL, or leaves its storage through a link."""

    code = "PATH_REFUSED"


class InvalidFileFormat(BadInput):
    code = "INVALID_FILE_FORMAT"


class FileTooLarge(BadInput):
    code = "FILE_TOO_LARGE"


class ModelUnknown(BadInput):
    code = "UNKNOWN_MODEL"


class WeakPassword(BadInput):
    code = "WEAK_PASSWORD"


class IdempotencyMismatch(BadInput):
    code = "IDEMPOTENCY_KEY_REUSED"


class NotFound(ArchivistError):
    code = "NOT_FOUND"
    http_status = 404


class FileMissing(NotFound):
    code = "FILE_NOT_FOUND"


class Conflict(ArchivistError):
    code = "CONFLICT"
    http_status = 409


class NotCompleted(Conflict):
    """What is asked for is there once the transcription has completed."""

    code = "NOT_COMPLETED"


class PublicNameTaken(Conflict):
    """A file that Archivist did not write, or that somebody edited, holds an output's public name."""

    code = "OUTPUT_EXISTS"


class FileGrowing(Conflict):
    """A recording that somebody is still writing or copying."""

    code = "FILE_STILL_GROWING"
    retryable = True
    retry_after_s = 60


class AuthRequired(ArchivistError):
    code = "AUTH_REQUIRED"
    http_status = 401


class InvalidApiKey(AuthRequired):
    code = "INVALID_API_KEY"


class InvalidToken(AuthRequired):
    code = "INVALID_TOKEN"


class PermissionDenied(ArchivistError):
    code = "PERMISSION_DENIED"
    http_status = 403


class PasswordChangeRequired(PermissionDenied):
    code = "PASSWORD_CHANGE_REQUIRED"


class TooManyAttempts(ArchivistError):
    """Slow down. retry_after_s is how long to wait, in seconds."""

    code = "TOO_MANY_ATTEMPTS"
    http_status = 429
    retryable = True

    def __init__(self, message: str, retry_after_s: int = ArchivistError.retry_after_s) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class QueueFull(ArchivistError):
    code = "QUEUE_FULL"
    http_status = 429
    retryable = True


class MediaError(ArchivistError):
    code = "MEDIA_ERROR"
    http_status = 422


class MediaUnreadable(MediaError):
    code = "MEDIA_UNREADABLE"


class NoAudioTrack(MediaError):
    code = "NO_AUDIO_TRACK"


class SourceChanged(MediaError):
    code = "SOURCE_CHANGED"


class CaptionsInvalid(ArchivistError):
    """A caption file our own decoder does not read back as it was meant. It is not released."""

    code = "CAPTIONS_INVALID"


class StorageError(ArchivistError):
    """Waited for rather than given up: at up to ten minutes apart, its tries last for about two days."""

    code = "STORAGE_ERROR"
    http_status = 503
    retryable = True
    tries = 500


class StorageUnavailable(StorageError):
    """Not mounted, not answering within its deadline, or failing to read."""

    code = "STORAGE_UNAVAILABLE"


class StorageReadOnly(StorageError):
    code = "STORAGE_READ_ONLY"


class StorageFull(StorageError):
    code = "STORAGE_FULL"


class EngineError(ArchivistError):
    code = "ENGINE_ERROR"
    http_status = 503
    retryable = True


class ModelMissing(EngineError):
    """The model's files are not on this machine. The message says which folder to fill with what."""

    code = "MODEL_MISSING"
    retryable = False


class EngineUnavailable(EngineError):
    code = "ENGINE_UNAVAILABLE"


class SelfTestFailed(EngineError):
    """A slot could not caption the second of speech that comes with us. It takes no job until it can."""

    code = "SELF_TEST_FAILED"

    def __init__(self, message: str, *, stderr: str = "") -> None:
        """stderr: what a decoder that failed in it wrote last, as `DecoderFailed` has it."""
        super().__init__(message)
        self.stderr = stderr


class ResourceExhausted(EngineError):
    """Tried once more, with the least memory the engine can do with."""

    code = "RESOURCE_EXHAUSTED"
    tries = 2


class PublishError(ArchivistError):
    """What became of a call to a VOD target.

    status: the HTTP status that came back; None where none did. body: what came with it, its first 2 kB, as it was.
    Neither these nor the message ever hold what we log in with.
    """

    code = "CABLECAST_ERROR"
    http_status = 502

    def __init__(
        self, message: str, *, status: int | None = None, body: str = "", retry_after_s: int | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.body = body
        if retry_after_s is not None:
            self.retry_after_s = retry_after_s


class TargetUnavailable(PublishError):
    """Nothing was done: not reached, too slow, asked us to wait, or not asked because of that.

    Waited for rather than given up, as storage is. retry_after_s: when it may be asked again, in seconds.
    """

    code = "TARGET_UNAVAILABLE"
    retryable = True
    tries = 500


class TargetFailed(PublishError):
    """The target has an error of its own, or answered what cannot be read."""

    code = "TARGET_FAILED"
    retryable = True
    tries = 20  # over an hour, by the waits of `verdicts.retry_delay`


class OutcomeUnknown(PublishError):
    """Something was to be made and no usable answer came: it may be there. Look it up before trying again."""

    code = "OUTCOME_UNKNOWN"
    retryable = True
    tries = 20  # over an hour, by the waits of `verdicts.retry_delay`


class TargetRefused(PublishError):
    """The target understood and does not want it. A person has to read `body`."""

    code = "TARGET_REFUSED"


class TargetDenied(PublishError):
    """The target does not know us or does not let us. It is not asked again until somebody has looked."""

    code = "TARGET_DENIED"


class TargetMissing(PublishError):
    """The target has no such thing, or no longer."""

    code = "TARGET_NOT_FOUND"


class CaptionsRefused(PublishError):
    """The target cannot use the captions: it says why."""

    code = "CAPTIONS_REFUSED"
    http_status = 422


class VodFailed(PublishError):
    """The target has given the programme up: its message."""

    code = "VOD_PUBLISH_FAILED"


class NeedsPerson(ArchivistError):
    """Nothing more can be done before somebody has decided, or done, something.

    why: the code that people are told.
    """

    code = "NEEDS_PERSON"
    http_status = 409

    def __init__(self, message: str, *, why: str = code) -> None:
        super().__init__(message)
        self.why = why


class WorkerCrashed(ArchivistError):
    code = "WORKER_CRASHED"
    retryable = True


class DecoderFailed(WorkerCrashed):
    """The decoder ended without an answer that makes sense: our fault, until it has done so three times.

    stderr: the last lines it wrote on its standard error, control characters replaced. Not told to callers.
    """

    code = "DECODER_FAILED"
    http_status = 503

    def __init__(self, message: str, *, stderr: str = "") -> None:
        super().__init__(message)
        self.stderr = stderr


class DeadlineExceeded(ArchivistError):
    code = "DEADLINE_EXCEEDED"
    http_status = 504


class Cancelled(ArchivistError):
    """Somebody asked for the job to stop; it did."""

    code = "CANCELLED"
    http_status = 409


class Fenced(ArchivistError):
    """This attempt is no longer the job's attempt: whatever it wanted to write is not written."""

    code = "FENCED"
    http_status = 409


class DatabaseUnavailable(ArchivistError):
    code = "DATABASE_UNAVAILABLE"
    http_status = 503
    retryable = True


class SchemaMismatch(ArchivistError):
    code = "SCHEMA_MISMATCH"
    http_status = 503


def by_code(code: str) -> type[ArchivistError]:
    """The class with this code; ArchivistError itself when none has it. For errors that crossed a pipe."""
    return _CODES.get(code, ArchivistError)


def _tree(cls: type[ArchivistError]) -> list[type[ArchivistError]]:
    return [cls, *(leaf for child in cls.__subclasses__() for leaf in _tree(child))]


_CODES = {cls.code: cls for cls in _tree(ArchivistError)}
