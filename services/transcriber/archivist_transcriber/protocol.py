"""What a supervisor and its slots say to one another: one JSON object a line. Plain data, no library."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from archivist_captions.cue import Word
from archivist_common.errors import ArchivistError, DecoderFailed, SelfTestFailed, by_code
from archivist_common.jobs.artifacts import StagedFile
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
    """Find the speech of a recording and cut it. language: None to find out. ends_ms: cuts that stand already."""

    recording: RecordingFile
    model: str
    language: str | None
    ends_ms: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Planned:
    """A recording cut to its end. facts: what its media holds, for the metadata of the job."""

    audio_ms: int
    language: str
    facts: dict[str, Any]


@dataclass(frozen=True, slots=True)
class ChunkWork:
    """Hear one chunk. careful: with the least memory the engine can do with."""

    recording: RecordingFile
    model: str
    cut: Cut
    careful: bool = False


@dataclass(frozen=True, slots=True)
class AssembleWork:
    """Make a job's files of what was heard in its chunks."""

    job_id: str
    attempt: int
    recording: RecordingFile
    model: str
    include_summary: bool
    planned: Planned
    words: tuple[Word, ...]
    dropped: int
    bad_packets: int

    @classmethod
    def of(cls, claim: JobClaim, planned: Planned, heard: Sequence[tuple[Cut, ChunkTranscript]]) -> Self:
        """heard: every chunk, in the order of the recording."""
        return cls(
            job_id=str(claim.id),
            attempt=claim.attempt,
            recording=RecordingFile.of(claim),
            model=claim.model,
            include_summary=claim.include_summary,
            planned=planned,
            words=tuple(word for _, hearing in heard for word in hearing.words),
            dropped=sum(hearing.dropped for _, hearing in heard),
            bad_packets=sum(hearing.bad_packets for _, hearing in heard),
        )


@dataclass(frozen=True, slots=True)
class MeasureWork:
    """Find out how fast this slot hears."""


@dataclass(frozen=True, slots=True)
class Moved:
    """How far the work in hand is, in milliseconds of its audio. audio_ms: of the recording, where that is known."""

    stage: Stage
    done_ms: int
    audio_ms: int | None = None


Work = PlanWork | ChunkWork | AssembleWork | MeasureWork


def encode(**message: Any) -> bytes:
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"


def decode(line: bytes) -> dict[str, Any]:
    """Raises ValueError for a line that is not a message."""
    message = json.loads(line)
    if not isinstance(message, dict):
        raise ValueError(f"not a message: {line[:100]!r}")
    return message


def work_message(work: Work) -> bytes:
    match work:
        case PlanWork():
            return encode(do="plan", work=asdict(work))
        case ChunkWork():
            return encode(do="hear", work=asdict(work))
        case MeasureWork():
            return encode(do="measure")
        case AssembleWork():
            fields = asdict(work)
            fields["words"] = _from_words(work.words)
            return encode(do="assemble", work=fields)


def work_of(message: dict[str, Any]) -> Work:
    if message["do"] == "measure":
        return MeasureWork()
    fields = dict(message["work"])
    fields["recording"] = RecordingFile(**fields["recording"])
    match message["do"]:
        case "plan":
            return PlanWork(**fields | {"ends_ms": tuple(fields["ends_ms"])})
        case "hear":
            return ChunkWork(**fields | {"cut": _cut(fields["cut"])})
        case "assemble":
            return AssembleWork(
                **fields | {"planned": Planned(**fields["planned"]), "words": _words(fields["words"])}
            )
    raise ValueError(f"no such work: {message['do']!r}")


def failed_message(error: ArchivistError) -> bytes:
    last = error.stderr if isinstance(error, DecoderFailed | SelfTestFailed) else ""
    return encode(tell="failed", code=error.code, message=error.message, stderr=last)


def error_of(message: dict[str, Any]) -> ArchivistError:
    error = by_code(message["code"])(message["message"])
    if isinstance(error, DecoderFailed | SelfTestFailed):
        error.stderr = message["stderr"]
    return error


def moved_message(moved: Moved) -> bytes:
    return encode(tell="moved", stage=moved.stage, done_ms=moved.done_ms, audio_ms=moved.audio_ms)


def moved_of(message: dict[str, Any]) -> Moved:
    return Moved(Stage(message["stage"]), message["done_ms"], message["audio_ms"])


def cut_message(cut: Cut) -> bytes:
    return encode(tell="cut", cut=asdict(cut))


def cut_of(message: dict[str, Any]) -> Cut:
    return _cut(message["cut"])


def planned_message(planned: Planned) -> bytes:
    return encode(tell="planned", **asdict(planned))


def planned_of(message: dict[str, Any]) -> Planned:
    return Planned(message["audio_ms"], message["language"], message["facts"])


def hearing_message(hearing: ChunkTranscript) -> bytes:
    return encode(
        tell="heard", words=_from_words(hearing.words), dropped=hearing.dropped, bad_packets=hearing.bad_packets
    )


def hearing_of(message: dict[str, Any]) -> ChunkTranscript:
    return ChunkTranscript(_words(message["words"]), message["dropped"], message["bad_packets"])


def outcome_message(outcome: JobOutcome) -> bytes:
    made = [
        {
            "kind": made.kind,
            "path": str(made.path),
            "sha256": made.sha256,
            "size_bytes": made.size_bytes,
            "public_path": str(made.public_path),
        }
        for made in outcome.artifacts
    ]
    return encode(
        tell="made",
        artifacts=made,
        audio_ms=outcome.audio_ms,
        language=outcome.language,
        summary=outcome.summary,
        warnings=list(outcome.warnings),
    )


def outcome_of(message: dict[str, Any]) -> JobOutcome:
    return JobOutcome(
        artifacts=tuple(
            StagedFile(
                kind=made["kind"],
                path=Path(made["path"]),
                sha256=made["sha256"],
                size_bytes=made["size_bytes"],
                public_path=Path(made["public_path"]),
            )
            for made in message["artifacts"]
        ),
        audio_ms=message["audio_ms"],
        language=message["language"],
        summary=message["summary"],
        warnings=tuple(message["warnings"]),
    )


def _cut(fields: dict[str, Any]) -> Cut:
    return Cut(**fields | {"speech": tuple((start, end) for start, end in fields["speech"])})


def _from_words(words: Sequence[Word]) -> list[list[Any]]:
    return [[word.start_ms, word.end_ms, word.text, word.confidence] for word in words]


def _words(rows: list[list[Any]]) -> tuple[Word, ...]:
    return tuple(Word(*row) for row in rows)
