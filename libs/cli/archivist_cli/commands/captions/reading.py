"""Caption files of the user's own, read with a limit: nothing that is too large to be captions gets into memory."""

from pathlib import Path

from archivist_captions.cea608.verifier import Played, play
from archivist_captions.errors import CannotRead
from archivist_captions.formats.reading import MOST_BYTES, text_of
from archivist_common.errors import FileTooLarge, InvalidFileFormat
from archivist_common.storage import os_errors

_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")


def contents(path: Path, most: int = MOST_BYTES) -> bytes:
    """What the file or pipe holds. Raises FileMissing, InvalidFileFormat, StorageUnavailable, or FileTooLarge
    without reading further than `most` bytes."""
    try:
        with path.open("rb") as file:
            data = file.read(most + 1)
    except OSError as exc:
        if path.is_dir():
            raise InvalidFileFormat(f"{path}: is a folder") from exc
        raise os_errors.reading(exc, f"file {str(path)!r}") from exc
    if len(data) > most:
        raise FileTooLarge(f"{path}: more than {most // 1_000_000} MB; a day of captions is a few")
    return data


def scc_of(path: Path) -> tuple[str, Played]:
    """An SCC file as text, a mark at its beginning kept for the verifier to see, and played to its end.

    Raises what `contents` does, and InvalidFileFormat for what is no SCC at all.
    """
    data = contents(path)
    try:
        text, _ = text_of(data)
        if data.startswith(_MARKS):
            text = "\ufeff" + text.removeprefix("\ufeff")
        return text, play(text)
    except CannotRead as exc:
        raise InvalidFileFormat(f"{path}: {exc}") from exc


def counts_drop_frame(scc_text: str) -> bool:
    """Whether the first time code of a file is a drop-frame one; a file without any is taken to be."""
    first = next((line for line in scc_text.splitlines()[1:] if line[:1].isdigit()), "")
    return first[8:9] != ":"
