"""What is wrong with an SCC file, by rule and line; and whether it shows what it was meant to show.

`verify` needs nothing but the file. `compare` is the release gate: it decodes the file and holds it against the
cues it was made from. Neither uses anything of the encoder but its options.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from archivist_captions.cea608 import codes, scc
from archivist_captions.cea608.decoder import DisplayedText, Mode, Receiver
from archivist_captions.cea608.options import SccOptions
from archivist_captions.cea608.transliteration import transliterate
from archivist_captions.cue import Captions
from archivist_captions.timecode import day_of, frame_at, frame_of_label

Severity = Literal["error", "warning"]

RULES: dict[str, tuple[Severity, str]] = {
    "header": ("error", "the first line is exactly `Scenarist_SCC V1.0`"),
    "bom": ("error", "the file begins with its header, not with a byte-order mark"),
    "line": ("error", "a data line is a time code, a tab and words"),
    "word": ("error", "a word is four hex digits"),
    "blank-line": ("warning", "a blank line precedes each data line"),
    "label": ("error", "a time code exists, in a file of one kind"),
    "order": ("error", "time codes rise"),
    "overlap": ("error", "a line begins after the words of the one before"),
    "parity": ("error", "every byte has odd parity"),
    "undoubled": ("error", "a control pair is sent twice in consecutive frames"),
    "other-channel": ("error", "captions are in CC1"),
    "other-field": ("error", "no code of field 2 is in field 1"),
    "text-mode": ("error", "no text mode"),
    "no-mode": ("error", "a mode is chosen before text"),
    "mixed-modes": ("error", "a file keeps to one mode"),
    "no-row": ("error", "a preamble addresses a row"),
    "unknown-code": ("error", "every control pair has a meaning"),
    "stray-code": ("error", "text bytes are 20 to 7F"),
    "columns": ("error", "a row has 32 columns"),
    "rows": ("error", "at most four rows are shown at once"),
    "no-fallback": ("error", "a character that stands in for it goes before each extended one"),
    "stale-memory": ("error", "the hidden memory is empty before it is loaded"),
    "never-shown": ("error", "what is loaded is shown"),
    "no-final-erase": ("error", "the last caption is erased"),
    "blink": ("warning", "a caption follows another without a blank of a frame or two"),
    "space-indent": ("warning", "rows are placed by preamble and tab offset, not by spaces"),
    # compare
    "text-missing": ("error", "every word is shown, in order"),
    "text-added": ("error", "nothing is shown that is in no cue"),
    "early": ("error", "a caption is shown no more than a frame early"),
    "placement": ("error", "a caption is at the bottom, or at the top when its cue says so"),
    "late": ("error", "a caption is late only while the channel is busy with it"),
}

_ODD = tuple(byte.bit_count() % 2 == 1 for byte in range(256))  # whether a byte has odd parity
_BLINK = 3  # frames
_TOP_ROWS = 7  # of 15
_ROW_OVERHEAD = 5  # frames from a carriage return to the first letter of its row
_SEARCH = 4_000  # letters; how far a lost place in the text is looked for


@dataclass(frozen=True, slots=True)
class Finding:
    """A broken rule of RULES. line counts from 1; 0 means the whole file. frame: None where time has no part."""

    rule: str
    line: int
    message: str
    frame: int | None = None

    @property
    def severity(self) -> Severity:
        return RULES[self.rule][0]


@dataclass(frozen=True, slots=True)
class Played:
    """An SCC file played to its end. sent: frames that carried a word, in order."""

    receiver: Receiver
    sent: tuple[int, ...]
    findings: tuple[Finding, ...]

    @property
    def screens(self) -> Sequence[DisplayedText]:
        return self.receiver.screens


def verify(scc_text: str) -> tuple[Finding, ...]:
    """Every broken rule of the file and of the channel, in order of lines. An empty programme is clean.

    Raises CannotRead when the text is no SCC file at all.
    """
    return play(scc_text).findings


def play(scc_text: str) -> Played:
    """Decode a file one word a frame, damage and all. Raises CannotRead when it is no SCC file at all."""
    file = scc.parse(scc_text)
    findings = list(_form(scc_text, file))
    firsts = []
    for line in file.lines:
        frame, complaint = _frame_of(line.label)
        firsts.append(frame)
        if complaint:
            findings.append(Finding("label", line.number, complaint))
    firsts = _past_midnight(file.lines, firsts)
    findings.extend(_order(file.lines, firsts))
    receiver = Receiver()
    sent: list[int] = []
    number = frame = seen = 0
    doubled = 0  # the control pair that this frame must repeat
    for frame, line, word in scc.frames(file.lines, tuple(firsts)):
        bare = word & 0x7F7F
        if doubled and (bare != doubled or frame != sent[-1] + 1):
            findings.append(Finding("undoubled", number, f"{doubled:04X} is sent once", sent[-1]))
            doubled = 0
        if doubled:
            doubled = 0
        elif codes.is_control(bare):
            doubled = bare
        number = line.number
        sent.append(frame)
        receiver.word(frame, bare)
        if len(receiver.events) > seen:
            new = receiver.events[seen:]
            findings.extend(Finding(event.what, number, event.detail, event.frame) for event in new)
            seen = len(receiver.events)
    if doubled:
        findings.append(Finding("undoubled", number, f"{doubled:04X} is sent once", sent[-1]))
    receiver.finish(frame + 1)
    findings.extend(_end(receiver, number, frame))
    return Played(receiver, tuple(sent), tuple(sorted(findings, key=lambda finding: finding.line)))


def compare(
    captions: Captions, scc_text: str, options: SccOptions | None = None, tolerance: int = 1
) -> tuple[Finding, ...]:
    """Why this file may not be released for these captions; empty when it may.

    Every word must be shown in order and nothing else, each cue at its frame give or take `tolerance`, at the
    top or the bottom as it says. A cue may be earlier only on a screen that belongs to an earlier cue (a join), and
    later only when the channel carried a word in every frame since the caption before: then no encoder could have
    been sooner. Characters that CEA-608 lacks are expected as `transliterate` shows them.
    Raises CannotRead when the text is no SCC file at all.
    """
    return compare_played(captions, play(scc_text), options, tolerance)


def compare_played(
    captions: Captions, played: Played, options: SccOptions | None = None, tolerance: int = 1
) -> tuple[Finding, ...]:
    """`compare` for a file that was played already."""
    findings: list[Finding] = []
    place = 0
    shown = plain("".join(played.receiver.letters))
    for index, found, length in _places(captions, shown):
        if found < 0:
            text = captions.cues[index].text
            findings.append(Finding("text-missing", 0, f"cue {index + 1} is not shown as written: {text!r}"))
            continue
        if found > place:
            findings.append(Finding("text-added", 0, f"before cue {index + 1}: {shown[place:found]!r}"))
        place = found + length
    if place < len(shown):
        findings.append(Finding("text-added", 0, f"after the last cue: {shown[place : place + 80]!r}"))
    for timing in timings(captions, played, options):
        number, error = timing.cue + 1, timing.frames
        if timing.row is not None and (timing.row <= _TOP_ROWS) != captions.cues[timing.cue].top:
            findings.append(Finding("placement", 0, f"cue {number} begins at row {timing.row}", timing.shown))
        if error < -tolerance and not timing.joined:
            findings.append(Finding("early", 0, f"cue {number} is shown {-error} frames early", timing.shown))
        if error > tolerance and not _busy_until(timing.shown, played):
            message = f"cue {number} is shown {error} frames late with the channel idle"
            findings.append(Finding("late", 0, message, timing.shown))
    return tuple(findings)


@dataclass(frozen=True, slots=True)
class Timing:
    """When a cue is shown. cue: its index. frames: late by so many, early where negative.

    joined: whether its screen begins with an earlier cue's text. row: where its screen begins, None for captions
    that roll up and have no place of their own.
    """

    cue: int
    shown: int
    frames: int
    joined: bool
    row: int | None = None


def timings(captions: Captions, played: Played, options: SccOptions | None = None) -> tuple[Timing, ...]:
    """When each cue that can be found in a played file is shown, in order of start."""
    options = options or SccOptions()
    frames = played.receiver.frames
    pops = played.receiver.modes == [Mode.POP_ON]
    rows = {screen.start: screen.rows[0].number for screen in played.screens} if pops else {}
    result: list[Timing] = []
    for index, found, _ in _places(captions, plain("".join(played.receiver.letters))):
        if found >= 0:
            wanted = options.first_frame + frame_at(captions.cues[index].start_ms + options.offset_ms, options.rate)
            joined = found > 0 and frames[found - 1] == frames[found]
            result.append(Timing(index, frames[found], frames[found] - wanted, joined, rows.get(frames[found])))
    return tuple(result)


def _places(captions: Captions, shown: str) -> Iterator[tuple[int, int, int]]:
    """Index of each cue that has something to show, where its letters begin in `shown` (-1: nowhere), how many."""
    place = 0
    for index, cue in sorted(enumerate(captions.cues), key=lambda item: item[1].start_ms):
        wanted = plain(transliterate(" ".join(cue.lines))[0])
        if not wanted:
            continue
        found = shown.find(wanted, place, place + len(wanted) + _SEARCH)
        yield index, found, len(wanted)
        if found >= 0:
            place = found + len(wanted)


def _busy_until(frame: int, played: Played) -> bool:
    """Whether every frame since the caption or row before, or since the first word, carried a word."""
    shows = played.receiver.shows
    # A row that rolls up begins a few frames before its first letter is seen.
    before = bisect_right(shows, frame - 1 - _ROW_OVERHEAD * (Mode.ROLL_UP in played.receiver.modes)) - 1
    first = shows[before] if before >= 0 else (played.sent[0] if played.sent else frame)
    count = bisect_right(played.sent, frame) - bisect_right(played.sent, first - 1)
    return count == frame - first + 1


_STRAIGHT = str.maketrans({"“": '"', "”": '"', "—": "-", "‘": "'", "’": "'"})


def plain(text: str) -> str:
    """Letters that count when texts are compared: no spaces, quotes straight (a measure of thrift)."""
    return "".join(text.split()).translate(_STRAIGHT)


def _form(text: str, file: scc.SccFile) -> Iterator[Finding]:
    if text.startswith("\ufeff"):
        yield Finding("bom", 1, "byte-order mark")
    if not file.has_header:
        yield Finding("header", 1, f"the first line is {file.header[:40]!r}")
    for number, row in file.unreadable:
        yield Finding("line", number, f"not a data line: {row!r}")
    for number in file.unspaced:
        yield Finding("blank-line", number, "no blank line before")
    for line in file.lines:
        if line.torn:
            yield Finding("word", line.number, f"not four hex digits: {', '.join(map(repr, line.torn[:5]))}")
        bad = sum(not (_ODD[word >> 8] and _ODD[word & 0xFF]) for word in line.words)
        if bad:
            yield Finding("parity", line.number, f"{bad} words with even parity")


def _past_midnight(lines: Sequence[scc.SccLine], firsts: Sequence[int]) -> list[int]:
    """The frames with a day added for each midnight: a label that falls back by almost a day is the next day's.

    Not where the label before jumped ahead by as much: that one is wrong. Source: SMPTE ST 12-1.
    """
    day = day_of(drop_frame=any(";" in line.label for line in lines))
    almost = day * 7 // 8
    days, last, jumped = 0, firsts[0] if firsts else 0, False
    through: list[int] = []
    for first in firsts:
        if last - first > almost and not jumped:
            days += 1
        jumped = first - last > almost
        last = first
        through.append(first + days * day)
    return through


def _order(lines: Sequence[scc.SccLine], firsts: Sequence[int]) -> Iterator[Finding]:
    kinds = {";" in line.label for line in lines}
    if len(kinds) > 1:
        odd_one = next(line for line in lines if (";" in line.label) != (";" in lines[0].label))
        yield Finding("label", odd_one.number, "drop-frame and non-drop labels in one file")
    free = -1
    previous = -1
    for line, first in zip(lines, firsts, strict=True):
        if first < previous:
            yield Finding("order", line.number, f"{line.label} comes after a later time code", first)
        elif first < free:
            yield Finding("overlap", line.number, f"{free - first} words of the line before are not sent yet", first)
        previous = first
        free = max(first, free) + len(line.words)


def _end(receiver: Receiver, line: int, frame: int) -> Iterator[Finding]:
    if receiver.pending:
        yield Finding("never-shown", line, "the last caption is loaded and not shown", frame)
    if receiver.screens and receiver.screens[-1].end is None:
        yield Finding("no-final-erase", line, "the last caption stays on the screen", frame)
    modes = [mode for mode in receiver.modes if mode is not Mode.TEXT]
    if len(modes) > 1:
        yield Finding("mixed-modes", 0, " and ".join(modes))
    for screen, following in zip(receiver.screens, receiver.screens[1:], strict=False):
        if screen.end is not None and 0 < following.start - screen.end <= _BLINK:
            blank = following.start - screen.end
            yield Finding("blink", 0, f"the screen is blank for {blank} frames before {following.text!r}", screen.end)


def _frame_of(label: str) -> tuple[int, str]:
    """Frame of a label, and what is wrong with it. A label that cannot be is read as well as it can be."""
    try:
        return frame_of_label(label), ""
    except ValueError as exc:
        hours, minutes, seconds, frames = (int(part) for part in (label[:2], label[3:5], label[6:8], label[9:11]))
        count = ((hours * 60 + minutes) * 60 + seconds) * 30 + frames
        if label[8] != ":":
            total = hours * 60 + minutes
            count -= 2 * (total - total // 10)
        return count, str(exc)
