"""Scenarist SCC: CEA-608 as text. The file that goes to air."""

from archivist_captions.cea608.decoder import Mode, Row, Screen
from archivist_captions.cea608.encoder import Encoded, SccOptions, encode
from archivist_captions.cea608.verifier import Played, play
from archivist_captions.cue import Captions, Cue, Italic
from archivist_captions.formats.reading import Reading, text_of
from archivist_captions.notes import Note, NoteKind
from archivist_captions.timecode import ms_at

__all__ = ["Encoded", "SccOptions", "read", "reading", "write", "write_scc"]

_TOP_ROWS = 7
_LEAST = 30  # frames; what a caption that is never erased is given after the last word


def write(captions: Captions) -> bytes:
    """The file with default options: drop-frame, first picture at 00:00:00;00, LF. ASCII."""
    return write_scc(captions).text.encode("ascii")


def write_scc(captions: Captions, options: SccOptions | None = None) -> Encoded:
    """The file's text and a note for every compromise. Raises CannotEncode, which names the cue."""
    return encode(captions.cues, options)


def reading(data: bytes) -> Reading:
    """What a receiver shows, as cues; a note for each finding of the verifier, so files from air can be taken.

    Pop-on captions are a cue each. A row that rolls up is a cue until the next begins; what is painted on is one
    cue from its first letter until it is erased. Raises CannotRead for what is no SCC at all.
    """
    text, notes = text_of(data)
    played = play(text)
    cues = _rolled(played) if Mode.ROLL_UP in played.receiver.modes else _popped(played)
    findings = tuple(
        Note(NoteKind.REPAIRED, -1, f"line {finding.line}: {finding.rule}: {finding.message}")
        for finding in played.findings
    )
    return Reading(Captions(tuple(cues)), (*notes, *findings))


def read(data: bytes) -> Captions:
    """The captions of `reading`, without its notes."""
    return reading(data).captions


def _popped(played: Played) -> list[Cue]:
    cues: list[Cue] = []
    growing: Screen | None = None
    for screen in played.screens:
        if growing is not None and growing.end == screen.start and _grew(growing.rows, screen.rows):
            cues.pop()
            screen = Screen(growing.start, screen.end, screen.rows)
        cues.append(_cue(screen.start, screen.end, screen.rows))
        growing = screen if Mode.PAINT_ON in played.receiver.modes else None
    return cues


def _grew(before: tuple[Row, ...], after: tuple[Row, ...]) -> bool:
    texts = {row.number: row.text for row in after}
    return all(texts.get(row.number, "").startswith(row.text) for row in before)


def _rolled(played: Played) -> list[Cue]:
    return [_cue(line.start, line.end, line.rows) for line in played.receiver.rolled]


def _cue(start: int, end: int | None, rows: tuple[Row, ...]) -> Cue:
    begin = ms_at(start)
    italics = tuple(Italic(line, *run) for line, row in enumerate(rows) for run in row.italics)
    until = max(begin + 1, ms_at(end if end is not None else start + _LEAST))
    return Cue(begin, until, tuple(row.text for row in rows), rows[-1].number <= _TOP_ROWS, italics)
