"""Files through the whole system and back: a stack of our own, its gateway, and what it made of them."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from archivist_cli import accounts, config, progress
from archivist_cli.gateway import Gateway
from archivist_cli.local.errors import StackError, StackInterrupted
from archivist_cli.local.ports import Ports
from archivist_cli.local.stack import SERVICES, Stack
from archivist_common.errors import ArchivistError, by_code
from archivist_common.storage import atomic_files
from archivist_common.storage.paths import OUTPUT_ENDINGS, output_name

WITHOUT_PUBLISHER = tuple(name for name in SERVICES if name != "vod")
_ENDED = {"completed", "failed", "cancelled"}


@dataclass(frozen=True, slots=True)
class RunningStack:
    """A running stack of our own and the way into it. data: its temporary folder."""

    stack: Stack
    gateway: Gateway
    data: Path


@asynccontextmanager
async def running_stack(
    settings: Mapping[str, str], services: Sequence[str] = WITHOUT_PUBLISHER
) -> AsyncIterator[RunningStack]:
    """Everything in a temporary folder, gone when the block ends. DATABASE_URL and REDIS_URL are left alone.

    No publisher, unless it is asked for: with a station's settings, it would put on air what was to be a file.
    """
    alone = {name: value for name, value in settings.items() if name not in {"DATABASE_URL", "REDIS_URL", "LOG_FILE"}}
    with TemporaryDirectory(prefix="archivist-", ignore_cleanup_errors=True) as folder:
        data = Path(folder)
        async with Stack(
            data / "data", settings=alone, ports=Ports(api=0), services=services, durable=False
        ) as stack:
            key = await accounts.working_key(stack.database_url)
            async with Gateway(stack.api_url, key) as gateway, until_asked_to_stop(stack):
                yield RunningStack(stack, gateway, data)


@asynccontextmanager
async def until_asked_to_stop(stack: Stack) -> AsyncIterator[None]:
    """A block that ends, wherever it is, when Ctrl-C or SIGTERM asks us to stop. Raises StackInterrupted then."""
    inside = asyncio.current_task()
    assert inside is not None, "a coroutine runs in a task"  # noqa: S101
    was_asked = False

    async def watch() -> None:
        nonlocal was_asked
        await stack.wait()
        was_asked = True
        inside.cancel()

    watching = asyncio.create_task(watch())
    try:
        yield
    except asyncio.CancelledError:
        if not was_asked:
            raise
        inside.uncancel()
        raise StackInterrupted("stopped before it was done") from None
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


async def follow(gateway: Gateway, job: dict[str, Any]) -> dict[str, Any]:
    """Follow a submitted job, with a bar, to its end; the finished job. Raises the error it failed with."""
    with progress.bar(job["path"]) as feed:
        return await followed(gateway, job, feed)


async def followed(gateway: Gateway, job: dict[str, Any], feed: progress.Feed) -> dict[str, Any]:
    """A submitted job once it has completed; its updates go to `feed`. Raises the error it failed with."""
    path = job["path"]
    feed(job)
    async for update in gateway.events(job["id"]):
        if update.event != "captions":
            feed(update.data)
    job = await gateway.read(job["id"])
    if job["status"] not in _ENDED:
        raise StackError(f"the gateway's event stream ended while {path!r} was {job['status']}")
    if job["status"] != "completed":
        error = job.get("error") or {"code": "CANCELLED", "message": "it was cancelled"}
        raised: ArchivistError = by_code(error["code"])(f"{error['code']}: {error['message']}")
        raise raised
    return job


def folders(recordings: list[Path]) -> dict[str, Path]:
    """A storage name for each folder that holds one of the files."""
    result: dict[str, Path] = {}
    for file in recordings:
        folder = file.resolve().parent
        if folder not in result.values():
            name = config.storage_name(folder)
            result[name if name not in result else f"{name}-{len(result) + 1}"] = folder
    return result


def targets(output: Path, base: str, *, overwrite: bool, wanted: set[str] | None) -> dict[str, Path]:
    """Where a job's files go, by kind. Raises StackError where a file of that name exists."""
    kinds = [kind for kind in OUTPUT_ENDINGS if wanted is None or kind in wanted]
    paths = {kind: output / output_name(base, kind) for kind in kinds}
    if not overwrite:
        for path in paths.values():
            if path.exists():
                raise StackError(f"{path} exists: give --overwrite to replace it, or --output to write elsewhere")
    return paths


async def save(
    gateway: Gateway,
    job: dict[str, Any],
    output: Path,
    base: str,
    *,
    overwrite: bool = False,
    wanted: set[str] | None = None,
) -> dict[str, Path]:
    """Write a finished job's files into a folder; their paths by kind. wanted: kinds, all when None.

    Raises StackError, before anything is written, where a file of that name exists.
    """
    paths = targets(output, base, overwrite=overwrite, wanted=wanted)
    for kind, path in paths.items():
        data = await gateway.output(job["id"], kind)
        await asyncio.to_thread(atomic_files.stage, output.absolute(), path.name, data)
    return paths
