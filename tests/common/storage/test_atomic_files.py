"""Publishing: never half a file, never over somebody's own. Faults at every call, real ones where they can be had."""

import errno
import hashlib
import os
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from archivist_common.errors import (
    ArchivistError,
    FileMissing,
    InvalidFileFormat,
    PathRefused,
    PublicNameTaken,
    StorageFull,
    StorageReadOnly,
    StorageUnavailable,
)
from archivist_common.storage import atomic_files
from archivist_common.storage.atomic_files import Calls

DATA = b"Scenarist_SCC V1.0\n" * 5_000


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def nobody_elses(_: str) -> bool:
    return False


def failing(code: int, *, at: int = 1) -> Callable[..., None]:
    """A call that succeeds until its `at`-th use."""
    left = at

    def call(*_: object) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise OSError(code, os.strerror(code))

    return call


def failing_write(code: int, *, at: int) -> Callable[[int, memoryview], int]:
    fail = failing(code, at=at)

    def write(fd: int, data: memoryview) -> int:
        fail()
        return os.write(fd, data[:40_000])  # a disk may take less than it is given

    return write


def failing_close(code: int) -> Callable[[int], None]:
    def close(fd: int) -> None:
        os.close(fd)
        raise OSError(code, os.strerror(code))

    return close


def failing_rename(code: int) -> Callable[[int, str, str], None]:
    def rename(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    return rename


STEPS = [
    pytest.param(lambda code: Calls(write=failing_write(code, at=1)), id="first-write"),
    pytest.param(lambda code: Calls(write=failing_write(code, at=3)), id="last-write"),
    pytest.param(lambda code: Calls(fsync=failing(code, at=1)), id="flush"),
    pytest.param(lambda code: Calls(close=failing_close(code)), id="close"),
    pytest.param(lambda code: Calls(rename=failing_rename(code), create=failing_rename(code)), id="rename"),
]
FAULTS = [
    pytest.param(errno.ENOSPC, StorageFull, id="full"),
    pytest.param(errno.EDQUOT, StorageFull, id="quota"),
    pytest.param(errno.EROFS, StorageReadOnly, id="read-only"),
    pytest.param(errno.EIO, StorageUnavailable, id="io-error"),
    pytest.param(errno.ESTALE, StorageUnavailable, id="stale-handle"),
    pytest.param(errno.ENOTCONN, StorageUnavailable, id="server-gone"),
]


def test_a_staged_file_is_whole_and_alone_in_its_folder(tmp_path: Path) -> None:
    staged = atomic_files.stage(tmp_path / "vault" / "job" / "1", "Council.scc", DATA)
    assert (staged.sha256, staged.size_bytes) == (sha(DATA), len(DATA))
    assert staged.path.read_bytes() == DATA
    assert names(tmp_path / "vault" / "job" / "1") == ["Council.scc"]


@pytest.mark.parametrize("name", ["Mayor's Q&A – José [live] 🎥.scc", "two\nlines.scc", "x" * 251 + ".scc", "-rf"])
def test_any_legal_name_can_be_staged_and_placed(tmp_path: Path, name: str) -> None:
    staged = atomic_files.stage(tmp_path / "1", name, DATA)
    atomic_files.place(staged.path, staged.sha256, tmp_path / name, ours=nobody_elses)
    assert (tmp_path / name).read_bytes() == DATA


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a\0b"])
def test_a_name_that_is_more_than_a_name_is_a_mistake_of_ours(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="plain file name"):
        atomic_files.stage(tmp_path, name, DATA)


def test_an_empty_file_can_be_staged(tmp_path: Path) -> None:
    assert atomic_files.stage(tmp_path, "empty.txt", b"").size_bytes == 0


def test_staging_twice_is_staging_once(tmp_path: Path) -> None:
    assert atomic_files.stage(tmp_path, "a.scc", DATA) == atomic_files.stage(tmp_path, "a.scc", DATA)
    assert names(tmp_path) == ["a.scc"]


def test_the_umask_decides_who_may_read(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        staged = atomic_files.stage(tmp_path, "a.scc", DATA)
    finally:
        os.umask(before)
    assert staged.path.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize(("code", "error"), FAULTS)
@pytest.mark.parametrize("calls", STEPS)
def test_staging_that_fails_leaves_nothing(
    tmp_path: Path, calls: Callable[[int], Calls], code: int, error: type[ArchivistError]
) -> None:
    with pytest.raises(error) as raised:
        atomic_files.stage(tmp_path, "a.scc", DATA, calls=calls(code))
    assert type(raised.value) is error
    assert raised.value.retryable
    assert names(tmp_path) == []


def test_staging_whose_folder_cannot_be_flushed_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(StorageUnavailable):
        atomic_files.stage(tmp_path, "a.scc", DATA, calls=Calls(fsync=failing(errno.EIO, at=2)))
    assert names(tmp_path) == []


def test_a_disk_that_stores_something_else_is_found_out(tmp_path: Path) -> None:
    def lying(fd: int, data: memoryview) -> int:
        return os.write(fd, b"\0" * len(data))

    with pytest.raises(StorageUnavailable, match="reads back"):
        atomic_files.stage(tmp_path, "a.scc", DATA, calls=Calls(write=lying))
    assert names(tmp_path) == []


def test_a_rename_that_nfs_reports_as_lost_after_success_is_a_success(tmp_path: Path) -> None:
    def twice(folder: int, old: str, new: str) -> None:
        for _ in range(2):
            os.rename(old, new, src_dir_fd=folder, dst_dir_fd=folder)

    staged = atomic_files.stage(tmp_path, "a.scc", DATA, calls=Calls(rename=twice))
    assert staged.path.read_bytes() == DATA


def test_a_rename_that_really_lost_the_file_is_a_failure(tmp_path: Path) -> None:
    def loses(folder: int, old: str, new: str) -> None:
        os.unlink(old, dir_fd=folder)
        os.rename(old, new, src_dir_fd=folder, dst_dir_fd=folder)

    with pytest.raises(StorageUnavailable):
        atomic_files.stage(tmp_path, "a.scc", DATA, calls=Calls(rename=loses))
    assert names(tmp_path) == []


# Real disks and real limits, in a process of their own.

_CHILD = """
import os, sys
from pathlib import Path
from archivist_common.storage import atomic_files as files
from archivist_common.errors import ArchivistError
if os.geteuid() == 0 and {as_nobody}:
    try:
        os.setgid(65534); os.setuid(65534)
    except PermissionError:
        pass  # a root without its powers is an ordinary user
try:
    files.stage(Path(sys.argv[1]), "a.scc", b"x" * {size})
except ArchivistError as exc:
    print(exc.code)
else:
    print("staged")
"""


def stage_in_child(folder: Path, size: int, *, as_nobody: bool = False, limit: int | None = None) -> str:
    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit or 0, limit or 0))

    code = _CHILD.format(size=size, as_nobody=as_nobody)
    command = [sys.executable, "-c", code, str(folder)]
    preexec = limited if limit is not None else None
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, preexec_fn=preexec)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_file_larger_than_the_system_allows_leaves_nothing(tmp_path: Path) -> None:
    assert stage_in_child(tmp_path, 200_000, limit=100_000) == "STORAGE_FULL"
    assert names(tmp_path) == []


def test_a_folder_that_may_not_be_written_is_read_only(tmp_path: Path) -> None:
    for folder in (tmp_path, *tmp_path.parents[:2]):  # pytest's own folders are for one user alone
        folder.chmod(0o755)
    closed = tmp_path / "closed"
    closed.mkdir()
    closed.chmod(0o555)
    assert stage_in_child(closed, 10, as_nobody=True) == "STORAGE_READ_ONLY"
    assert names(closed) == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MiB of our own."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(disk)], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("mounting is not allowed here")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def test_a_full_disk_is_named_and_left_as_it_was(small_disk: Path) -> None:
    with pytest.raises(StorageFull):
        atomic_files.stage(small_disk, "a.scc", b"x" * 2_000_000)
    assert names(small_disk) == []
    assert atomic_files.stage(small_disk, "a.scc", DATA).size_bytes == len(DATA)


def test_a_disk_remounted_read_only_is_named_and_works_again_after(small_disk: Path) -> None:
    staged = atomic_files.stage(small_disk, "a.scc", DATA)
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(StorageReadOnly):
        atomic_files.stage(small_disk, "b.scc", DATA)
    with pytest.raises(StorageReadOnly):
        atomic_files.place(staged.path, staged.sha256, small_disk / "c.scc", ours=nobody_elses)
    subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)
    assert names(small_disk) == ["a.scc"]
    assert atomic_files.stage(small_disk, "b.scc", DATA).path.read_bytes() == DATA


@pytest.mark.parametrize("step", ["write", "fsync", "close", "rename", "create"])
def test_a_kill_at_any_step_leaves_no_half_file_under_a_name_anybody_reads(tmp_path: Path, step: str) -> None:
    code = f"""
import os, signal, sys
from pathlib import Path
from archivist_common.storage import atomic_files as files
def kill(*_): os.kill(os.getpid(), signal.SIGKILL)
folder = Path(sys.argv[1])
data = b"x" * 100_000
if {step!r} == "create":
    staged = files.stage(folder / "vault", "a.scc", data)
    files.place(staged.path, staged.sha256, folder / "a.scc", ours=lambda _: False, calls=files.Calls(create=kill))
else:
    files.stage(folder, "a.scc", data, calls=files.Calls(**{{{step!r}: kill}}))
"""
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], timeout=60)
    assert done.returncode == -signal.SIGKILL
    assert not (tmp_path / "a.scc").exists()
    assert [name for name in names(tmp_path) if name != "vault"] != []  # so that the sweep has something to do
    assert atomic_files.sweep(tmp_path, datetime.now(UTC) + timedelta(minutes=1)) == 1
    assert [name for name in names(tmp_path) if name != "vault"] == []


# Placing


@pytest.fixture
def staged(tmp_path: Path) -> atomic_files.Staged:
    return atomic_files.stage(tmp_path / "vault", "a.scc", DATA)


@pytest.fixture
def public(tmp_path: Path) -> Path:
    (tmp_path / "public").mkdir()
    return tmp_path / "public" / "Council.scc"


def test_a_free_name_is_taken(staged: atomic_files.Staged, public: Path) -> None:
    placed = atomic_files.place(staged.path, staged.sha256, public, ours=nobody_elses)
    assert placed == atomic_files.Placed(public, sha(DATA), len(DATA), changed=True)
    assert public.read_bytes() == DATA
    assert names(public.parent) == [public.name]


def test_editing_the_public_file_leaves_the_staged_one_alone(staged: atomic_files.Staged, public: Path) -> None:
    atomic_files.place(staged.path, staged.sha256, public, ours=nobody_elses)
    with public.open("r+b") as file:
        file.truncate(0)
    assert staged.path.read_bytes() == DATA


def test_placing_twice_is_placing_once(staged: atomic_files.Staged, public: Path) -> None:
    atomic_files.place(staged.path, staged.sha256, public, ours=nobody_elses)
    before = public.stat()
    assert not atomic_files.place(staged.path, staged.sha256, public, ours=nobody_elses).changed
    assert public.stat() == before


def test_a_file_archivist_wrote_is_replaced(staged: atomic_files.Staged, public: Path) -> None:
    public.write_bytes(b"older captions of ours")
    placed = atomic_files.place(
        staged.path, staged.sha256, public, ours={sha(b"older captions of ours")}.__contains__
    )
    assert placed.changed
    assert public.read_bytes() == DATA
    assert names(public.parent) == [public.name]


def test_a_file_somebody_made_or_edited_is_never_replaced(staged: atomic_files.Staged, public: Path) -> None:
    public.write_bytes(b"older captions of ours, corrected by hand")
    with pytest.raises(PublicNameTaken):
        atomic_files.place(staged.path, staged.sha256, public, ours={sha(b"older captions of ours")}.__contains__)
    assert public.read_bytes() == b"older captions of ours, corrected by hand"
    assert names(public.parent) == [public.name]


def _folder(path: Path) -> None:
    path.mkdir()


def _fifo(path: Path) -> None:
    os.mkfifo(path)


def _dangling_link(path: Path) -> None:
    path.symlink_to("nowhere")


def _link_to_ours(path: Path) -> None:
    (path.parent.parent / "elsewhere").write_bytes(b"ours")
    path.symlink_to(path.parent.parent / "elsewhere")


@pytest.mark.parametrize("make", [_folder, _fifo, _dangling_link, _link_to_ours])
def test_what_is_no_regular_file_is_never_replaced(
    staged: atomic_files.Staged, public: Path, make: Callable[[Path], None]
) -> None:
    make(public)
    before = public.lstat()
    with pytest.raises(PublicNameTaken):
        atomic_files.place(staged.path, staged.sha256, public, ours=lambda _: True)
    assert public.lstat() == before
    assert names(public.parent) == [public.name]


def test_a_file_made_while_we_copied_wins(staged: atomic_files.Staged, public: Path) -> None:
    def somebody_first(folder: int, old: str, new: str) -> None:
        public.write_bytes(b"mine")
        Calls().create(folder, old, new)

    with pytest.raises(PublicNameTaken):
        atomic_files.place(staged.path, staged.sha256, public, ours=nobody_elses, calls=Calls(create=somebody_first))
    assert public.read_bytes() == b"mine"
    assert names(public.parent) == [public.name]


def test_a_file_edited_after_we_looked_wins(staged: atomic_files.Staged, public: Path) -> None:
    public.write_bytes(b"ours")

    def edited_meanwhile(found: str) -> bool:
        was_ours = found == sha(b"ours")
        public.write_bytes(b"edited")
        return was_ours

    with pytest.raises(PublicNameTaken):
        atomic_files.place(staged.path, staged.sha256, public, ours=edited_meanwhile)
    assert public.read_bytes() == b"edited"


def test_a_file_system_without_exclusive_rename_is_served_by_a_link(
    staged: atomic_files.Staged, public: Path
) -> None:
    def link(folder: int, old: str, new: str) -> None:
        os.link(old, new, src_dir_fd=folder, dst_dir_fd=folder)

    atomic_files.place(staged.path, staged.sha256, public, ours=nobody_elses, calls=Calls(create=link))
    assert public.read_bytes() == DATA
    assert public.stat().st_nlink == 1
    assert names(public.parent) == [public.name]


def test_a_link_that_nfs_sends_twice_is_a_success(staged: atomic_files.Staged, public: Path) -> None:
    def twice(folder: int, old: str, new: str) -> None:
        for _ in range(2):
            os.link(old, new, src_dir_fd=folder, dst_dir_fd=folder)

    placed = atomic_files.place(staged.path, staged.sha256, public, ours=nobody_elses, calls=Calls(create=twice))
    assert placed.changed
    assert names(public.parent) == [public.name]


@pytest.mark.parametrize(("code", "error"), FAULTS)
@pytest.mark.parametrize("calls", STEPS)
@pytest.mark.parametrize("old", [None, b"ours"], ids=["new", "replacing"])
def test_placing_that_fails_leaves_the_public_name_as_it_was(
    staged: atomic_files.Staged,
    public: Path,
    calls: Callable[[int], Calls],
    code: int,
    error: type[ArchivistError],
    old: bytes | None,
) -> None:
    if old is not None:
        public.write_bytes(old)
    with pytest.raises(error):
        atomic_files.place(staged.path, staged.sha256, public, ours=lambda _: True, calls=calls(code))
    assert (public.read_bytes() if public.exists() else None) == old
    assert names(public.parent) == ([] if old is None else [public.name])


def test_a_staged_file_that_is_not_what_was_recorded_is_not_published(
    staged: atomic_files.Staged, public: Path
) -> None:
    staged.path.write_bytes(b"rotten")
    with pytest.raises(StorageUnavailable, match="recorded"):
        atomic_files.place(staged.path, staged.sha256, public, ours=nobody_elses)
    assert names(public.parent) == []


def test_a_staged_file_that_is_gone_is_missing(staged: atomic_files.Staged, public: Path) -> None:
    staged.path.unlink()
    with pytest.raises(FileMissing):
        atomic_files.place(staged.path, staged.sha256, public, ours=nobody_elses)
    assert names(public.parent) == []


def test_a_missing_folder_is_not_made_for_it_may_be_a_missing_mount(
    staged: atomic_files.Staged, tmp_path: Path
) -> None:
    with pytest.raises(StorageUnavailable):
        atomic_files.place(staged.path, staged.sha256, tmp_path / "flex-1" / "a.scc", ours=nobody_elses)
    assert not (tmp_path / "flex-1").exists()


def test_a_public_name_may_not_leave_its_storage_through_a_link(staged: atomic_files.Staged, tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    root.mkdir()
    outside.mkdir()
    (root / "folder").symlink_to(outside)
    with pytest.raises(PathRefused):
        atomic_files.place(staged.path, staged.sha256, root / "folder" / "a.scc", ours=nobody_elses, beneath=root)
    with pytest.raises(PathRefused):
        atomic_files.place(staged.path, staged.sha256, outside / "a.scc", ours=nobody_elses, beneath=root)
    assert names(outside) == []
    assert atomic_files.place(staged.path, staged.sha256, root / "a.scc", ours=nobody_elses, beneath=root).changed


def test_a_reader_sees_a_whole_file_and_one_of_two_writers_wins(tmp_path: Path) -> None:
    public = tmp_path / "public.scc"
    versions = [bytes([65 + n]) * 200_000 for n in range(2)]
    staged = [atomic_files.stage(tmp_path / str(n), "a.scc", data) for n, data in enumerate(versions)]
    known = {sha(data) for data in versions}
    stop, seen, broken = threading.Event(), set[str](), list[BaseException]()

    def write(mine: atomic_files.Staged) -> None:
        try:
            for _ in range(25):
                atomic_files.place(mine.path, mine.sha256, public, ours=known.__contains__)
        except StorageUnavailable as exc:  # the other one came first eight times
            assert "keeps changing" in exc.message  # noqa: PT017
        except BaseException as exc:
            broken.append(exc)

    def read() -> None:
        while not stop.is_set():
            if public.exists():
                seen.add(sha(public.read_bytes()))

    reader = threading.Thread(target=read)
    reader.start()
    writers = [threading.Thread(target=write, args=(mine,)) for mine in staged]
    for thread in writers:
        thread.start()
    for thread in writers:
        thread.join()
    stop.set()
    reader.join()
    assert broken == []
    assert seen
    assert seen <= known
    assert sha(public.read_bytes()) in known
    assert sorted(names(tmp_path)) == ["0", "1", "public.scc"]


# Every call that can fail, failing with everything a disk says (goal G17)


class Counted:
    """Calls that work, but for the `at`-th (from 0), which fails; `made` counts them."""

    def __init__(self, at: int | None = None, code: int = 0) -> None:
        self.at, self.code, self.made = at, code, 0

    def _next(self) -> None:
        self.made += 1
        if self.made - 1 == self.at:
            raise OSError(self.code, os.strerror(self.code))

    def _write(self, fd: int, data: memoryview) -> int:
        self._next()
        return os.write(fd, data[:8_000])  # a disk may take less than it is given

    def _fsync(self, fd: int) -> None:
        self._next()  # and no more: a thousand real ones would take their time

    def _close(self, fd: int) -> None:
        os.close(fd)
        self._next()

    def _rename(self, folder: int, old: str, new: str) -> None:
        self._next()
        Calls().rename(folder, old, new)

    def _create(self, folder: int, old: str, new: str) -> None:
        self._next()
        Calls().create(folder, old, new)

    def calls(self) -> Calls:
        return Calls(self._write, self._fsync, self._close, self._rename, self._create)


DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.ESTALE)


def test_of_hundreds_of_errors_injected_at_every_call_none_leaves_part_of_a_file(tmp_path: Path) -> None:
    source = atomic_files.stage(tmp_path / "source", "a.scc", DATA)

    def staging(public: Path, counted: Counted) -> None:
        atomic_files.stage(public.parent, public.name, DATA, calls=counted.calls())

    def placing(public: Path, counted: Counted) -> None:
        known = {sha(b"ours")}.__contains__
        atomic_files.place(source.path, source.sha256, public, ours=known, calls=counted.calls())

    injected = 0
    for does, before in ((staging, None), (placing, None), (placing, b"ours")):
        rehearsal = Counted()
        folder = tmp_path / f"{does.__name__} {before!r}"
        (folder / "rehearsal").mkdir(parents=True)
        does(folder / "rehearsal" / "a.scc", rehearsal)
        for at in range(rehearsal.made):
            for code in DISK_ERRORS:
                public = folder / f"{at} {code}" / "a.scc"
                public.parent.mkdir()
                if before is not None:
                    public.write_bytes(before)
                with pytest.raises(ArchivistError) as raised:
                    does(public, Counted(at, code))
                assert raised.value.retryable
                injected += 1
                found = public.read_bytes() if public.exists() else None
                # Only the last call, the flush of the folder, comes after the name has been taken.
                whole_already = does is placing and at == rehearsal.made - 1
                assert found == (DATA if whole_already else before)
                assert names(public.parent) == ([] if found is None else [public.name])
                does(public, Counted())
                assert public.read_bytes() == DATA
                assert names(public.parent) == [public.name]
    assert injected >= 200


def test_a_file_whose_folder_could_not_be_flushed_is_flushed_by_the_next_try(
    staged: atomic_files.Staged, public: Path
) -> None:
    with pytest.raises(StorageUnavailable):
        atomic_files.place(
            staged.path, staged.sha256, public, ours=nobody_elses, calls=Calls(fsync=failing(errno.EIO, at=2))
        )
    with pytest.raises(StorageUnavailable):
        atomic_files.place(
            staged.path, staged.sha256, public, ours=nobody_elses, calls=Calls(fsync=failing(errno.EIO))
        )
    assert not atomic_files.place(staged.path, staged.sha256, public, ours=nobody_elses).changed


# Sweeping, hashing, folders


def test_a_sweep_takes_only_our_own_old_temporary_files(tmp_path: Path) -> None:
    old = datetime.now(UTC) - timedelta(days=2)
    ours = [tmp_path / atomic_files.temporary_name(), tmp_path / "job" / atomic_files.temporary_name()]
    kept = [
        tmp_path / "Council.mp4",
        tmp_path / "a.part",
        tmp_path / ".archivist-0123.part",
        tmp_path / (atomic_files.temporary_name() + ".mp4"),
        tmp_path / "job" / "a.scc",
    ]
    (tmp_path / "job").mkdir()
    for path in ours + kept:
        path.write_bytes(b"x")
        os.utime(path, (old.timestamp(), old.timestamp()))
    fresh = tmp_path / atomic_files.temporary_name()
    fresh.write_bytes(b"x")
    link = tmp_path / atomic_files.temporary_name()
    link.symlink_to(kept[0])
    before = datetime.now(UTC) - timedelta(days=1)
    assert atomic_files.sweep(tmp_path, before) == 1
    assert atomic_files.sweep(tmp_path, before, deep=True) == 1
    assert not any(path.exists() for path in ours)
    assert all(path.exists() for path in [*kept, fresh, link])


def test_a_folder_that_is_not_there_cannot_be_swept(tmp_path: Path) -> None:
    with pytest.raises(StorageUnavailable):
        atomic_files.sweep(tmp_path / "gone", datetime.now(UTC))


def test_a_digest_is_that_of_the_content(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(DATA)
    assert atomic_files.digest(tmp_path / "a") == atomic_files.Digest(sha(DATA), len(DATA))


def test_a_digest_of_nothing_a_link_or_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    with pytest.raises(FileMissing):
        atomic_files.digest(tmp_path / "a")
    with pytest.raises(PathRefused):
        atomic_files.digest(tmp_path / "link")
    with pytest.raises(InvalidFileFormat):
        atomic_files.digest(tmp_path)


def test_a_folder_is_made_with_those_above_it_and_again(tmp_path: Path) -> None:
    for _ in range(2):
        atomic_files.make_folder(tmp_path / "a" / "b" / "c")
    assert (tmp_path / "a" / "b" / "c").is_dir()


def test_a_folder_is_not_made_within_one_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(StorageUnavailable):
        atomic_files.make_folder(tmp_path / "mnt" / "a", within=tmp_path / "mnt")
    assert names(tmp_path) == []
    (tmp_path / "mnt").mkdir()
    atomic_files.make_folder(tmp_path / "mnt" / "a" / "b", within=tmp_path / "mnt")
    assert (tmp_path / "mnt" / "a" / "b").is_dir()


def test_only_what_we_wrote_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "a.scc"
    assert not atomic_files.remove(path, sha(DATA))
    path.write_bytes(b"edited")
    assert not atomic_files.remove(path, sha(DATA))
    path.write_bytes(DATA)
    assert atomic_files.remove(path, sha(DATA))
    assert names(tmp_path) == []


def test_a_folder_where_a_file_stands_is_an_error_of_ours(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x")
    with pytest.raises(StorageUnavailable):
        atomic_files.make_folder(tmp_path / "a" / "b")
