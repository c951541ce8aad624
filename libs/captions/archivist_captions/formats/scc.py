"""Scenarist SCC: CEA-608 as text. The file that goes to air."""

from fractions import Fraction

from archivist_captions.cea608.decoder import DisplayedText
from archivist_captions.cea608.encoder import Encoded, SccOptions, encode
from archivist_captions.cea608.verifier import play
from archivist_captions.cue import Captions, Cue, Italic
from archivist_captions.formats.reading import Reading, text_of
from archivist_captions.notes import Note, NoteKind
from archivist_captions.timecode import NTSC_30, day_of, ms_at

__all__ = ["Encoded", "SccOptions", "read", "reading", "write", "write_scc"]

_TOP_ROWS = 7
_LEAST = 120  # frames; what a caption that nothing ever erases is given


def write(captions: Captions) -> bytes:
    """The file with default options: drop-frame, first picture at 00:00:00;00, LF. ASCII."""
    return write_scc(captions).text.encode("ascii")


def write_scc(captions: Captions, options: SccOptions | None = None) -> Encoded:
    """The file's text and a note for every compromise. Raises CannotEncode, which names the cue."""
    return encode(captions.cues, options)


def reading(data: bytes, rate: Fraction = NTSC_30, first_frame: int = 0) -> Reading:
    """What a receiver shows, as cues; a note for each finding of the verifier, so files from air can be taken.

    rate: frames per second of the file; first_frame: what its first picture is labelled, taken from every time (a
    caption before it is taken to be at zero).

    Pop-on captions are a cue each. A row that rolls up is a cue until the next begins; what is painted on is one
    cue from its first letter until it is erased or painted over. A file may change its mode.

    Raises CannotRead for what is no SCC at all.
    """
    text, notes = text_of(data)
    played = play(text)
    shown = sorted(played.receiver.captions, key=lambda caption: caption.start)
    day = day_of(drop_frame=";" in text)
    if shown and first_frame - shown[0].start > day // 2:  # the first caption is past midnight already
        first_frame -= day
    cues = tuple(_cue(caption, rate, first_frame) for caption in shown)
    findings = tuple(
        Note(NoteKind.REPAIRED, -1, f"line {finding.line}: {finding.rule}: {finding.message}")
        for finding in played.findings
    )
    return Reading(Captions(cues), (*notes, *findings))


def read(data: bytes) -> Captions:
    """The captions of `reading`, without its notes."""
    return reading(data).captions


def _cue(screen: DisplayedText, rate: Fraction, first_frame: int) -> Cue:
    end = screen.end if screen.end is not None else screen.start + _LEAST
    start_ms = max(0, ms_at(screen.start - first_frame, rate))
    end_ms = max(start_ms + 1, ms_at(end - first_frame, rate))
    rows = screen.rows
    italics = tuple(Italic(line, *run) for line, row in enumerate(rows) for run in row.italics)
    return Cue(start_ms, end_ms, tuple(row.text for row in rows), rows[-1].number <= _TOP_ROWS, italics)
