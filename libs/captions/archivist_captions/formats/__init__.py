"""Every file that captions can become: a registry from name to `Format`."""

from collections.abc import Callable
from dataclasses import dataclass

from archivist_captions.cue import Captions
from archivist_captions.formats import archivist_json, sami, scc, srt, text, ttml, vtt
from archivist_captions.formats.reading import Reading


@dataclass(frozen=True, slots=True)
class Format:
    """One kind of caption file. extension without a dot; read is None where a format is written only.

    write is total over what `layout` gives; read raises CannotRead for what it cannot take. reading is read
    with a note for everything that had to be repaired.
    """

    name: str
    extension: str
    media_type: str
    write: Callable[[Captions], bytes]
    read: Callable[[bytes], Captions] | None = None
    reading: Callable[[bytes], Reading] | None = None


FORMATS: dict[str, Format] = {
    entry.name: entry
    for entry in (
        Format("scc", "scc", "text/x-scc", scc.write, scc.read, scc.reading),
        Format("vtt", "vtt", "text/vtt", vtt.write, vtt.read, vtt.reading),
        Format("srt", "srt", "application/x-subrip", srt.write, srt.read, srt.reading),
        Format("txt", "txt", "text/plain; charset=utf-8", text.write),
        Format("json", "json", "application/json", archivist_json.write, archivist_json.read, archivist_json.reading),
        Format("ttml", "ttml", "application/ttml+xml", ttml.write),
        Format("sami", "smi", "application/x-sami", sami.write),
    )
}
