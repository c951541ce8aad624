"""Files that a transcription produced, and its summary."""

from typing import Any, Self

from pydantic import Field

from archivist_api.redaction import Redact
from archivist_api.schemas.common import Response, redacted
from archivist_common.jobs.artifacts import StoredFile
from archivist_common.states import PublicState

_HREFS = {"summary": "summary", "metadata": "metadata", "report": "report", "report_page": "report?as=page"}


class Output(Response):
    """A file the job produced."""

    kind: str = Field(max_length=20)
    href: str = Field(max_length=200)
    size_bytes: int = Field(ge=0, le=2**63 - 1)
    state: PublicState = Field(description="Whether it exists under its public name")
    problem: str | None = Field(max_length=2000, description="Why it does not, in words")

    @classmethod
    def of(cls, transcription: str, file: StoredFile, redact: Redact) -> Self:
        """transcription: its address."""
        return cls.from_view(
            file,
            href=f"{transcription}/{_HREFS.get(file.kind, f'captions/{file.kind}')}",
            state=file.public_state,
            problem=redacted(file.public_error, redact),
        )


class Sentence(Response):
    start_ms: int = Field(ge=0, le=10**12)
    end_ms: int = Field(ge=0, le=10**12)
    text: str = Field(max_length=100_000)


class Summary(Response):
    sentences: list[Sentence] = Field(max_length=10_000)

    @classmethod
    def of(cls, stored: dict[str, Any]) -> Self:
        return cls(sentences=[{name: one[name] for name in Sentence.model_fields} for one in stored["sentences"]])
