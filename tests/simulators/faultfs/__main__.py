"""The file system's process: see `tests.simulators.faultfs`."""

# Its names are bytes, and it answers whoever starts it.
# ruff: noqa: PTH101, PTH102, PTH104, PTH106, PTH108, PTH116, PTH208, T201

import ctypes
import errno
import os
import select
import stat
import struct
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field

OPERATIONS = {
    1: "lookup", 2: "forget", 3: "getattr", 4: "setattr", 9: "mkdir", 10: "unlink", 11: "rmdir", 12: "rename",
    13: "link", 14: "open", 15: "read", 16: "write", 17: "statfs", 18: "release", 20: "fsync", 25: "flush",
    26: "init", 27: "opendir", 28: "readdir", 29: "releasedir", 30: "fsyncdir", 34: "access", 35: "create",
    36: "interrupt", 38: "destroy", 42: "batch_forget", 45: "rename2",
}  # fmt: skip
UNANSWERED = {"forget", "interrupt", "batch_forget"}
WRITING = {"setattr", "mkdir", "unlink", "rmdir", "rename", "rename2", "link", "write", "create"}
FILLING = {"mkdir", "write", "create"}
NO_ROOM = {errno.ENOSPC, errno.EDQUOT}

HEADER = struct.Struct("<IIQQIIIHH")
ANSWER = struct.Struct("<IiQ")
ATTRIBUTES = struct.Struct("<6Q10I")
_MAX_WRITE = 128 * 1024
_BIG_WRITES = 1 << 5
_DIRECT_IO = 1  # of an open file: nothing is kept in this machine's memory, so that every read meets the fault
_SET_MODE, _SET_SIZE, _SET_ATIME, _SET_MTIME = 1 << 0, 1 << 3, 1 << 4, 1 << 5
_SET_ATIME_NOW, _SET_MTIME_NOW = 1 << 7, 1 << 8
_NOREPLACE = 1


@dataclass(frozen=True)
class Fault:
    """What the switch says. operation: the only call it is about, None for every one."""

    hangs: bool = False
    slow_s: float = 0.0
    error: int = 0
    operation: str | None = None

    @classmethod
    def parse(cls, mode: str) -> "Fault":
        what, _, of = mode.partition(":")
        if what == "slow":
            return cls(slow_s=float(of))
        if what == "hang":
            return cls(hangs=True, operation=of or None)
        return cls() if what == "ok" else cls(error=getattr(errno, what.upper()), operation=of or None)

    def meets(self, operation: str, *, writes: bool) -> bool:
        if operation in {"init", "destroy"}:
            return False
        if self.operation is not None:
            return operation.rstrip("2") == self.operation
        if self.error == errno.EROFS:
            return writes
        return operation in FILLING if self.error in NO_ROOM else True


@dataclass
class Tree:
    """Files of a folder by the numbers the kernel knows them by."""

    root: bytes
    paths: dict[int, bytes] = field(default_factory=dict)
    numbers: dict[bytes, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.paths[1], self.numbers[self.root] = self.root, 1

    def number(self, path: bytes) -> int:
        if path not in self.numbers:
            self.numbers[path] = max(self.paths) + 1
            self.paths[self.numbers[path]] = path
        return self.numbers[path]

    def below(self, node: int, name: bytes) -> bytes:
        return self.paths[node] + b"/" + name

    def moved(self, old: bytes, new: bytes) -> None:
        for path in list(self.numbers):
            if path == new or path.startswith(new + b"/"):
                del self.numbers[path]  # what stood there is gone; its number is not given again
        for path, node in list(self.numbers.items()):
            if path == old or path.startswith(old + b"/"):
                del self.numbers[path]
                self.paths[node] = new + path[len(old) :]
                self.numbers[self.paths[node]] = node


class FileSystem:
    """Answers one request after another, each by doing the same in the folder behind."""

    def __init__(self, folder: str, point: str) -> None:
        self.tree = Tree(os.fsencode(os.path.realpath(folder)))
        self.fault = Fault()
        self.waiting = list[bytes]()
        self.fd = os.open("/dev/fuse", os.O_RDWR)
        options = f"fd={self.fd},rootmode=40000,user_id={os.getuid()},group_id={os.getgid()}".encode()
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.mount(b"faultfs", os.fsencode(point), b"fuse.faultfs", 0, options) != 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))

    def switch(self, mode: str) -> None:
        self.fault = Fault.parse(mode)
        waiting, self.waiting = self.waiting, []
        for request in waiting:
            self.take(request)

    def take(self, request: bytes) -> None:
        """Answer a request, or keep it for later while the switch says so."""
        length, code, unique, node, *_ = HEADER.unpack_from(request)
        operation = OPERATIONS.get(code, "")
        if operation in UNANSWERED:
            return
        body = request[HEADER.size : length]
        if self.fault.meets(operation, writes=operation in WRITING or _opens_to_write(operation, body)):
            if self.fault.hangs:
                self.waiting.append(request)
                return
            time.sleep(self.fault.slow_s)
            if self.fault.error:
                self._answer(unique, -self.fault.error)
                return
        does: Callable[[int, bytes], bytes] | None = getattr(self, f"_{operation}", None)
        if does is None:
            self._answer(unique, -errno.ENOSYS)
            return
        try:
            self._answer(unique, 0, does(node, body))
        except OSError as exc:
            self._answer(unique, -(exc.errno or errno.EIO))

    def _answer(self, unique: int, error: int, data: bytes = b"") -> None:
        try:
            os.write(self.fd, ANSWER.pack(ANSWER.size + len(data), error, unique) + data)
        except OSError as exc:
            if exc.errno != errno.ENOENT:  # its caller was interrupted meanwhile
                raise

    def _init(self, _: int, body: bytes) -> bytes:
        return struct.pack("<IIIIHHIIHHI28x", 7, 31, 0, _BIG_WRITES, 12, 9, _MAX_WRITE, 1, 0, 0, 0)

    def _destroy(self, _: int, body: bytes) -> bytes:
        return b""

    def _attributes(self, found: os.stat_result) -> bytes:
        times = [found.st_atime_ns, found.st_mtime_ns, found.st_ctime_ns]
        return ATTRIBUTES.pack(
            found.st_ino, found.st_size, found.st_blocks,
            *(each // 10**9 for each in times), *(each % 10**9 for each in times),
            found.st_mode, found.st_nlink, found.st_uid, found.st_gid, found.st_rdev, found.st_blksize, 0,
        )  # fmt: skip

    def _entry(self, path: bytes) -> bytes:
        found = os.lstat(path)
        return struct.pack("<4Q2I", self.tree.number(path), 0, 0, 0, 0, 0) + self._attributes(found)

    def _lookup(self, node: int, body: bytes) -> bytes:
        return self._entry(self.tree.below(node, _name(body)))

    def _getattr(self, node: int, body: bytes) -> bytes:
        flags, _, fh = struct.unpack_from("<IIQ", body)
        found = os.fstat(fh) if flags & 1 else os.lstat(self.tree.paths[node])
        return struct.pack("<QII", 0, 0, 0) + self._attributes(found)

    def _setattr(self, node: int, body: bytes) -> bytes:
        valid, _, _, size, _, atime, mtime, _, atime_ns, mtime_ns, _, mode, *_ = struct.unpack_from("<2I6Q8I", body)
        path = self.tree.paths[node]
        if valid & _SET_MODE:
            os.chmod(path, stat.S_IMODE(mode))
        if valid & _SET_SIZE:
            os.truncate(path, size)
        if valid & (_SET_ATIME | _SET_MTIME):
            found, now = os.stat(path), time.time_ns()
            accessed = atime * 10**9 + atime_ns if valid & _SET_ATIME else found.st_atime_ns
            modified = mtime * 10**9 + mtime_ns if valid & _SET_MTIME else found.st_mtime_ns
            accessed = now if valid & _SET_ATIME_NOW else accessed
            modified = now if valid & _SET_MTIME_NOW else modified
            os.utime(path, ns=(accessed, modified))
        return struct.pack("<QII", 0, 0, 0) + self._attributes(os.lstat(path))

    def _access(self, node: int, body: bytes) -> bytes:
        (mask,) = struct.unpack_from("<I", body)
        if not os.access(self.tree.paths[node], mask):
            raise PermissionError(errno.EACCES, "")
        return b""

    def _statfs(self, _: int, body: bytes) -> bytes:
        room = os.statvfs(self.tree.root)
        free = (0, 0) if self.fault.error in NO_ROOM else (room.f_bfree, room.f_bavail)
        counts = (room.f_blocks, *free, room.f_files, room.f_ffree)
        return struct.pack("<5Q4I24x", *counts, room.f_bsize, room.f_namemax, room.f_frsize, 0)

    def _open(self, node: int, body: bytes) -> bytes:
        (flags,) = struct.unpack_from("<I", body)
        return struct.pack("<QII", os.open(self.tree.paths[node], flags & ~os.O_CREAT), _DIRECT_IO, 0)

    def _opendir(self, node: int, body: bytes) -> bytes:
        return struct.pack("<QII", os.open(self.tree.paths[node], os.O_RDONLY | os.O_DIRECTORY), 0, 0)

    def _create(self, node: int, body: bytes) -> bytes:
        flags, mode, umask = struct.unpack_from("<III", body)
        path = self.tree.below(node, _name(body[16:]))
        opened = os.open(path, flags | os.O_CREAT, mode & ~umask)
        return self._entry(path) + struct.pack("<QII", opened, _DIRECT_IO, 0)

    def _read(self, _: int, body: bytes) -> bytes:
        fh, offset, size = struct.unpack_from("<QQI", body)
        return os.pread(fh, size, offset)

    def _write(self, _: int, body: bytes) -> bytes:
        fh, offset, size = struct.unpack_from("<QQI", body)
        return struct.pack("<II", os.pwrite(fh, body[40 : 40 + size], offset), 0)

    def _readdir(self, node: int, body: bytes) -> bytes:
        _, offset, size = struct.unpack_from("<QQI", body)
        page = b""
        names = [b".", b"..", *sorted(os.listdir(self.tree.paths[node]))]
        for position, name in list(enumerate(names, start=1))[offset:]:
            kind = stat.S_IFMT(os.lstat(self.tree.paths[node] + b"/" + name).st_mode) >> 12
            entry = struct.pack("<QQII", position, position, len(name), kind) + name
            entry += bytes(-len(entry) % 8)
            if len(page) + len(entry) > size:
                break
            page += entry
        return page

    def _release(self, _: int, body: bytes) -> bytes:
        os.close(struct.unpack_from("<Q", body)[0])
        return b""

    _releasedir = _release

    def _fsync(self, _: int, body: bytes) -> bytes:
        os.fsync(struct.unpack_from("<Q", body)[0])
        return b""

    _fsyncdir = _fsync

    def _flush(self, _: int, body: bytes) -> bytes:
        return b""

    def _mkdir(self, node: int, body: bytes) -> bytes:
        mode, umask = struct.unpack_from("<II", body)
        path = self.tree.below(node, _name(body[8:]))
        os.mkdir(path, mode & ~umask)
        return self._entry(path)

    def _unlink(self, node: int, body: bytes) -> bytes:
        os.unlink(self.tree.below(node, _name(body)))
        return b""

    def _rmdir(self, node: int, body: bytes) -> bytes:
        os.rmdir(self.tree.below(node, _name(body)))
        return b""

    def _rename(self, node: int, body: bytes, flags: int = 0, names: int = 8) -> bytes:
        (new_node,) = struct.unpack_from("<Q", body)
        old_name, new_name, *_ = body[names:].split(b"\0")
        old, new = self.tree.below(node, old_name), self.tree.below(new_node, new_name)
        if flags & _NOREPLACE and os.path.lexists(new):
            raise FileExistsError(errno.EEXIST, "")
        os.rename(old, new)
        self.tree.moved(old, new)
        return b""

    def _rename2(self, node: int, body: bytes) -> bytes:
        return self._rename(node, body, struct.unpack_from("<QI", body)[1], 16)

    def _link(self, node: int, body: bytes) -> bytes:
        (old,) = struct.unpack_from("<Q", body)
        path = self.tree.below(node, _name(body[8:]))
        os.link(self.tree.paths[old], path)
        return self._entry(path)


def _name(body: bytes) -> bytes:
    return body.partition(b"\0")[0]


def _opens_to_write(operation: str, body: bytes) -> bool:
    if operation == "access":
        return bool(struct.unpack_from("<I", body)[0] & os.W_OK)
    return operation == "open" and struct.unpack_from("<I", body)[0] & os.O_ACCMODE != os.O_RDONLY


def main(folder: str, point: str) -> None:
    try:
        system = FileSystem(folder, point)
    except OSError as exc:
        print(exc.strerror, flush=True)
        return
    print("ready", flush=True)
    commands = sys.stdin.fileno()
    try:
        while True:
            ready, _, _ = select.select([system.fd, commands], [], [])
            if system.fd in ready:
                try:
                    system.take(os.read(system.fd, _MAX_WRITE + 64 * 1024))
                except OSError as exc:
                    if exc.errno == errno.ENODEV:  # unmounted
                        break
                    if exc.errno not in {errno.EINTR, errno.ENOENT, errno.EAGAIN}:
                        raise
            if commands in ready:
                said = os.read(commands, 1024).decode()
                if not said:
                    break
                for mode in said.split():
                    system.switch(mode)
                    print(mode, flush=True)
    finally:
        os.close(system.fd)  # whoever waits is answered ENOTCONN
        ctypes.CDLL(None).umount2(os.fsencode(point), 2)  # MNT_DETACH


if __name__ == "__main__":
    main(*sys.argv[1:])
