"""The data folder of a stack: one stack at a time, its secret, and where the running one can be reached."""

import contextlib
import fcntl
import json
import os
import secrets
from dataclasses import asdict, dataclass, field
from pathlib import Path

from archivist_cli.local.errors import StackError

_LOCK = "lock"
_NOTES = "stack.json"
_SECRET = "secret_key"  # noqa: S105 -- the name of a file


@dataclass(frozen=True, slots=True)
class Running:
    """A stack that runs. runtime: the folder of its sockets. settings: where its files are, by setting."""

    pid: int
    api_url: str
    database_url: str
    redis_url: str
    runtime: str
    settings: dict[str, str] = field(default_factory=dict)


class DataFolder:
    """The folder, locked for us until `release`. Raises StackError when another stack has it or it cannot be made."""

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.logs.mkdir(exist_ok=True, mode=0o700)
            self._lock = os.open(self.path / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as exc:
            raise StackError(f"cannot write to the data folder {self.path}: {exc.strerror}") from exc
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as exc:
            holder = os.read(self._lock, 20).decode(errors="replace").strip() or "unknown"
            os.close(self._lock)
            raise StackError(
                f"the data folder {self.path} is in use by another Archivist (process {holder}): "
                "stop that one, or choose another folder with --data"
            ) from exc
        os.ftruncate(self._lock, 0)
        os.pwrite(self._lock, f"{os.getpid()}\n".encode(), 0)

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    def secret_key(self) -> str:
        """The secret of this installation, made at the first start. Tokens stay valid across restarts."""
        file = self.path / _SECRET
        with contextlib.suppress(FileNotFoundError):
            if text := file.read_text().strip():
                return text
        text = secrets.token_urlsafe(48)
        self._write(_SECRET, text + "\n")
        return text

    def note(self, running: Running) -> None:
        self._write(_NOTES, json.dumps(asdict(running), indent=2) + "\n")

    def last(self) -> Running | None:
        """What the stack before us noted and did not take back: it was killed."""
        return _notes(self.path)

    def forget(self) -> None:
        (self.path / _NOTES).unlink(missing_ok=True)

    def release(self) -> None:
        os.close(self._lock)

    def _write(self, name: str, text: str) -> None:
        """A file only we can read, whole or not at all."""
        staging = self.path / f".{name}.new"
        staging.unlink(missing_ok=True)
        descriptor = os.open(staging, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(descriptor)
        staging.replace(self.path / name)


def running(data: Path) -> Running | None:
    """The stack that runs on this data folder; None when none does."""
    try:
        lock = os.open(data / _LOCK, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return _notes(data)
    finally:
        os.close(lock)
    return None


def _notes(data: Path) -> Running | None:
    try:
        return Running(**json.loads((data / _NOTES).read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        return None
