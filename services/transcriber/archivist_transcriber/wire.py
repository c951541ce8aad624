"""What a supervisor and its slots say to one another: one JSON object a line. Plain data, no library."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from archivist_common.artifacts import Made
from archivist_common.jobs import Claim, Outcome, Progress
from archivist_common.states import Stage


@dataclass(frozen=True, slots=True)
class Work:
    """One attempt at one recording, as a slot needs to know it."""

    job_id: str
    attempt: int
    storage: str
    path: str
    size_bytes: int
    mtime_ns: int
    language: str | None
    model: str
    include_summary: bool
    audio_track: int | None

    @classmethod
    def of(cls, claim: Claim) -> Self:
        return cls(
            job_id=str(claim.id),
            attempt=claim.attempt,
            storage=claim.storage,
            path=claim.path,
            size_bytes=claim.size_bytes,
            mtime_ns=claim.mtime_ns,
            language=None if claim.language == "auto" else claim.language,
            model=claim.model,
            include_summary=claim.include_summary,
            audio_track=claim.audio_track,
        )


def encode(**message: Any) -> bytes:
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"


def decode(line: bytes) -> dict[str, Any]:
    """Raises ValueError for a line that is not a message."""
    message = json.loads(line)
    if not isinstance(message, dict):
        raise ValueError(f"not a message: {line[:100]!r}")
    return message


def work_message(work: Work) -> bytes:
    return encode(do="work", work=asdict(work))


def progress_message(progress: Progress) -> bytes:
    return encode(
        tell="progress",
        stage=progress.stage,
        percent=progress.percent,
        done_ms=progress.audio_done_ms,
        audio_ms=progress.audio_ms,
    )


def progress_of(message: dict[str, Any]) -> Progress:
    return Progress(Stage(message["stage"]), message["percent"], message["done_ms"], message["audio_ms"])


def outcome_message(outcome: Outcome) -> bytes:
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
        tell="done",
        artifacts=made,
        audio_ms=outcome.audio_ms,
        language=outcome.language,
        summary=outcome.summary,
        warnings=list(outcome.warnings),
    )


def outcome_of(message: dict[str, Any]) -> Outcome:
    return Outcome(
        artifacts=tuple(
            Made(
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
