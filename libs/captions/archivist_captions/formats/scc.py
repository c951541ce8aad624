"""Scenarist SCC: CEA-608 as text. The file that goes to air."""

from fractions import Fraction

from archivist_captions.cea608.decoder import DisplayedText, MemoryRow, Mode
from archivist_captions.cea608.encoder import Encoded, SccOptions, encode
from archivist_captions.cea608.verifier import Played, play
from archivist_captions.cue import Captions, Cue, Italic
from archivist_captions.formats.reading import Reading, text_of
from archivist_captions.notes import Note, NoteKind
from archivist_captions.timecode import NTSC_30, ms_at

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
    cue from its first letter until it is erased. Raises CannotRead for what is no SCC at all.
    """
    text, notes = text_of(data)
    played = play(text)
    shown = played.receiver.rolled if Mode.ROLL_UP in played.receiver.modes else _popped(played)
    cues = tuple(_cue(screen, rate, first_frame) for screen in shown)
    findings = tuple(
        Note(NoteKind.REPAIRED, -1, f"line {finding.line}: {finding.rule}: {finding.message}")
        for finding in played.findings
    )
    return Reading(Captions(cues), (*notes, *findings))


def read(data: bytes) -> Captions:
    """The captions of `reading`, without its notes."""
    return reading(data).captions


def _popped(played: Played) -> list[DisplayedText]:
    """Screens as captions. What is painted on grows letter by letter: its last state is the caption."""
    painted = Mode.PAINT_ON in played.receiver.modes
    captions: list[DisplayedText] = []
    for screen in played.screens:
        before = captions[-1] if captions else None
        if painted and before is not None and before.end == screen.start and _grew(before.rows, screen.rows):
            captions[-1] = DisplayedText(before.start, screen.end, screen.rows)
        else:
            captions.append(screen)
    return captions


def _grew(before: tuple[MemoryRow, ...], after: tuple[MemoryRow, ...]) -> bool:
    texts = {row.number: row.text for row in after}
    return all(texts.get(row.number, "").startswith(row.text) for row in before)


def _cue(screen: DisplayedText, rate: Fraction, first_frame: int) -> Cue:
    end = screen.end if screen.end is not None else screen.start + _LEAST
    start_ms = max(0, ms_at(screen.start - first_frame, rate))
    end_ms = max(start_ms + 1, ms_at(end - first_frame, rate))
    rows = screen.rows
    italics = tuple(Italic(line, *run) for line, row in enumerate(rows) for run in row.italics)
    return Cue(start_ms, end_ms, tuple(row.text for row in rows), rows[-1].number <= _TOP_ROWS, italics)
