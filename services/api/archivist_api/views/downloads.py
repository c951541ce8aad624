"""Files the jobs produced, read for a download: whole, verified, and within a deadline."""

import asyncio
import hashlib
import threading
from datetime import timedelta

from archivist_common.errors import CaptionsInvalid, StorageUnavailable
from archivist_common.jobs.artifacts import StoredFile
from archivist_common.storage import os_errors

MOST = 8  # reads at once; the output folder may lie on a mount that hangs, and a thread in it cannot be ended


class DownloadReader:
    """Reads files in threads of its own. While all of them hang, further reads fail at once."""

    def __init__(self) -> None:
        self._free = threading.Semaphore(MOST)

    async def read(self, file: StoredFile, deadline: timedelta) -> bytes:
        """The file as it was committed.

        Raises FileMissing, StorageUnavailable, CaptionsInvalid where its hash does not match.
        """
        if not self._free.acquire(blocking=False):
            raise StorageUnavailable("the output folder is not responding")
        loop = asyncio.get_running_loop()
        outcome: asyncio.Future[bytes] = loop.create_future()

        def settle(data: bytes | None, error: OSError | None) -> None:
            if outcome.done():
                return
            if error is not None:
                outcome.set_exception(os_errors.reading(error, f"file {file.path.name!r} in the output folder"))
            elif data is not None:
                outcome.set_result(data)

        def work() -> None:
            data, error = None, None
            try:
                with file.path.open("rb") as opened:
                    data = opened.read(file.size_bytes + 1)
            except OSError as exc:
                error = exc
            finally:
                self._free.release()
            if not loop.is_closed():
                loop.call_soon_threadsafe(settle, data, error)

        # A daemon: one that hangs for ever does not keep the process.
        threading.Thread(target=work, name="read-output", daemon=True).start()
        try:
            async with asyncio.timeout(deadline.total_seconds()):
                data = await outcome
        except TimeoutError as exc:
            raise StorageUnavailable("the output folder is not responding") from exc
        if hashlib.sha256(data).hexdigest() != file.sha256:
            raise CaptionsInvalid(f"the {file.kind} file does not hold what was written; it is not released")
        return data
