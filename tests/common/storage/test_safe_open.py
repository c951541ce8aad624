"""Confinement: what lies beneath a folder and nothing else, on kernels with openat2 and without."""

import ctypes
import os
import socket
import stat
import threading
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archivist_common.errors import (
    ArchivistError,
    FileMissing,
    InvalidFileFormat,
    PathRefused,
    StorageUnavailable,
)
from archivist_common.storage import safe_open
from archivist_common.storage.safe_open import Opener, open_beneath, open_folder_beneath

_RENAME_EXCHANGE = 2
_AT_FDCWD = -100

both = pytest.mark.parametrize(
    "opener", [pytest.param(safe_open.by_kernel, id="openat2"), pytest.param(safe_open.by_walking, id="walk")]
)


def read(root: Path, path: str, opener: Opener) -> bytes:
    fd = open_beneath(root, PurePosixPath(path), opener=opener)
    try:
        return os.read(fd, 100)
    finally:
        os.close(fd)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A storage server's folder with everything hostile in it, and a secret beside it."""
    top = tmp_path_factory.mktemp("beneath")
    root, outside = top / "root", top / "outside"
    (root / "folder" / "deep").mkdir(parents=True)
    outside.mkdir()
    (outside / "secret.mp4").write_bytes(b"secret")
    (root / "a.mp4").write_bytes(b"inside")
    (root / "folder" / "deep" / "b.mp4").write_bytes(b"deep")
    (root / "file-out.mp4").symlink_to(outside / "secret.mp4")
    (root / "file-up.mp4").symlink_to("../outside/secret.mp4")
    (root / "file-in.mp4").symlink_to("a.mp4")
    (root / "folder-out").symlink_to(outside)
    (root / "folder-in").symlink_to("folder")
    (root / "magic").symlink_to("/proc/self/root")
    (root / "loop.mp4").symlink_to("loop.mp4")
    os.mkfifo(root / "fifo.mp4")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(root / "s.mp4"))
    listener.close()
    return root


@both
@pytest.mark.parametrize(("path", "content"), [("a.mp4", b"inside"), ("folder/deep/b.mp4", b"deep")])
def test_what_lies_beneath_is_opened(root: Path, opener: Opener, path: str, content: bytes) -> None:
    assert read(root, path, opener) == content


@both
@pytest.mark.parametrize(
    "path",
    [
        "file-out.mp4",
        "file-up.mp4",
        "file-in.mp4",
        "folder-out/secret.mp4",
        "folder-in/deep/b.mp4",
        "magic/etc/passwd",
        "loop.mp4",
        "..",
        "../outside/secret.mp4",
        "folder/../../outside/secret.mp4",
        "/etc/passwd",
        "a\0.mp4",
        "x" * 300,
        "\ud800.mp4",
    ],
)
def test_links_and_ways_out_are_refused(root: Path, opener: Opener, path: str) -> None:
    with pytest.raises(PathRefused):
        read(root, path, opener)


@both
@pytest.mark.parametrize("path", ["none.mp4", "none/a.mp4", "a.mp4/b.mp4"])
def test_what_is_not_there_is_missing(root: Path, opener: Opener, path: str) -> None:
    with pytest.raises(FileMissing):
        read(root, path, opener)


@both
@pytest.mark.parametrize("path", ["folder", ".", "fifo.mp4", "s.mp4"])
def test_what_is_no_regular_file_is_not_opened(root: Path, opener: Opener, path: str) -> None:
    with pytest.raises(InvalidFileFormat):
        read(root, path, opener)


@both
def test_folders_are_opened_and_nothing_else(root: Path, opener: Opener) -> None:
    for path in (".", "folder", "folder/deep"):
        fd = open_folder_beneath(root, PurePosixPath(path), opener=opener)
        assert stat.S_ISDIR(os.fstat(fd).st_mode)
        os.close(fd)
    for path in ("folder-out", "folder-in", "folder-in/deep", "magic", ".."):
        with pytest.raises(PathRefused):
            open_folder_beneath(root, PurePosixPath(path), opener=opener)
    for path in ("a.mp4", "none", "fifo.mp4"):
        with pytest.raises(FileMissing):
            open_folder_beneath(root, PurePosixPath(path), opener=opener)


def test_a_root_that_is_not_there_is_a_storage_that_is_away(tmp_path: Path) -> None:
    with pytest.raises(StorageUnavailable):
        open_beneath(tmp_path / "none", PurePosixPath("a.mp4"))


def test_the_root_itself_may_be_a_link(root: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(root)
    assert read(tmp_path / "link", "a.mp4", safe_open.by_kernel) == b"inside"


def test_the_descriptor_blocks_and_is_not_inherited(root: Path) -> None:
    fd = open_beneath(root, PurePosixPath("a.mp4"))
    assert os.get_blocking(fd)
    assert not os.get_inheritable(fd)
    os.close(fd)


@both
def test_nothing_leaks_descriptors(root: Path, opener: Opener) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    for path in ("a.mp4", "folder-out/secret.mp4", "file-out.mp4", "fifo.mp4", "none/x", "folder"):
        try:
            read(root, path, opener)
        except ArchivistError:
            continue
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def _swapping(swap: Callable[[], None]) -> tuple[threading.Thread, threading.Event]:
    stop = threading.Event()

    def run() -> None:
        while not stop.is_set():
            swap()

    thread = threading.Thread(target=run)
    thread.start()
    return thread, stop


def _exchange(one: Path, other: Path) -> None:
    """Swap two names in one step, links as they are."""
    libc = ctypes.CDLL(None, use_errno=True)
    names = os.fsencode(one), os.fsencode(other)
    if libc.renameat2(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _RENAME_EXCHANGE) != 0:
        raise OSError(ctypes.get_errno(), "renameat2")


@both
@pytest.mark.parametrize("what", ["file", "folder"])
def test_a_link_swapped_in_during_ten_thousand_opens_never_leads_out(
    tmp_path: Path, opener: Opener, what: str
) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    (root / "folder").mkdir(parents=True)
    outside.mkdir()
    (root / "folder" / "a.mp4").write_bytes(b"inside")
    (outside / "a.mp4").write_bytes(b"secret")
    if what == "file":
        (root / "folder" / "link").symlink_to(outside / "a.mp4")
        pair = root / "folder" / "a.mp4", root / "folder" / "link"
    else:
        (root / "link").symlink_to(outside)
        pair = root / "folder", root / "link"
    thread, stop = _swapping(lambda: _exchange(*pair))
    results = dict[object, int]()
    try:
        for _ in range(10_000):
            try:
                outcome: object = read(root, "folder/a.mp4", opener)
            except (PathRefused, FileMissing) as exc:
                outcome = type(exc)
            results[outcome] = results.get(outcome, 0) + 1
    finally:
        stop.set()
        thread.join()
    assert b"secret" not in results
    assert results[b"inside"] > 0
    assert results[PathRefused] > 0


_PARTS = st.sampled_from(
    [
        *("a.mp4", "folder", "deep", "b.mp4", "file-out.mp4", "folder-out", "folder-in", "magic", "fifo.mp4"),
        *("..", ".", "", "/", "//", "etc", "passwd", "loop.mp4", "%2e%2e", "..\\", "C:\\"),
        *("\0", "\n", "é", "🎥", "\udcff", "\ud800"),
    ]
)


@both
@settings(max_examples=300, deadline=None)
@given(path=st.one_of(st.lists(_PARTS, max_size=6).map("/".join), st.text(max_size=40)))
def test_no_path_whatever_leads_out(root: Path, opener: Opener, path: str) -> None:
    # paths.relative refuses most of these as text already; this line has to hold without it.
    try:
        fd = open_beneath(root, PurePosixPath(path), opener=opener)
    except (PathRefused, FileMissing, InvalidFileFormat):
        return
    try:
        assert Path(f"/proc/self/fd/{fd}").readlink().is_relative_to(root)
    finally:
        os.close(fd)
