"""Pop-on captions: one scheduler for every word of the programme.

The channel carries one word a frame and a caption is loaded, unseen, before it is shown. So a caption of n words
that is to be shown at frame s begins to be sent at s - (n - 2): the first of the two EOC words shows it. Loads may
not overlap, so a caption cannot come nearer to the one before than its own length. Source: 47 CFR 79.101.

When that is too near, these measures are taken in order, as few as make it punctual:
1. ENM is left out where an erase has emptied the hidden memory already;
2. curly quotes and dashes go straight (three or four words each);
3. no tab offset: centred to four columns (two words a row);
4. its predecessor is not blanked but stays until it is replaced (two words);
5. it is late, by at most as much as one word a frame makes it; more than half a second late, it is shown together
   with its predecessor instead, in at most three rows.
No word is ever dropped, and each measure that can be seen is noted.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from archivist_captions.cea608.caption_load import LAVISH, Atom, Thrift, length, load
from archivist_captions.cea608.codes import COLUMNS, EDM, MOST_ROWS_SHOWN
from archivist_captions.cea608.screens import Row, Screen
from archivist_captions.notes import Note, NoteKind

_PAIR = 2  # frames that a doubled control code takes
_FLOOR = 25  # frames; 5/6 s, the least a late caption stays
_MOST_LATE = 30  # frames; a caption may be delayed this much for the good of the next
_JOIN_AFTER = 15  # frames late before a caption joins its predecessor
_JOIN_WITHIN = 60  # frames; nothing is shown earlier than this for being joined
_JOIN_ROWS = 3


@dataclass(frozen=True, slots=True)
class Placed:
    """A caption with its words in time. erase: frame at which its predecessor is blanked, None when chained.

    `begin` is the first frame of the load, `eoc` the frame that shows it; `erase_inside` says that the two words
    of the erase are part of the load. yielded: its predecessor stays for want of two words to blank it.
    """

    screen: Screen
    atoms: tuple[Atom, ...]
    begin: int
    eoc: int
    erase: int | None
    erase_inside: bool
    thrift: Thrift
    yielded: bool = False

    @property
    def late(self) -> int:
        return self.eoc - self.screen.start

    @property
    def end(self) -> int:
        """Frame at which it is blanked if nothing takes its place."""
        wanted = self.screen.end
        return max(wanted, self.eoc + min(_FLOOR, self.screen.end - self.screen.start), self.eoc + _PAIR)


def schedule(screens: Sequence[Screen], origin: int, chain: int) -> list[Placed]:
    """Each caption as early as wanted or as the channel allows; joined to its predecessor when far too late.

    origin: first frame there is. chain: frames; a shorter gap between captions is not blanked.
    """
    placed: list[Placed] = []
    for screen in screens:
        before = placed[-1] if placed else None
        this = _place(before, screen, origin, chain)
        if before is not None and this.late > _JOIN_AFTER:
            joined = _join(before.screen, screen)
            if joined is not None:
                together = _place(placed[-2] if len(placed) > 1 else None, joined, origin, chain)
                if together.eoc < this.eoc and together.late <= max(this.late, _MOST_LATE):
                    placed.pop()
                    this = together
        placed.append(this)
    return placed


def _place(before: Placed | None, screen: Screen, origin: int, chain: int) -> Placed:
    """The caption after `before`, sent in full or with the first measure of thrift that makes it punctual."""
    chained = before is not None and screen.start - before.end <= chain
    best = _attempt(before, screen, origin, LAVISH, chained=chained)
    if best.late <= 0:
        return best
    # After a swap on a blank screen the hidden memory is empty already.
    empty = before is not None and before.erase is not None
    for thrift in (
        Thrift(enm=empty),
        Thrift(enm=empty, curly_quotes=True),
        Thrift(enm=empty, curly_quotes=True, tab_offset=True),
    ):
        attempt = _attempt(before, screen, origin, thrift, chained=chained)
        if attempt.late < best.late:
            best = attempt
        if best.late <= 0:
            return best
    if before is not None and not chained:
        attempt = _attempt(before, screen, origin, best.thrift, chained=True)
        if attempt.late < best.late:
            return replace(attempt, yielded=True)
    return best


def _attempt(before: Placed | None, screen: Screen, origin: int, thrift: Thrift, *, chained: bool) -> Placed:
    atoms = load(screen.rows, thrift, top=screen.top)
    words = length(atoms) - _PAIR  # until the first EOC
    free = origin if before is None else before.eoc + _PAIR
    erase = None if before is None or chained else before.end
    begin = max(free, screen.start - words)
    inside = False
    if erase is not None and erase + _PAIR > begin:
        inside = True
        begin = max(free, screen.start - words - _PAIR)
        atoms, erase = _with_erase(atoms, begin, erase)
        words += _PAIR
    return Placed(screen, tuple(atoms), begin, begin + words, erase, inside, thrift)


def _with_erase(atoms: list[Atom], begin: int, erase: int) -> tuple[list[Atom], int]:
    """The load with the erase on the boundary nearest to its frame, and that frame. Never after the swap."""
    place = 0
    frame = begin
    for atom in atoms[:-1]:
        if abs(frame + len(atom) - erase) >= abs(frame - erase):
            break
        frame += len(atom)
        place += 1
    return [*atoms[:place], (EDM, EDM), *atoms[place:]], frame


def _join(before: Screen, screen: Screen) -> Screen | None:
    """Both on one screen, or None when they do not fit or the second would be shown much too early."""
    if screen.start - before.start > _JOIN_WITHIN or screen.top != before.top:
        return None
    rows = list(before.rows)
    last, first = rows[-1], screen.rows[0]
    fits = len(last.text) + 1 + len(first.text) < COLUMNS and not (last.italics or first.italics)
    if fits and len(screen.rows) == 1 and not first.text.startswith((">>", "[", "♪")):
        rows[-1] = Row(f"{last.text} {first.text}")
    else:
        rows.extend(screen.rows)
    if len(rows) > min(_JOIN_ROWS, MOST_ROWS_SHOWN):
        return None
    return replace(before, cues=before.cues + screen.cues, end=screen.end, rows=tuple(rows))


def notes_on(placed: Sequence[Placed]) -> Iterator[Note]:
    """What had to give for want of time, in order of captions."""
    for this in placed:
        cue = this.screen.cues[0]
        quoted = any("“" in row.text or "”" in row.text or "—" in row.text for row in this.screen.rows)
        if this.thrift.curly_quotes and quoted:
            yield Note(NoteKind.STRAIGHTENED, cue, "curly quotes and dashes sent straight")
        if this.thrift.tab_offset:
            yield Note(NoteKind.UNTABBED, cue, "centred to four columns")
        if this.yielded:
            yield Note(NoteKind.CHAINED, cue, "the caption before it stays until this one is shown")
        for joined in sorted({*this.screen.cues} - {cue}):
            yield Note(NoteKind.JOINED, joined, f"shown with cue {cue + 1}")
        if this.late > 0:
            yield Note(NoteKind.LATE, cue, "its words could not be sent sooner", this.late)


def runs(placed: Sequence[Placed]) -> Iterator[tuple[int, tuple[int, ...]]]:
    """Runs of words in consecutive frames, in order of time."""
    for this in placed:
        if this.erase is not None and not this.erase_inside:
            yield this.erase, (EDM, EDM)
        yield this.begin, tuple(word for atom in this.atoms for word in atom)
    if placed:
        yield placed[-1].end, (EDM, EDM)
