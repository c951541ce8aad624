"""Where the files of `archivist captions` go: whole or not at all, and never over what they were made from."""

from pathlib import Path

from archivist_cli.local.errors import StackError
from archivist_common.storage import atomic_files


def target(path: Path, *others: Path) -> Path:
    """The path with its links followed, fit to be written.

    Raises StackError when its folder is missing, when something else than a file stands there, and when it is one
    of `others`: what is read, or written as well.
    """
    real = path.resolve()
    if not real.parent.is_dir():
        raise StackError(f"{path}: there is no folder {str(path.parent)!r}")
    if real.exists() and not real.is_file():  # a device put in a file's place would be gone
        raise StackError(f"{path}: is not a file that could be replaced")
    for other in others:
        if real == other.resolve() or (real.exists() and other.exists() and real.samefile(other)):
            raise StackError(f"{path}: would replace {other}; give it another name")
    return real


def write(path: Path, data: bytes) -> None:
    """Write a file that `target` allowed. Raises StorageFull, StorageReadOnly or StorageUnavailable."""
    atomic_files.stage(path.parent, path.name, data)
