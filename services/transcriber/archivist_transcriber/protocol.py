"""Messages between a supervisor and its slots, both of one version: one JSON object a line."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from pydantic import TypeAdapter

from archivist_captions.cue import Word
from archivist_common.errors import ArchivistError, DecoderFailed, SelfTestFailed, by_code
from archivist_common.jobs.chunks import ChunkClaim, ChunkTranscript, Cut
from archivist_common.jobs.lifecycle import JobClaim, JobOutcome
from archivist_common.states import Stage


@dataclass(frozen=True, slots=True)
class RecordingFile:
    """A recording as it was when it was submitted. audio_track: None for its main one."""

    storage: str
    path: str
    size_bytes: int
    mtime_ns: int
    audio_track: int | None
    fingerprint: str | None = None
    """As `recordings.look` gives it; None where it was not taken."""

    @classmethod
    def of(cls, claim: JobClaim | ChunkClaim) -> Self:
        return cls(claim.storage, claim.path, claim.size_bytes, claim.mtime_ns, claim.audio_track, claim.fingerprint)


@dataclass(frozen=True, slots=True)
class PlanWork:
    """Find the speech of a recording and cut it into chunks.

    language: None to detect it. ends_ms: ends of the chunks that are stored already.
    """

    recording: RecordingFile
    model: str
    language: str | None
    ends_ms: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Planned:
    """A recording cut into chunks to its end. facts: what its media holds, for the metadata of the job."""

    audio_ms: int
    language: str
    facts: dict[str, Any]


@dataclass(frozen=True, slots=True)
class ChunkWork:
    """Transcribe one chunk. careful: with the least memory the engine can do with."""

    recording: RecordingFile
    model: str
    cut: Cut
    careful: bool = False


@dataclass(frozen=True, slots=True)
class AssembleWork:
    """Make a job's files of the transcripts of its chunks."""

    job_id: str
    attempt: int
    recording: RecordingFile
    model: str
    include_summary: bool
    planned: Planned
    words: tuple[Word, ...]
    dropped: int
    bad_packets: int
    unheard: tuple[tuple[int, int], ...] = ()

    @classmethod
    def of(cls, claim: JobClaim, planned: Planned, transcripts: Sequence[tuple[Cut, ChunkTranscript]]) -> Self:
        """transcripts: every chunk's, in the order of the recording."""
        return cls(
            job_id=str(claim.id),
            attempt=claim.attempt,
            recording=RecordingFile.of(claim),
            model=claim.model,
            include_summary=claim.include_summary,
            planned=planned,
            words=tuple(word for _, chunk in transcripts for word in chunk.words),
            dropped=sum(chunk.dropped for _, chunk in transcripts),
            bad_packets=sum(chunk.bad_packets for _, chunk in transcripts),
            unheard=tuple(stretch for _, chunk in transcripts for stretch in chunk.unheard),
        )


@dataclass(frozen=True, slots=True)
class MeasureWork:
    """Measure how fast this slot transcribes."""


@dataclass(frozen=True, slots=True)
class Moved:
    """How far the work in hand is, in milliseconds of its audio. audio_ms: of the recording, where that is known."""

    stage: Stage
    done_ms: int
    audio_ms: int | None = None


Work = PlanWork | ChunkWork | AssembleWork | MeasureWork


@dataclass(frozen=True, slots=True)
class Stop:
    """End the work in hand, and keep the model."""


@dataclass(frozen=True, slots=True)
class Ready:
    """The model is loaded and tested. load_s, test_s: what that took, in seconds."""

    model: str
    device: str
    load_s: float
    test_s: float
    recipe: str
    """Engine and settings: slots of one recipe give the same words for a chunk."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The model could not be loaded, or the work in hand ended in an error."""

    code: str
    message: str
    stderr: str = ""
    """The decoder's last lines, where it failed."""

    @classmethod
    def of(cls, error: ArchivistError) -> Self:
        last = error.stderr if isinstance(error, DecoderFailed | SelfTestFailed) else ""
        return cls(error.code, error.message, last)

    def error(self) -> ArchivistError:
        error = by_code(self.code)(self.message)
        if isinstance(error, DecoderFailed | SelfTestFailed):
            error.stderr = self.stderr
        return error


@dataclass(frozen=True, slots=True)
class Measured:
    """window_s: seconds of computing that thirty seconds of speech take."""

    window_s: float


Command = Work | Stop
"""From the supervisor to a slot. Each Work ends in a Report of its own or in Failed; Moved and Cut come before."""

Report = Ready | Failed | Moved | Cut | Planned | ChunkTranscript | JobOutcome | Measured
"""From a slot to its supervisor."""

Message = Command | Report

_NAMES: dict[str, type[Message]] = {
    "plan": PlanWork,
    "transcribe": ChunkWork,
    "assemble": AssembleWork,
    "measure": MeasureWork,
    "stop": Stop,
    "ready": Ready,
    "failed": Failed,
    "moved": Moved,
    "cut": Cut,
    "planned": Planned,
    "transcript": ChunkTranscript,
    "outcome": JobOutcome,
    "measured": Measured,
}
_NAME_OF = {kind: name for name, kind in _NAMES.items()}
_ADAPTERS: dict[str, TypeAdapter[Any]] = {name: TypeAdapter(kind) for name, kind in _NAMES.items()}


def encode(message: Message) -> bytes:
    """A line: `{"<name>":{…}}`."""
    name = _NAME_OF[type(message)]
    # json, not pydantic's own bytes: text with lone surrogates, as of a file's name, passes it unharmed.
    fields = _ADAPTERS[name].dump_python(message, mode="json")
    return json.dumps({name: fields}, separators=(",", ":")).encode() + b"\n"


def decode(line: bytes) -> Message:
    """The message of a line. Raises ValueError for a line that is none, or is none of ours."""
    content = json.loads(line)
    if not isinstance(content, dict) or len(content) != 1:
        raise ValueError(f"not a message: {line[:100]!r}")
    (name, fields), *_ = content.items()
    if name not in _ADAPTERS:
        raise ValueError(f"no such message: {name[:100]!r}")
    message: Message = _ADAPTERS[name].validate_python(fields)
    return message


def planned_of(stored: dict[str, Any]) -> Planned:
    """A plan as it was stored with its job."""
    planned: Planned = _ADAPTERS["planned"].validate_python(stored)
    return planned
