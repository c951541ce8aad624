"""Storage servers: what browsing shows, what it refuses, and mounts that are away, read-only, broken or hung."""

import asyncio
import contextlib
import errno
import os
import socket
import subprocess
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import psutil
import pytest
import pytest_asyncio
from tests.simulators import faultfs

from archivist_common.errors import (
    FileGrowing,
    FileMissing,
    InvalidFileFormat,
    InvalidRequest,
    NotFound,
    PathRefused,
    PublicNameTaken,
    StorageFull,
    StorageReadOnly,
    StorageUnavailable,
)
from archivist_common.storage import atomic_files, io_process, mounts
from archivist_common.storage.client import MAX_LISTED, FileEntry, Listing, Order, StorageClient, StorageServer
from archivist_common.storage.io_pool import HELPERS
from archivist_common.storage.mounts import MountKind

SOON = timedelta(seconds=10)  # far more than is needed: the machine may be busy
HUNG = timedelta(seconds=0.5)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "flex-1").mkdir()
    return tmp_path / "flex-1"


@pytest.fixture
def server(folder: Path) -> StorageServer:
    return StorageServer("flex-1", folder)


@pytest_asyncio.fixture
async def storages(server: StorageServer) -> AsyncIterator[StorageClient]:
    async with StorageClient([server]) as opened:
        yield opened


def record(folder: Path, name: str, *, day: int = 1, data: bytes = b"media") -> Path:
    path = folder / name
    path.write_bytes(data)
    moment = datetime(2025, 1, day, 3, 4, 5, tzinfo=UTC).timestamp()
    os.utime(path, (moment, moment))
    return path


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def shown(listing: Listing) -> list[str]:
    return [entry.name for entry in listing.entries]


async def every_page(storages: StorageClient, server: StorageServer, order: Order, limit: int) -> list[FileEntry]:
    entries, after = list[FileEntry](), None
    while True:
        page = await storages.browse(server, after=after, limit=limit, order=order, deadline=SOON)
        entries += page.entries
        if page.next is None:
            return entries
        after = page.next


# Settings


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("/mnt/flex-1", StorageServer("flex-1", Path("/mnt/flex-1")), id="named-after-its-folder"),
        pytest.param(" birchwood=/mnt/x ", StorageServer("birchwood", Path("/mnt/x")), id="named"),
        pytest.param("/mnt/a+beside", StorageServer("a", Path("/mnt/a"), beside=True), id="beside"),
        pytest.param("b=/mnt/a+beside", StorageServer("b", Path("/mnt/a"), beside=True), id="named-beside"),
        pytest.param("b=/mnt/x=y/z", StorageServer("b", Path("/mnt/x=y/z")), id="equals-in-the-path"),
        pytest.param("/mnt/x=y/z", StorageServer("z", Path("/mnt/x=y/z")), id="equals-in-an-unnamed-path"),
        pytest.param("q=/mnt/a+b", StorageServer("q", Path("/mnt/a+b")), id="plus-in-the-path"),
        pytest.param("/mnt/a+mount", StorageServer("a", Path("/mnt/a"), kind=MountKind.MOUNT), id="mount"),
        pytest.param("/mnt/a+marker", StorageServer("a", Path("/mnt/a"), kind=MountKind.MARKER), id="marker"),
        pytest.param("/a+folder+beside", StorageServer("a", Path("/a"), True, MountKind.FOLDER), id="both-flags"),
    ],
)
def test_a_storage_server_is_read_from_its_setting(text: str, expected: StorageServer) -> None:
    assert StorageServer.parse(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", "flex-1", "a=flex-1", "a b=/mnt/a", "/mnt/My Flex", "/", "=/mnt/a", "/a+mount+folder", "/a+marker+mount"],
)
def test_a_setting_that_is_no_storage_server_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="storage server"):
        StorageServer.parse(text)


def test_json_holds_what_text_cannot() -> None:
    entry = {"name": "a", "path": "/mnt/a, b+beside", "beside": True, "kind": "folder"}
    assert StorageServer.from_json(entry) == StorageServer("a", Path("/mnt/a, b+beside"), True, MountKind.FOLDER)
    for wrong in ({"name": "a"}, "a", {"name": "a", "path": "b"}, {"name": "a", "path": "/b", "kind": "tape"}):
        with pytest.raises(ValueError):
            StorageServer.from_json(wrong)


# Browsing


async def test_recordings_and_folders_are_shown_and_nothing_else(
    storages: StorageClient, server: StorageServer, folder: Path
) -> None:
    record(folder, "17837-1-Birchwood City Council (20220412).mp4", day=2, data=b"12345")
    record(folder, "17837-1-Birchwood City Council (20220412).scc")
    record(folder, "Grant.MOV", day=3)
    (folder / "Archive").mkdir()
    record(folder, "Grant_captioned.mp4")
    record(folder, "Notes.docx")
    record(folder, ".hidden.mp4")
    record(folder, "$RECYCLE.mp4")
    (folder / ".archivist").mkdir()
    (folder / "lost+found").mkdir()
    (folder / "folder.mp4").mkdir()
    os.mkfifo(folder / "fifo.mp4")
    (folder / "link.mp4").symlink_to("Grant.MOV")
    (folder / "out.mp4").symlink_to("/etc/passwd")
    (folder / "out").symlink_to("/etc")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "s.mp4"))
    listing = await storages.browse(server, deadline=SOON)
    assert shown(listing) == ["Archive", "folder.mp4", "Grant.MOV", "17837-1-Birchwood City Council (20220412).mp4"]
    assert listing.entries[3] == FileEntry(
        name="17837-1-Birchwood City Council (20220412).mp4",
        path="17837-1-Birchwood City Council (20220412).mp4",
        is_folder=False,
        size_bytes=5,
        modified=datetime(2025, 1, 2, 3, 4, 5, tzinfo=UTC),
        has_captions=True,
    )
    assert [entry.has_captions for entry in listing.entries[:3]] == [False, False, False]
    assert (listing.total, listing.next, listing.truncated, listing.skipped) == (4, None, False, 0)


async def test_a_folder_below_is_browsed_by_its_path(
    storages: StorageClient, server: StorageServer, folder: Path
) -> None:
    (folder / "2025" / "March").mkdir(parents=True)
    record(folder / "2025" / "March", "a.mp4")
    listing = await storages.browse(server, "2025/March", deadline=SOON)
    assert [entry.path for entry in listing.entries] == ["2025/March/a.mp4"]


@pytest.mark.parametrize(
    ("order", "limit"), [(Order.NEWEST, 7), (Order.NAME, 7), (Order.NEWEST, 1), (Order.NAME, 200)]
)
async def test_pages_show_everything_once_in_order(
    storages: StorageClient, server: StorageServer, folder: Path, order: Order, limit: int
) -> None:
    for n in range(20):
        record(folder, f"{'aB'[n % 2]}{n:02}.mp4", day=1 + n // 3)  # three of each day
    (folder / "z").mkdir()
    entries = await every_page(storages, server, order, limit)
    assert len({entry.name for entry in entries}) == len(entries) == 21
    assert entries[0].is_folder
    if order is Order.NEWEST:
        times = [entry.modified for entry in entries[1:]]
        assert times == sorted(times, reverse=True)
    else:
        names = [entry.name.casefold() for entry in entries[1:]]
        assert names == sorted(names)


async def test_a_recording_that_arrives_between_pages_repeats_nothing(
    storages: StorageClient, server: StorageServer, folder: Path
) -> None:
    for n in range(4):
        record(folder, f"{n}.mp4", day=10 + n)
    first = await storages.browse(server, limit=2, deadline=SOON)
    record(folder, "new.mp4", day=28)
    second = await storages.browse(server, limit=2, after=first.next, deadline=SOON)
    assert shown(first) + shown(second) == ["3.mp4", "2.mp4", "1.mp4", "0.mp4"]


async def test_a_mark_or_limit_that_no_listing_gave_is_refused(
    storages: StorageClient, server: StorageServer, folder: Path
) -> None:
    record(folder, "a.mp4")
    for after in ("nonsense", "[]", '[1, "a", "a"]', '{"a": 1}', "[2, 1, 1]"):
        with pytest.raises(InvalidRequest):
            await storages.browse(server, after=after, deadline=SOON)
    for limit in (0, -1, 10_001):
        with pytest.raises(InvalidRequest):
            await storages.browse(server, limit=limit, deadline=SOON)


@pytest.mark.parametrize(
    "path", ["..", "/etc", "a/../..", "out", "out/x", ".archivist", "a/.hidden", "C:\\", "a\0", "in", "in/x"]
)
async def test_a_path_that_leads_out_or_is_hidden_is_refused(
    storages: StorageClient, server: StorageServer, folder: Path, path: str
) -> None:
    record(folder, "a.mp4")
    (folder / "deep" / "x").mkdir(parents=True)
    (folder / ".archivist").mkdir()
    (folder / "out").symlink_to("/etc")
    (folder / "in").symlink_to("deep")
    with pytest.raises(PathRefused):
        await storages.browse(server, path, deadline=SOON)
    with pytest.raises(PathRefused):
        await storages.stat_recording(server, path, SOON)


@pytest.mark.parametrize("path", ["none", "a.mp4"])
async def test_a_folder_that_is_not_there_is_missing(
    storages: StorageClient, server: StorageServer, folder: Path, path: str
) -> None:
    record(folder, "a.mp4")
    with pytest.raises(FileMissing):
        await storages.browse(server, path, deadline=SOON)


@pytest.mark.parametrize(
    "name",
    [
        "Mayor's Q&A – José.mp4",
        "[live] {x} 100% #1; $(y) `z` \\ |.mp4",
        "two\nlines.mp4",
        "🎥 会议.mp4",
        "x" * 251 + ".mp4",
    ],
)
async def test_any_legal_name_is_listed_and_found_again(
    storages: StorageClient, server: StorageServer, folder: Path, name: str
) -> None:
    record(folder, name)
    listing = await storages.browse(server, deadline=SOON)
    assert shown(listing) == [name]
    assert (await storages.stat_recording(server, listing.entries[0].path, SOON)).size_bytes == 5


async def test_a_name_that_is_no_text_is_counted_not_shown(
    storages: StorageClient, server: StorageServer, folder: Path
) -> None:
    (Path(os.fsdecode(os.fsencode(folder) + b"/caf\xe9.mp4"))).write_bytes(b"x")
    record(folder, "a.mp4")
    listing = await storages.browse(server, deadline=SOON)
    assert (shown(listing), listing.skipped) == (["a.mp4"], 1)


async def test_a_time_from_beyond_the_calendar_is_shown_as_1970(
    storages: StorageClient, server: StorageServer, folder: Path
) -> None:
    os.utime(record(folder, "a.mp4"), (2**38, 2**38))
    listing = await storages.browse(server, deadline=SOON)
    assert listing.entries[0].modified.tzinfo is UTC


async def test_a_page_has_two_hundred_entries_of_a_larger_folder_and_says_how_many_there_are(
    storages: StorageClient, server: StorageServer, folder: Path
) -> None:
    """How fast, and whether the event loop waits: `archivist bench storage`."""
    for n in range(210):
        (folder / f"{n}-1-Council.mp4").touch()
        (folder / f"{n}-1-Council.scc").touch()
    listing = await storages.browse(server, deadline=SOON)
    assert (listing.total, len(listing.entries), listing.truncated) == (210, 200, False)
    assert listing.next is not None


async def test_more_than_are_listed_are_cut_and_said_to_be(server: StorageServer, folder: Path) -> None:
    for n in range(105):
        (folder / f"{n}.mp4").touch()
    async with StorageClient([server], max_listed=100) as few:
        listing = await few.browse(server, limit=100, order=Order.NAME, deadline=SOON)
        assert (listing.total, len(listing.entries), listing.truncated, listing.next) == (100, 100, True, None)
        with pytest.raises(InvalidRequest):
            await few.browse(server, limit=101, deadline=SOON)
    assert MAX_LISTED == 10_000, "what a client lists where nothing else is said, as the API promises"


# One recording


async def test_a_recording_is_described(storages: StorageClient, server: StorageServer, folder: Path) -> None:
    record(folder, "a.mp4", day=2)
    found = await storages.stat_recording(server, "a.mp4", SOON)
    assert (found.server, found.path, found.size_bytes) == ("flex-1", "a.mp4", 5)
    assert found.modified == datetime(2025, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert found.mtime_ns == (folder / "a.mp4").stat().st_mtime_ns


async def test_a_fingerprint_is_that_of_the_content_wherever_it_lies(
    storages: StorageClient, server: StorageServer, folder: Path
) -> None:
    long = b"x" * 300_000
    contents = {
        "a.mp4": long,
        "copy.mp4": long,
        "head.mp4": b"y" + long[1:],
        "tail.mp4": long[1:] + b"y",
        "more.mp4": long + b"x",
    }
    for name, data in contents.items():
        record(folder, name, data=data)
    prints = {name: (await storages.stat_recording(server, name, SOON)).fingerprint for name in contents}
    assert prints["a.mp4"] == prints["copy.mp4"]
    assert len(set(prints.values())) == 4


@pytest.mark.parametrize(
    ("path", "error", "words"),
    [
        ("none.mp4", FileMissing, "no file"),
        ("none/a.mp4", FileMissing, "no file"),
        ("folder", InvalidFileFormat, "is a folder"),
        ("Notes.docx", InvalidFileFormat, "not named as a recording"),
        ("a_captioned.mp4", InvalidFileFormat, "copy with captions"),
        ("fifo.mp4", InvalidFileFormat, "not a regular file"),
        ("out.mp4", PathRefused, "link"),
        ("in.mp4", PathRefused, "link"),
        ("", PathRefused, "empty"),
        ("/etc/passwd", PathRefused, "absolute"),
        (".hidden.mp4", PathRefused, "hidden"),
    ],
)
async def test_what_is_no_recording_is_refused_in_words(
    storages: StorageClient, server: StorageServer, folder: Path, path: str, error: type[Exception], words: str
) -> None:
    for name in ("a.mp4", "Notes.docx", ".hidden.mp4", "a_captioned.mp4"):
        record(folder, name)
    (folder / "folder").mkdir()
    os.mkfifo(folder / "fifo.mp4")
    (folder / "out.mp4").symlink_to("/etc/passwd")
    (folder / "in.mp4").symlink_to("a.mp4")
    with pytest.raises(error, match=words):
        await storages.stat_recording(server, path, SOON)


# A recording that is still being written


class Writing:
    """A process's worth of writing to a recording, in a thread, until the block ends."""

    def __init__(self, write: Callable[[int], None]) -> None:
        self._write, self._over = write, threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        for step in count():
            self._write(step)
            if self._over.wait(0.02):
                return


SETTLED = timedelta(seconds=60)


async def test_a_recording_that_still_changes_is_not_taken_and_one_that_rests_is(
    storages: StorageClient, server: StorageServer, folder: Path
) -> None:
    def dated(name: str, age_s: float, data: bytes = b"media" * 40_000) -> Path:
        (folder / name).write_bytes(data)
        os.utime(folder / name, (time.time() - age_s, time.time() - age_s))
        return folder / name

    grows, ahead = dated("grows.mp4", 5), dated("grows, its clock an hour fast.mp4", -3600)
    late = dated("changes, and its time does not.mp4", 5)
    still = late.stat()
    dated("rests.mp4", 5)
    dated("rests, its clock an hour fast.mp4", -3600)
    dated("claimed whole, being copied.mp4", 5, b"media" + bytes(200_000))
    dated("silence.wav", 5, b"RIFF" + bytes(200_000))
    dated("old.mp4", 3600, b"media" + bytes(200_000))

    def write(step: int) -> None:
        with grows.open("ab") as file, ahead.open("ab") as other:
            file.write(b"more")
            other.write(b"more")
        os.utime(ahead, (still.st_mtime + 3600, still.st_mtime + 3600))
        with late.open("r+b") as file:
            file.write(b"%d" % step)
        os.utime(late, ns=(still.st_atime_ns, still.st_mtime_ns))

    async def look(name: str) -> str:
        try:
            found = await storages.stat_recording(server, name, SOON, settled=SETTLED)
        except FileGrowing as exc:
            return exc.message.partition(" is still being ")[2].partition(":")[0]
        return f"{found.size_bytes}"

    with Writing(write):
        found = await asyncio.gather(*(look(name) for name in names(folder)))
        began = time.monotonic()
        assert await look("old.mp4") == "200005"
        assert time.monotonic() - began < 0.9, "what has rested for long is not looked at twice"
    assert dict(zip(names(folder), found, strict=True)) == {
        "grows.mp4": "written",
        "grows, its clock an hour fast.mp4": "written",
        "changes, and its time does not.mp4": "written",
        "rests.mp4": "200000",
        "rests, its clock an hour fast.mp4": "200000",
        "claimed whole, being copied.mp4": "copied",
        "silence.wav": "200004",
        "old.mp4": "200005",
    }


@pytest.mark.parametrize("name", ["a_captioned.mp4", "A_CAPTIONED.MOV", "a_captioned.ts"])
async def test_a_copy_with_captions_of_ours_is_no_recording(
    storages: StorageClient, server: StorageServer, folder: Path, name: str
) -> None:
    record(folder, name)
    record(folder, "a.mp4")
    assert shown(await storages.browse(server, deadline=SOON)) == ["a.mp4"]
    with pytest.raises(InvalidFileFormat, match="submit the recording itself"):
        await storages.stat_recording(server, name, SOON)


# Captions beside a recording


async def test_captions_are_placed_beside_a_recording_and_found_there(
    storages: StorageClient, server: StorageServer, folder: Path, tmp_path: Path
) -> None:
    record(folder, "Mayor's Q&A – José.mp4")
    staged = atomic_files.stage(tmp_path / "vault", "x.scc", b"captions")
    for changed in (True, False):
        placed = await storages.place(
            server, "Mayor's Q&A – José.scc", source=staged.path, sha256=staged.sha256, ours=(), deadline=SOON
        )
        assert placed == atomic_files.Placed(folder / "Mayor's Q&A – José.scc", staged.sha256, 8, changed)
    found = await storages.digest(server, "Mayor's Q&A – José.scc", SOON)
    assert found == atomic_files.Digest(staged.sha256, 8)
    [entry] = (await storages.browse(server, deadline=SOON)).entries
    assert entry.has_captions


async def test_captions_are_not_placed_over_somebody_elses_nor_under_a_missing_mount(
    storages: StorageClient, server: StorageServer, folder: Path, tmp_path: Path
) -> None:
    staged = atomic_files.stage(tmp_path / "vault", "x.scc", b"captions")
    with pytest.raises(StorageUnavailable, match="not mounted"):
        await storages.place(server, "a.scc", source=staged.path, sha256=staged.sha256, ours=(), deadline=SOON)
    assert list(folder.iterdir()) == []
    record(folder, "a.scc", data=b"by hand")
    with pytest.raises(PublicNameTaken):
        await storages.place(server, "a.scc", source=staged.path, sha256=staged.sha256, ours=(), deadline=SOON)
    by_hand = (await storages.digest(server, "a.scc", SOON)).sha256
    await storages.place(server, "a.scc", source=staged.path, sha256=staged.sha256, ours=(by_hand,), deadline=SOON)
    assert (folder / "a.scc").read_bytes() == b"captions"
    with pytest.raises(FileMissing):
        await storages.digest(server, "b.scc", SOON)


def test_an_unknown_server_is_not_found(server: StorageServer) -> None:
    storages = StorageClient([server])
    assert storages.server("flex-1") is server
    with pytest.raises(NotFound):
        storages.server("flex-2")


# Is it there at all?


async def test_an_empty_folder_is_a_missing_mount_and_not_an_empty_list(
    storages: StorageClient, server: StorageServer, folder: Path
) -> None:
    (folder / "lost+found").mkdir()  # hidden things prove nothing
    with pytest.raises(StorageUnavailable, match="not mounted"):
        await storages.browse(server, deadline=SOON)
    with pytest.raises(StorageUnavailable, match="not mounted"):
        await storages.stat_recording(server, "a.mp4", SOON)
    state = await storages.state(server, SOON)
    assert (state.mounted, state.readable, state.writable, state.hung) == (False, False, False, False)
    assert "not mounted" in (state.reason or "")


async def test_a_folder_said_to_be_one_may_be_empty(folder: Path) -> None:
    server = StorageServer("media", folder, kind=MountKind.FOLDER)
    async with StorageClient([server]) as storages:
        assert (await storages.browse(server, deadline=SOON)).entries == ()
        assert (await storages.state(server, SOON)).writable


async def test_a_folder_said_to_be_a_mount_is_away_whatever_it_holds_but_the_marker(folder: Path) -> None:
    server = StorageServer("flex-1", folder, kind=MountKind.MOUNT)
    record(folder, "stray.mp4")
    async with StorageClient([server]) as storages:
        with pytest.raises(StorageUnavailable, match="not mounted"):
            await storages.browse(server, deadline=SOON)
        (folder / mounts.MARKER).touch()
        assert shown(await storages.browse(server, deadline=SOON)) == ["stray.mp4"]


async def test_a_marker_names_the_share_it_is_on(folder: Path) -> None:
    record(folder, "a.mp4")
    (folder / mounts.MARKER).write_text("flex-1\n")
    mine, other = StorageServer("flex-1", folder), StorageServer("flex-2", folder)
    taken_anyway = StorageServer("flex-3", folder, kind=MountKind.FOLDER)
    async with StorageClient([mine, other, taken_anyway]) as storages:
        assert (await storages.state(mine, SOON)).readable
        assert (await storages.state(taken_anyway, SOON)).readable
        with pytest.raises(StorageUnavailable, match="marker says 'flex-1', not 'flex-2'"):
            await storages.browse(other, deadline=SOON)


async def test_what_was_marked_once_or_is_said_to_be_is_away_without_its_marker(folder: Path) -> None:
    server, strict = StorageServer("flex-1", folder), StorageServer("flex-1", folder, kind=MountKind.MARKER)
    stray = record(folder, "stray.mp4")
    async with StorageClient([server]) as storages:
        assert shown(await storages.browse(server, deadline=SOON)) == [stray.name]
        with pytest.raises(StorageUnavailable, match="a folder of the local disk"):
            await storages.browse(strict, deadline=SOON)
        (folder / mounts.MARKER).touch()
        assert shown(await storages.browse(server, deadline=SOON)) == [stray.name]
        assert shown(await storages.browse(strict, deadline=SOON)) == [stray.name]
        (folder / mounts.MARKER).unlink()
        for each in (server, strict):
            with pytest.raises(StorageUnavailable, match="a folder of the local disk"):
                await storages.browse(each, deadline=SOON)


def test_what_was_looked_at_is_what_is_written_to_whatever_stands_there_by_then(folder: Path, tmp_path: Path) -> None:
    """A mount that vanishes between the look and the write: the disk under it is left alone."""
    staged = atomic_files.stage(tmp_path / "vault", "x.scc", b"captions")
    record(folder, "a.mp4")
    there = mounts.open_present(folder, MountKind.AUTO, "flex-1")
    share = folder.rename(tmp_path / "the share, no longer mounted")
    folder.mkdir()  # the bare mount point
    request = {"path": "a.scc", "source": str(staged.path), "sha256": staged.sha256, "ours": [], "output": False}
    try:
        assert io_process.place(there, request)["changed"]
    finally:
        os.close(there.fd)
    assert names(folder) == []
    assert sorted(names(share)) == ["a.mp4", "a.scc"]


@pytest.mark.parametrize("kind", list(MountKind))
async def test_a_folder_that_does_not_exist_is_away(tmp_path: Path, kind: MountKind) -> None:
    async with StorageClient([]) as storages:
        state = await storages.state(StorageServer("x", tmp_path / "none", kind=kind), SOON)
        assert (state.mounted, state.hung) == (False, False)
        (tmp_path / "file").touch()
        assert not (await storages.state(StorageServer("y", tmp_path / "file", kind=kind), SOON)).mounted


async def test_the_state_of_a_healthy_server_has_its_room(
    storages: StorageClient, server: StorageServer, folder: Path
) -> None:
    record(folder, "a.mp4")
    state = await storages.state(server, SOON)
    assert (state.mounted, state.readable, state.writable, state.hung, state.reason) == (
        True,
        True,
        True,
        False,
        None,
    )
    assert 0 < (state.free_bytes or 0) <= (state.total_bytes or 0)
    assert [path.name for path in folder.iterdir()] == ["a.mp4"]  # trying to write left nothing


def test_the_mount_table_knows_names_with_blanks_and_says_none_for_a_folder(tmp_path: Path) -> None:
    found = mounts.mount_at("/proc")
    assert found is not None
    assert (found.point, found.root, found.file_system) == ("/proc", "/", "proc")
    assert mounts.mount_at(str(tmp_path)) is None


def mount(*arguments: str) -> None:
    if subprocess.run(["mount", *arguments], capture_output=True).returncode != 0:
        pytest.skip("mounting is not allowed here")


@pytest.fixture
def mounted(folder: Path) -> Iterator[Path]:
    mount("-t", "tmpfs", "-o", "size=1m", "none", str(folder))
    yield folder
    subprocess.run(["umount", "-l", str(folder)], capture_output=True)


async def test_an_empty_mount_is_there(storages: StorageClient, server: StorageServer, mounted: Path) -> None:
    assert (await storages.browse(server, deadline=SOON)).entries == ()
    assert (await storages.state(server, SOON)).mounted


async def test_a_mount_that_vanished_is_away_even_with_a_stray_file_under_it(
    storages: StorageClient, server: StorageServer, mounted: Path
) -> None:
    record(mounted, "a.mp4")
    assert shown(await storages.browse(server, deadline=SOON)) == ["a.mp4"]
    subprocess.run(["umount", "-l", str(mounted)], check=True)
    record(mounted, "stray.mp4")  # what somebody wrote to the local disk
    with pytest.raises(StorageUnavailable, match="not mounted"):
        await storages.browse(server, deadline=SOON)
    mount("-t", "tmpfs", "none", str(mounted))
    record(mounted, "b.mp4")
    assert shown(await storages.browse(server, deadline=SOON)) == ["b.mp4"]


async def test_a_mount_that_goes_after_it_was_opened_is_still_what_is_written_to(
    folder: Path, mounted: Path, tmp_path: Path
) -> None:
    staged = atomic_files.stage(tmp_path / "vault", "x.scc", b"captions")
    record(mounted, "a.mp4")
    there = mounts.open_present(folder, MountKind.MOUNT, "flex-1")
    subprocess.run(["umount", "-l", str(folder)], check=True)
    request = {"path": "a.scc", "source": str(staged.path), "sha256": staged.sha256, "ours": [], "output": False}
    try:
        assert io_process.place(there, request)["changed"]
        with os.scandir(there.fd) as found:
            assert sorted(entry.name for entry in found) == ["a.mp4", "a.scc"]
    finally:
        os.close(there.fd)
    assert names(folder) == []
    with pytest.raises(StorageUnavailable, match="not mounted"):
        mounts.open_present(folder, MountKind.MOUNT, "flex-1")


async def test_a_bind_of_an_empty_folder_is_a_missing_mount_seen_from_a_container(
    storages: StorageClient, server: StorageServer, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "host").mkdir()
    mount("--bind", str(tmp_path / "host"), str(folder))
    try:
        with pytest.raises(StorageUnavailable, match="not mounted"):
            await storages.browse(server, deadline=SOON)
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


async def test_a_read_only_mount_can_be_read(storages: StorageClient, server: StorageServer, mounted: Path) -> None:
    record(mounted, "a.mp4")
    subprocess.run(["mount", "-o", "remount,ro", str(mounted)], check=True)
    state = await storages.state(server, SOON)
    assert (state.mounted, state.readable, state.writable) == (True, True, False)
    assert "Read-only" in (state.reason or "")
    assert shown(await storages.browse(server, deadline=SOON)) == ["a.mp4"]


async def test_a_full_mount_is_not_writable(storages: StorageClient, server: StorageServer, mounted: Path) -> None:
    (mounted / "a.mp4").write_bytes(b"x" * 1024**2)
    state = await storages.state(server, SOON)
    assert (state.readable, state.writable, state.full, state.free_bytes) == (True, False, True, 0)


# Helpers that are lost


def helpers(root: Path) -> list[psutil.Process]:
    found = list[psutil.Process]()
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.NoSuchProcess, psutil.ZombieProcess):  # of an earlier test, on its way out
            until = time.monotonic() + 2
            while not (command := child.cmdline()) and time.monotonic() < until:
                time.sleep(0.01)  # it is just becoming another program
            if {"archivist_common.storage.io_process", str(root)} <= set(command):
                found.append(child)
    return found


async def test_a_helper_that_stops_answering_is_killed_and_replaced(
    storages: StorageClient, server: StorageServer, folder: Path
) -> None:
    record(folder, "a.mp4")
    await storages.browse(server, deadline=SOON)
    [helper] = helpers(folder)
    helper.suspend()
    began = time.monotonic()
    with pytest.raises(StorageUnavailable, match=r"did not answer within 0\.5 s"):
        await storages.browse(server, deadline=HUNG)
    assert time.monotonic() - began < 1.5
    assert shown(await storages.browse(server, deadline=SOON)) == ["a.mp4"]
    assert not helper.is_running() or helper.status() == psutil.STATUS_ZOMBIE


async def test_a_helper_that_was_killed_while_idle_is_never_noticed(
    storages: StorageClient, server: StorageServer, folder: Path
) -> None:
    record(folder, "a.mp4")
    await storages.browse(server, deadline=SOON)
    [helper] = helpers(folder)
    helper.kill()
    while helper.status() != psutil.STATUS_ZOMBIE:
        await asyncio.sleep(0.01)
    assert shown(await storages.browse(server, deadline=SOON)) == ["a.mp4"]


async def test_a_caller_who_gives_up_spoils_nothing_for_the_next(
    storages: StorageClient, server: StorageServer, folder: Path
) -> None:
    record(folder, "a.mp4")
    (folder / "deep").mkdir()
    for _ in range(5):
        task = asyncio.create_task(storages.browse(server, "deep", deadline=SOON))
        await asyncio.sleep(0.002)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert "a.mp4" in shown(await storages.browse(server, deadline=SOON))


async def test_many_callers_at_once_share_a_few_helpers(
    storages: StorageClient, server: StorageServer, folder: Path
) -> None:
    record(folder, "a.mp4")
    answers = await asyncio.gather(*(storages.browse(server, deadline=SOON) for _ in range(30)))
    assert all(shown(answer) == ["a.mp4"] for answer in answers)
    assert 1 <= len(helpers(folder)) <= HELPERS


async def test_a_helper_knows_no_secret(server: StorageServer, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "do-not-tell")
    async with StorageClient([server]):
        [helper] = helpers(folder)
        assert "SECRET_KEY" not in helper.environ()


async def test_closing_leaves_no_process(server: StorageServer, folder: Path) -> None:
    record(folder, "a.mp4")
    async with StorageClient([server]) as storages:
        await storages.browse(server, deadline=SOON)
        [helper] = helpers(folder)
    assert not helper.is_running()


# A real file system that fails as we tell it to (tests/simulators/faultfs)


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    """What really holds the files of the mount at `folder`."""
    (tmp_path / "disk").mkdir()
    return tmp_path / "disk"


@pytest.fixture
def faulty(folder: Path, disk: Path) -> Iterator[faultfs.Mounted]:
    try:
        mounted = faultfs.Mounted(disk, folder)
    except faultfs.NotHere as exc:
        pytest.skip(str(exc))
    with mounted:
        yield mounted


@pytest.mark.parametrize("fault", ["eio", "estale", "enotconn", "ehostdown", "eacces"])
async def test_a_mount_that_answers_errors_is_unavailable_and_not_empty(
    storages: StorageClient, server: StorageServer, faulty: faultfs.Mounted, fault: str
) -> None:
    faulty.set(fault)
    with pytest.raises(StorageUnavailable):
        await storages.browse(server, deadline=SOON)
    with pytest.raises(StorageUnavailable):
        await storages.stat_recording(server, "a.mp4", SOON)
    state = await storages.state(server, SOON)
    assert (state.mounted, state.readable, state.hung) == (True, False, False)
    assert os.strerror(getattr(errno, fault.upper())) in (state.reason or "")


async def test_each_way_to_fail_is_told_from_the_others_and_passes(
    folder: Path, disk: Path, faulty: faultfs.Mounted
) -> None:
    server = StorageServer("flex-1", folder, beside=True)
    record(disk, "a.mp4")

    async def told(deadline: timedelta = SOON) -> dict[str, bool]:
        state = await storages.state(server, deadline)
        assert (state.reason is None) == state.writable
        return {name: getattr(state, name) for name in ("mounted", "readable", "writable", "full", "hung")}

    well = {"mounted": True, "readable": True, "writable": True, "full": False, "hung": False}
    unreadable = well | {"readable": False, "writable": False}
    async with StorageClient([server]) as storages:
        assert await told() == well
        for fault, expected in {
            "erofs": well | {"writable": False},
            "enospc": well | {"writable": False, "full": True},
            "edquot:write": well | {"writable": False, "full": True},
            "estale": unreadable,
            "eio": unreadable,
            "hang": unreadable | {"hung": True},
        }.items():
            faulty.set(fault)
            assert (fault, await told(HUNG if fault == "hang" else SOON)) == (fault, expected)
            faulty.set("ok")
            assert (fault, await told()) == (fault, well)
        assert names(disk) == ["a.mp4"]
        faulty.kill()
        assert await told() == unreadable
        subprocess.run(["umount", "-l", str(folder)], check=True)
        record(folder, "stray.mp4")
        assert await told() == unreadable | {"mounted": False}
        (folder / "stray.mp4").unlink()
        with faultfs.Mounted(disk, folder):
            assert await told() == well
            assert shown(await storages.browse(server, deadline=SOON)) == ["a.mp4"]


async def test_a_mount_that_hangs_costs_its_callers_their_deadline_and_others_nothing(
    server: StorageServer, faulty: faultfs.Mounted, disk: Path, tmp_path: Path
) -> None:
    healthy = StorageServer("flex-2", tmp_path / "flex-2")
    healthy.path.mkdir()
    record(healthy.path, "a.mp4")
    record(disk, "b.mp4")
    async with StorageClient([server, healthy]) as storages:
        # Each of the few helpers has been started, so that it is the mount that the next call waits for.
        await asyncio.gather(*(storages.browse(server, deadline=SOON) for _ in range(HELPERS)))
        await storages.browse(healthy, deadline=SOON)
        faulty.set("hang")
        began = time.monotonic()
        calls = [storages.browse(server, deadline=HUNG) for _ in range(HELPERS + 2)]
        gathered = asyncio.gather(*calls, return_exceptions=True)
        others = list[float]()
        while not gathered.done():
            asked = time.monotonic()
            assert shown(await storages.browse(healthy, deadline=SOON)) == ["a.mp4"]
            others.append(time.monotonic() - asked)
            await asyncio.sleep(0.02)
        answers = await gathered
        assert time.monotonic() - began < 2
        assert all(isinstance(answer, StorageUnavailable) for answer in answers)
        assert max(others) < 0.5

        # The kernel holds the killed helpers: that is a known number, and nobody waits for it again.
        async with asyncio.timeout(5):
            while storages.stuck(server) < HELPERS:
                await asyncio.sleep(0.05)
        assert storages.stuck(server) == HELPERS
        began = time.monotonic()
        state = await storages.state(server, SOON)
        assert (state.mounted, state.readable, state.hung) == (True, False, True)
        assert "stuck" in (state.reason or "")
        assert time.monotonic() - began < 0.2

        faulty.set("ok")
        async with asyncio.timeout(5):
            while storages.stuck(server):
                await asyncio.sleep(0.05)
        assert shown(await storages.browse(server, deadline=SOON)) == ["b.mp4"]


async def test_closing_does_not_wait_for_a_mount_that_hangs(
    server: StorageServer, folder: Path, faulty: faultfs.Mounted
) -> None:
    storages = StorageClient([server])
    await storages.state(server, SOON)
    faulty.set("hang")
    assert (await storages.state(server, HUNG)).hung
    [helper] = helpers(folder)
    began = time.monotonic()
    await storages.close()
    assert time.monotonic() - began < 2
    assert helper.is_running()
    faulty.set("ok")
    helper.wait(timeout=5)


async def test_no_fault_while_placing_leaves_half_a_file_under_a_name_anybody_reads(
    folder: Path, disk: Path, faulty: faultfs.Mounted, tmp_path: Path
) -> None:
    server = StorageServer("flex-1", folder, beside=True)
    record(disk, "a.mp4")
    staged = atomic_files.stage(tmp_path / "vault", "x.scc", b"captions" * 100_000)

    async def place(deadline: timedelta) -> atomic_files.Placed:
        return await storages.place(
            server, "a.scc", source=staged.path, sha256=staged.sha256, ours=(), deadline=deadline
        )

    async with StorageClient([server]) as storages:
        await storages.browse(server, deadline=SOON)
        for fault, error in {
            "erofs": StorageReadOnly,
            "enospc": StorageFull,
            "edquot:write": StorageFull,
            "eio:write": StorageUnavailable,
            "enospc:flush": StorageFull,
            "eio:fsync": StorageUnavailable,
            "estale:rename": StorageUnavailable,
            "hang:write": StorageUnavailable,
            "hang:rename": StorageUnavailable,
        }.items():
            faulty.set(fault)
            with pytest.raises(error) as raised:
                await place(timedelta(seconds=1) if fault.startswith("hang") else SOON)
            assert (fault, type(raised.value)) == (fault, error)
            assert not (disk / "a.scc").exists()
            faulty.set("ok")
        async with asyncio.timeout(5):  # a killed helper may still do what it was about to, and that is whole
            while storages.stuck(server):
                await asyncio.sleep(0.05)
        await place(SOON)
        assert atomic_files.digest(disk / "a.scc").sha256 == staged.sha256
        assert shown(await storages.browse(server, deadline=SOON)) == ["a.mp4"]
        swept = await storages.sweep(server, datetime.now(UTC) + timedelta(minutes=1), SOON)
        assert sorted(names(disk)) == ["a.mp4", "a.scc"]
        assert swept <= 2, "those of the two helpers that were killed"
