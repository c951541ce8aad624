"""Every file that captions can become: a registry from name to `Format`."""

from collections.abc import Callable
from dataclasses import dataclass

from archivist_captions.cue import Captions
from archivist_captions.formats import json, scc, srt, text, vtt


@dataclass(frozen=True, slots=True)
class Format:
    """One kind of caption file. extension without a dot; read is None where a format is written only.

    write is total over what `layout` gives; read raises CannotRead for what it cannot take.
    """

    name: str
    extension: str
    media_type: str
    write: Callable[[Captions], bytes]
    read: Callable[[bytes], Captions] | None = None


FORMATS: dict[str, Format] = {
    entry.name: entry
    for entry in (
        Format("scc", "scc", "text/x-scc", scc.write),
        Format("vtt", "vtt", "text/vtt", vtt.write),
        Format("srt", "srt", "application/x-subrip", srt.write),
        Format("txt", "txt", "text/plain; charset=utf-8", text.write),
        Format("json", "json", "application/json", json.write, json.read),
    )
}
