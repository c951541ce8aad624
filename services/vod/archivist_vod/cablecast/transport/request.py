"""One call to a server: what was asked for, what came, and how it is told to people."""

from dataclasses import dataclass

import httpx

from archivist_common.errors import OutcomeUnknown, PublishError, TargetFailed, TargetUnavailable
from archivist_vod.cablecast.transport.envelopes import Json, Reader

JSON_LIMIT = 16 * 2**20  # bytes


@dataclass(frozen=True, slots=True)
class Call:
    """A call as asked for. read: makes a document of a good body, or ValueError; None for a file."""

    method: str
    path: str
    url: httpx.URL
    read: Reader | None
    content: Json
    operation: str
    repeats: bool = True
    limit: int = JSON_LIMIT

    @property
    def what(self) -> str:
        return f"{self.method} {self.path}"

    def lost(self, why: str, status: int | None = None, body: str = "") -> PublishError:
        """No answer came, though the request may have arrived."""
        kind = TargetUnavailable if self.repeats else OutcomeUnknown
        return kind(f"{self.what}: {why}", status=status, body=body)

    def failed(self, why: str, status: int | None, body: str) -> PublishError:
        """An answer came that is no use."""
        kind = TargetFailed if self.repeats else OutcomeUnknown
        return kind(f"{self.what}: {why}", status=status, body=body)


@dataclass(frozen=True, slots=True)
class Answer:
    data: bytes
    document: Json
    redirect: str | None = None


def first_words(body: str) -> str:
    words = " ".join(body.split())[:200]
    return f": {words}" if words else ""


def reason(exc: Exception) -> str:
    text = str(exc)
    if "CERTIFICATE_VERIFY_FAILED" in text:
        return "its certificate is not trusted; set CABLECAST_CA_BUNDLE to a file of certificates to trust"
    return f"{type(exc).__name__}: {text}" if text else type(exc).__name__


def shown(url: str) -> str:
    """An address for people and logs: its host and path. A query or a user may hold what is nobody's business."""
    try:
        parts = httpx.URL(url)
    except (ValueError, httpx.InvalidURL):
        return "an address"
    return f"{parts.host}{parts.path}" if parts.host else parts.path
