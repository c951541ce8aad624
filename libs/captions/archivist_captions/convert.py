"""One caption file to another, with nothing but the two: what `archivist captions convert` does."""

from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise

from archivist_captions.cea608.options import SccOptions
from archivist_captions.cea608.transliteration import transliterate
from archivist_captions.cue import Captions, Cue
from archivist_captions.errors import CannotEncode, CannotRead
from archivist_captions.formats import FORMATS, Format
from archivist_captions.formats.reading import Reading
from archivist_captions.formats.scc import reading as scc_reading
from archivist_captions.formats.scc import write_scc
from archivist_captions.formats.voices import words_of
from archivist_captions.layout.layout import layout
from archivist_captions.notes import Note, NoteKind
from archivist_captions.profiles import BROADCAST, Profile
from archivist_captions.report.data import Report, report
from archivist_captions.rolling import said_once
from archivist_captions.timecode import NTSC_30, frame_at

_MOST_NAMED = 40  # letters of a word that a note repeats


@dataclass(frozen=True, slots=True)
class Converted:
    """A file and what it took. captions: as they were written. report: for SCC; the others have nothing to prove."""

    data: bytes
    captions: Captions
    notes: tuple[Note, ...]
    report: Report | None


def format_of(extension: str) -> Format:
    """The format with this extension or name, with or without a dot. Raises CannotRead when there is none."""
    wanted = extension.lower().removeprefix(".")
    for entry in FORMATS.values():
        if wanted in (entry.extension, entry.name):
            return entry
    raise CannotRead(f"no caption format is called {extension!r}; known: {', '.join(FORMATS)}")


def read(data: bytes, extension: str, rate: Fraction = NTSC_30, first_frame: int = 0) -> Reading:
    """The captions of a file. rate and first_frame are for SCC alone: what its labels count, and from where.

    Raises CannotRead when the format has no reader or the file is not of it.
    """
    entry = format_of(extension)
    if entry.reading is None:
        readable = ", ".join(name for name, known in FORMATS.items() if known.reading is not None)
        raise CannotRead(f"{entry.name} files are written only; these can be read: {readable}")
    return scc_reading(data, rate, first_frame) if entry.name == "scc" else entry.reading(data)


def convert(
    source: Reading,
    target: str,
    *,
    profile: Profile = BROADCAST,
    options: SccOptions | None = None,
    as_cues: bool = False,
) -> Converted:
    """The captions as a file of the target format, laid out anew by the profile.

    as_cues keeps the cues and their times as they are; only what the channel forces is changed, and noted. Where a
    file knows no words, their times are shared out by letters within each cue. options are for SCC, but for
    offset_ms, which moves every cue whatever the target.
    Raises CannotRead for an unknown target, CannotEncode, which names the cue, for what no file can hold.
    """
    entry = format_of(target)
    captions = source.captions
    notes = list(source.notes)
    if not as_cues:
        if any(cue.top or cue.italics for cue in captions.cues):
            notes.append(Note(NoteKind.PLAIN, -1, "italics and places are kept only where the cues are"))
        words = captions.words
        if not words:
            cues, overlaps = _one_at_a_time(said_once(captions.cues))
            words = words_of(cues)
            notes.extend(overlaps)
        notes.extend(
            Note(NoteKind.CUT, -1, f"a word of {width} letters: {word.text[:_MOST_NAMED]}…")
            for word in words
            if (width := len(transliterate(word.text)[0])) > profile.columns
        )
        captions = replace(captions, cues=layout(words, profile), words=words)
    if entry.name != "scc":
        captions = _moved(captions, options.offset_ms if options is not None else 0)
        return Converted(entry.write(captions), captions, tuple(notes), None)
    encoded = write_scc(captions, options)
    notes.extend(encoded.notes)
    made = report(captions, encoded.text, options, notes, profile)
    return Converted(encoded.text.encode("ascii"), captions, tuple(notes), made)


def _one_at_a_time(cues: tuple[Cue, ...]) -> tuple[tuple[Cue, ...], list[Note]]:
    """The cues, each ended by the start of the next one: the words of two at once would run into each other."""
    notes: list[Note] = []
    ended = list(cues)
    for index, (cue, following) in enumerate(pairwise(cues)):
        if following.start_ms < cue.end_ms:
            frames = frame_at(cue.end_ms) - frame_at(following.start_ms)
            notes.append(Note(NoteKind.OVERLAP, -1, f"cue {index + 1} as read is ended by cue {index + 2}", frames))
            ended[index] = replace(cue, end_ms=max(cue.start_ms + 1, following.start_ms))
    return tuple(ended), notes


def _moved(captions: Captions, offset_ms: int) -> Captions:
    if not offset_ms:
        return captions
    cues = []
    for number, cue in enumerate(captions.cues, 1):
        if cue.end_ms + offset_ms <= 0:
            raise CannotEncode(f"cue {number} ({cue.start_ms} ms, {cue.text!r}) falls before the first picture")
        cues.append(replace(cue, start_ms=max(0, cue.start_ms + offset_ms), end_ms=cue.end_ms + offset_ms))
    words = tuple(
        replace(word, start_ms=max(0, word.start_ms + offset_ms), end_ms=max(0, word.end_ms + offset_ms))
        for word in captions.words
    )
    return replace(captions, cues=tuple(cues), words=words)
