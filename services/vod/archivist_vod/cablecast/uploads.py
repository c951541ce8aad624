"""Putting a file into a Cablecast file store through its chunked uploads, going on where an earlier try stopped.

1 create, 2 one POST a segment, 3 say that all are there, 4 wait until it lies in the store. Only the last step
makes a file: an upload left unfinished leaves nothing on the store, and the server forgets it after four hours.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Self

from pydantic import ValidationError

from archivist_common.errors import (
    OutcomeUnknown,
    PublishError,
    TargetFailed,
    TargetMissing,
    TargetRefused,
    TargetUnavailable,
)
from archivist_vod.cablecast import models
from archivist_vod.cablecast.transport.client import CablecastClient
from archivist_vod.cablecast.transport.paging import rows

SEGMENT = 5 * 2**20  # bytes, as the vendor's sample sends
_POLL_S = 3.0  # as the vendor's sample
_TRIES = 4  # of one segment
_BEGINNINGS = 3  # uploads begun anew before it is reported
_LOOKS, _BETWEEN_LOOKS_S = 2, 5.0  # at the list, for an upload whose creation got no answer

_ERROR, _UPLOADING, _FINISHED, _TIMED_OUT = 0, 1, 5, 6
_ALL_SENT = 2
_STATES = {
    0: "error",
    1: "uploading",
    2: "all there",
    3: "being checked",
    4: "being moved",
    5: "finished",
    6: "timed out",
}
_CONFLICT = 409
_NO_LIST = frozenset({404, 405})


@dataclass(frozen=True, slots=True)
class UploadProgress:
    """How far an upload is; what to keep so that another process can go on. next_segment: counted from 0."""

    upload_id: int | None = None
    next_segment: int = 0

    def to_json(self) -> dict[str, int | None]:
        return {"upload_id": self.upload_id, "next_segment": self.next_segment}

    @classmethod
    def from_json(cls, value: dict[str, Any] | None) -> Self:
        """What `to_json` gave; the beginning for None."""
        return cls() if value is None else cls(value["upload_id"], value["next_segment"])


Keep = Callable[[UploadProgress], Awaitable[None]]


async def _forget(progress: UploadProgress) -> None:
    """For a caller that begins anew after a crash."""


class _BeginAnew(Exception):
    """The way back to the first step: the server lost the upload, or it failed there."""


class Uploads:
    """Uploads to one server. deadline_s: for one file in all; what was reached by then is in the kept progress."""

    def __init__(
        self,
        client: CablecastClient,
        *,
        deadline_s: float = 300.0,
        segment_bytes: int = SEGMENT,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = client
        self._deadline_s = deadline_s
        self._segment_bytes = segment_bytes
        self._clock = clock

    async def upload(
        self, name: str, store: int, data: bytes, *, progress: UploadProgress | None = None, keep: Keep = _forget
    ) -> models.FileUpload:
        """The finished upload; its `asset` is set where the server says.

        keep: called after each step with what to go on from. Raises TargetUnavailable at the deadline, TargetFailed
        when the server gives the file up again and again, and whatever the client raises.
        """
        job = _Job(
            self._client, name, store, data, self._segment_bytes, keep, self._clock() + self._deadline_s, self._clock
        )
        deadline = asyncio.timeout(self._deadline_s)
        try:
            async with deadline:
                return await job.run(progress or UploadProgress())
        except TimeoutError as exc:
            if not deadline.expired():
                raise
            raise TargetUnavailable(f"upload of {name!r}: not finished within {self._deadline_s:.0f} s") from exc


@dataclass
class _Job:
    """One file on its way."""

    client: CablecastClient
    name: str
    store: int
    data: bytes
    segment_bytes: int
    keep: Keep
    until: float
    clock: Callable[[], float]

    @property
    def segments(self) -> int:
        return max(1, -(-len(self.data) // self.segment_bytes))

    async def run(self, progress: UploadProgress) -> models.FileUpload:
        why = ""
        for _ in range(_BEGINNINGS):
            try:
                return await self._from(progress)
            except _BeginAnew as exc:
                why = str(exc)
                progress = UploadProgress()
                await self.keep(progress)
        raise TargetFailed(f"upload of {self.name!r}: begun {_BEGINNINGS} times: {why}")

    async def _from(self, progress: UploadProgress) -> models.FileUpload:
        if progress.upload_id is None:
            progress = UploadProgress(await self._created())
            await self.keep(progress)
            upload = None
        else:
            upload = await self._look(progress.upload_id)
        id_ = progress.upload_id
        assert id_ is not None  # noqa: S101 -- set above; for mypy
        if upload is None or upload.state in (None, _UPLOADING):
            upload = await self._send(id_, progress.next_segment)
        if upload is None:
            upload = await self._said_all_sent(id_)
        return await self._finished(upload)

    async def _created(self) -> int:
        wanted = {
            "fileName": self.name,
            "destinationStore": self.store,
            "totalSegments": self.segments,
            "size": len(self.data),
        }
        for _ in range(_BEGINNINGS):
            try:
                made = await self.client.post("fileuploads", "fileUpload", wanted)
            except OutcomeUnknown:
                found = await self._left_behind()
                if found is not None:
                    return found
            else:
                id_: int = made["id"]
                return id_
        raise TargetUnavailable(f"upload of {self.name!r}: creating it got no answer {_BEGINNINGS} times")

    async def _left_behind(self) -> int | None:
        """The newest upload like ours that waits for segments: one whose creation got no answer."""
        for look in range(_LOOKS):
            if look:
                await self.client.sleep(_BETWEEN_LOOKS_S)
            try:
                async with aclosing(rows(self.client, "fileuploads", "fileUploads")) as listed:
                    alike: list[int] = [row["id"] async for row in listed if self._is_ours(_read(row))]
            except TargetMissing:
                return None  # no such list: the other upload is never finished
            except TargetRefused as exc:
                if exc.status not in _NO_LIST:
                    raise
                return None
            if alike:
                return max(alike)
        return None

    def _is_ours(self, upload: models.FileUpload) -> bool:
        mine = (self.name, self.store, self.segments, len(self.data))
        theirs = (upload.file_name, upload.destination_store, upload.total_segments, upload.size)
        return upload.state == _UPLOADING and theirs == mine

    async def _look(self, id_: int) -> models.FileUpload:
        """The upload as it stands; begins anew where it is gone, failed or of another file."""
        try:
            upload = _read(await self.client.get(f"fileuploads/{id_}", "fileUpload"))
        except TargetMissing as exc:
            raise _BeginAnew(exc.message) from exc
        if upload.state in (_ERROR, _TIMED_OUT):
            raise _BeginAnew(f"upload {id_} ended with {_STATES[upload.state]!r}")
        mine = (self.name, self.store, self.segments)
        for ours, theirs in zip(
            mine, (upload.file_name, upload.destination_store, upload.total_segments), strict=True
        ):
            if theirs not in (None, "", ours):
                raise _BeginAnew(f"upload {id_} is of another file")
        return upload

    async def _send(self, id_: int, first: int) -> models.FileUpload | None:
        """Send what is missing. An upload comes back where the server says that it wants no more of it."""
        for segment in range(first, self.segments):
            start = segment * self.segment_bytes
            past = await self._send_one(id_, segment, self.data[start : start + self.segment_bytes])
            if past is not None:
                return past
            await self.keep(UploadProgress(id_, segment + 1))
        return None

    async def _send_one(self, id_: int, segment: int, data: bytes) -> models.FileUpload | None:
        error: PublishError | None = None
        for tried in range(_TRIES):
            if tried:
                await self.client.sleep(2.0**tried / 2)
            try:
                left = max(1.0, self.until - self.clock())
                await self.client.post_segment(id_, segment, self.name, data, deadline_s=left)
            except OutcomeUnknown as exc:
                error = exc  # the same bytes into the same place: sent again
            except TargetMissing as exc:
                raise _BeginAnew(exc.message) from exc
            except TargetRefused as exc:
                if exc.status != _CONFLICT:
                    raise
                upload = await self._look(id_)
                if upload.state != _UPLOADING:
                    return upload
                error = exc
            else:
                return None
        # Sending it again is safe, so what is unknown here is only that it did not work.
        raise TargetUnavailable(f"upload {id_}: segment {segment} does not get through: {error}") from error

    async def _said_all_sent(self, id_: int) -> models.FileUpload:
        try:
            await self.client.put(f"fileuploads/{id_}", "fileUpload", {"state": _ALL_SENT})
        except TargetMissing as exc:
            raise _BeginAnew(exc.message) from exc
        except TargetRefused as exc:
            if exc.status != _CONFLICT:
                raise  # a conflict: it may know already, by a try whose answer was lost
        return await self._look(id_)

    async def _finished(self, upload: models.FileUpload) -> models.FileUpload:
        while upload.state != _FINISHED:
            await self.client.sleep(_POLL_S)
            upload = await self._look(upload.id)
        return upload


def _read(raw: dict[str, Any]) -> models.FileUpload:
    try:
        return models.FileUpload.read(raw)
    except ValidationError as exc:
        raise TargetFailed(f"an upload is not what it should be: {exc.errors()[0]['msg']}", status=200) from exc
