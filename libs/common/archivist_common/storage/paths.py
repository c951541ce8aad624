"""Names of recordings and of what we make of them. Pure: text only, nothing here touches a disk."""

import hashlib
import re
from pathlib import PurePosixPath

from archivist_captions.formats import FORMATS
from archivist_common.errors import PathRefused

# fmt: off
MEDIA_SUFFIXES = frozenset({
    ".3gp", ".aac", ".aif", ".aiff", ".avi", ".dv", ".flac", ".flv", ".gxf", ".m2t", ".m2ts", ".m2v",
    ".m4a", ".m4v", ".mka", ".mkv", ".mov", ".mp2", ".mp3", ".mp4", ".mpeg", ".mpg", ".mts", ".mxf",
    ".oga", ".ogg", ".opus", ".ts", ".vob", ".w64", ".wav", ".webm", ".wma", ".wmv",
})
# fmt: on
"""Endings a recording may have. The content decides in the end; the ending only spares opening it."""

MAX_PATH_BYTES = 500
"""Longest path beneath a storage server, as the `file_path` column holds it."""

MAX_NAME_BYTES = 255
"""Longest single name on the file systems we meet (NAME_MAX)."""

VAULT = ".archivist"
"""Folder beneath an output path that holds every attempt's files; public names are copies out of it."""

OUTPUT_ENDINGS = {name: f".{form.extension}" for name, form in FORMATS.items()} | {
    "summary": "_summary.txt",
    "metadata": "_metadata.json",
    "report": "_report.json",
    "report_page": "_report.html",
}
"""What a job writes, by kind, and how each file's name ends after the recording's base name."""

_DRIVE_OR_SHARE = re.compile(r"[A-Za-z]:[\\/]|\\\\")
_OWN_ENDINGS = ("_captioned",)


def relative(text: str) -> PurePosixPath:
    """A path beneath a storage server, checked as text.

    Any legal file name passes: apostrophes, accents, brackets, emoji, even a newline.
    Raises PathRefused for an empty or absolute path, `.` and `..`, NUL, over 500 bytes or a name over 255.
    """
    if not text or "\0" in text:
        raise PathRefused("the path is empty or holds a NUL character")
    try:
        size = len(text.encode())
    except UnicodeEncodeError as exc:
        raise PathRefused(f"the path is not valid text: {text!r}") from exc
    if size > MAX_PATH_BYTES:
        raise PathRefused(f"the path is {size} bytes long; {MAX_PATH_BYTES} is the limit")
    if text.startswith("/") or _DRIVE_OR_SHARE.match(text):
        raise PathRefused(f"give the path beneath its storage server, not an absolute one: {text!r}")
    parts = text.split("/")
    if any(part in {"", ".", ".."} for part in parts):
        raise PathRefused(f"the path may not hold empty parts, '.' or '..': {text!r}")
    if any(len(part.encode()) > MAX_NAME_BYTES for part in parts):
        raise PathRefused(f"a name in the path is longer than {MAX_NAME_BYTES} bytes: {text!r}")
    return PurePosixPath(text)


def is_media(name: str) -> bool:
    """Whether a file of this name may be a recording. Hidden files and our own outputs are not."""
    path = PurePosixPath(name)
    if path.name.startswith("."):
        return False
    return path.suffix.lower() in MEDIA_SUFFIXES and not is_own_output(name)


def is_own_output(name: str) -> bool:
    """Whether this is a copy of a recording with its captions in it: `Council_captioned.mp4`."""
    path = PurePosixPath(name)
    return path.suffix.lower() in MEDIA_SUFFIXES and path.stem.lower().endswith(_OWN_ENDINGS)


def is_hidden(name: str) -> bool:
    """Whether browsing leaves this name out: hidden files, our own working folders, system folders."""
    return name.startswith((".", "$")) or name in {"System Volume Information", "lost+found"}


def output_name(base: str, kind: str) -> str:
    """File name of an output: `output_name("Council 3-4", "summary")` -> `Council 3-4_summary.txt`.

    A base that would make the name longer than a file system takes is cut, and told from others cut
    alike by eight digits of its hash.
    """
    ending = OUTPUT_ENDINGS[kind]
    if len((base + ending).encode()) <= MAX_NAME_BYTES:
        return base + ending
    mark = "~" + hashlib.sha256(base.encode()).hexdigest()[:8]
    room = MAX_NAME_BYTES - len(mark) - len(ending)
    return base.encode()[:room].decode(errors="ignore") + mark + ending
