"""What all schemas share: the bases of requests and responses, bounded text, and failures."""

from collections.abc import Iterable
from itertools import islice
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from archivist_api.redaction import Redact
from archivist_captions.formats import FORMATS

FORMAT_PATTERN = f"^({'|'.join(FORMATS)})$"
LONGEST_MESSAGE = 2000


def well_formed(text: str) -> str:
    """JSON can hold half a character (`"\\ud83d"`); nothing that stores text can."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("is not valid text") from None
    return text


def _storable(text: str) -> str:
    if "\0" in text:
        raise ValueError("holds a NUL character")
    return well_formed(text)


def _well_formed_secret(secret: SecretStr) -> SecretStr:
    well_formed(secret.get_secret_value())
    return secret


Text = Annotated[str, AfterValidator(_storable)]
Secret = Annotated[SecretStr, AfterValidator(_well_formed_secret)]
Message = Annotated[str, Field(max_length=LONGEST_MESSAGE)]


class Request(BaseModel):
    """A request's body. Unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=False)


class Response(BaseModel):
    """A response's body. `model_validate` reads it from any view whose attributes have the same names."""

    model_config = ConfigDict(extra="forbid", from_attributes=True)

    @classmethod
    def from_view(cls, view: object, **changed: Any) -> Self:
        """Fields given here, and the others from attributes of the same name."""
        return cls(**{name: getattr(view, name) for name in cls.model_fields if name not in changed}, **changed)


class Failure(Response):
    code: str = Field(max_length=50)
    message: str = Field(max_length=10_000)

    @classmethod
    def of(cls, code: str | None, message: str | None, redact: Redact) -> Self | None:
        """None without a code."""
        return None if code is None else cls(code=code, message=redact(message or "")[:10_000])


def redacted(text: str | None, redact: Redact) -> str | None:
    """A text as it may leave this machine, cut to what a field holds."""
    return None if text is None else redact(text)[:LONGEST_MESSAGE]


def clipped(texts: Iterable[str], most: int, redact: Redact = str) -> list[str]:
    """The first `most` of these, each cut to what a field holds."""
    return [redact(text)[:LONGEST_MESSAGE] for text in islice(texts, most)]
