"""From windows to the words of a piece: a quick pass, and a second one where that was not sure or left speech out.

Whisper decodes without time stamps here and may jump over a passage beside a pause: what was said there has no words
then, though the model would have written them. Such a hole is decoded again by itself, with a beam. Nothing is
random: the same piece gives the same words on every try.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from archivist_captions.cue import Word
from archivist_transcriber.audio.vad import RATE, Piece
from archivist_transcriber.engines.hallucinations import (
    DECODED_AGAIN,
    DecodedWindow,
    Hallucination,
    hallucination_in,
    without_loops,
)
from archivist_transcriber.engines.holes import Stretch, holes, merged, neighbourhood, within
from archivist_transcriber.engines.windows import Window, pack, shifted
from archivist_transcriber.engines.word_timing import Before, TimedWord, within_speech

UNSURE = -0.5  # mean log probability of a token beneath which a window is decoded again with a beam

_NO_SPACES = frozenset({"zh", "ja", "th", "lo", "my", "yue"})


class How(Enum):
    """How windows are decoded."""

    QUICK = auto()
    """With the beam of the settings."""
    BEAM = auto()
    CAREFUL = auto()
    """With a beam and a penalty for repetition: where Whisper falls back to a higher temperature, which would not
    give the same words twice."""


Decode = Callable[[Sequence[Window], How], Sequence[DecodedWindow]]
"""The model: windows of the piece to what it makes of each."""


@dataclass(slots=True)
class _Decoded:
    """A window and what was made of it."""

    window: Window
    said: DecodedWindow

    @property
    def suspicion(self) -> Hallucination | None:
        return hallucination_in(self.said, self.window.length / RATE)


@dataclass(frozen=True, slots=True)
class Kept:
    """Words in time order. dropped: how many were removed as hallucinations. unheard: speech that stays without
    words, (start, end) in milliseconds of the recording."""

    words: tuple[Word, ...]
    dropped: int
    unheard: tuple[tuple[int, int], ...]


class Passes:
    """Both passes over one piece, batch by batch in the order of time.

    longest: samples of a window. most: windows decoded together. beam: False where the quick pass has a beam already.
    """

    def __init__(
        self, piece: Piece, language: str, decode: Decode, *, longest: int, most: int, beam: bool = True
    ) -> None:
        self._piece = piece
        self._language = language
        self._decode = decode
        self._longest = longest
        self._most = most
        self._beam = beam
        self._before = Before()

    def kept(self, windows: Sequence[Window]) -> Kept:
        """The words of a batch, after both passes."""
        entries = self._decoded(windows, How.QUICK)
        self._decode_again([entry for entry in entries if entry.suspicion in DECODED_AGAIN], How.CAREFUL)
        if self._beam:
            unsure = [entry for entry in entries if entry.said.words and entry.said.log_probability < UNSURE]
            self._decode_again([entry for entry in unsure if entry.suspicion is None], How.BEAM)
        words: list[TimedWord] = []
        dropped = 0
        for entry in entries:
            said, gone = self._said(entry)
            placed, self._before = within_speech(said, self._piece.speech, self._before)
            words += placed
            dropped += gone
        speech = within(self._piece.speech, [(part.start, part.end) for w in windows for part in w.parts])
        words = self._filled(words, speech)
        if words:
            self._before = Before(self._before.stretch, max(self._before.end, words[-1].end))
        return Kept(
            tuple(_word(word, self._piece) for word in words),
            dropped,
            tuple((self._ms(start), self._ms(end)) for start, end in holes(words, speech)),
        )

    def _decoded(self, windows: Sequence[Window], how: How) -> list[_Decoded]:
        found: list[_Decoded] = []
        for n in range(0, len(windows), self._most):
            batch = windows[n : n + self._most]
            found += [_Decoded(window, said) for window, said in zip(batch, self._decode(batch, how), strict=True)]
        return found

    def _decode_again(self, entries: Sequence[_Decoded], how: How) -> None:
        """Replace what was made of windows where the second try is surer and shows no hallucination."""
        for entry, second in zip(entries, self._decoded([entry.window for entry in entries], how), strict=True):
            surer = how is How.CAREFUL or second.said.log_probability > entry.said.log_probability
            if surer and second.suspicion is None:
                entry.said = second.said

    def _said(self, entry: _Decoded) -> tuple[list[TimedWord], int]:
        """The words of a window at samples of the piece, and how many were removed as hallucinations."""
        said = _joined(entry.said.words, self._language)
        true = [] if entry.suspicion is Hallucination.NO_SPEECH else without_loops(said)
        speech = self._piece.speech
        return [_moved(word, entry.window, speech, n == 0) for n, word in enumerate(true)], len(said) - len(true)

    def _filled(self, words: list[TimedWord], speech: Sequence[Stretch]) -> list[TimedWord]:
        """The words with those of its holes, each decoded by itself."""
        groups: dict[Window, list[Stretch]] = {}
        for group, (low, high) in neighbourhood(holes(words, speech), self._piece.speech, len(self._piece.samples)):
            inside = [(start - low, end - low) for start, end in group]
            for window in pack(inside, self._piece.samples[low:high], self._longest):
                groups[shifted(window, low)] = group
        for entry in self._decoded(list(groups), How.BEAM):
            group = groups[entry.window]
            if entry.suspicion is None:
                said, _ = self._said(entry)
                placed, _ = within_speech(said, group)
                words = merged(words, placed, within(group, [(p.start, p.end) for p in entry.window.parts]))
        return words

    def _ms(self, sample: int) -> int:
        return self._piece.start_ms + round(sample * 1000 / RATE)


def _joined(words: Sequence[dict[str, Any]], language: str) -> list[TimedWord]:
    """Words as people write them: what the model glues on without a space belongs to the word before."""
    joined: list[TimedWord] = []
    for word in words:
        text = word["word"].strip()
        start, end = float(word["start"]) * RATE, float(word["end"]) * RATE
        confidence = float(word["probability"])
        if not text:
            continue
        if joined and not word["word"].startswith(" ") and language not in _NO_SPACES:
            last = joined[-1]
            joined[-1] = TimedWord(last.start, end, last.text + text, min(last.confidence, confidence))
        else:
            joined.append(TimedWord(start, max(start, end), text, confidence))
    return joined


def _moved(word: TimedWord, window: Window, speech: Sequence[Stretch], first: bool) -> TimedWord:
    """From samples of the window to samples of the piece, both ends in one part."""
    start, end = window.first_span(word.start, word.end, speech) if first else window.span(word.start, word.end)
    return TimedWord(start, end, word.text, word.confidence)


def _word(word: TimedWord, piece: Piece) -> Word:
    start = min(piece.start_ms + round(word.start * 1000 / RATE), piece.end_ms)
    end = min(piece.start_ms + round(word.end * 1000 / RATE), piece.end_ms)
    return Word(start, max(start, end), word.text, round(min(1.0, max(0.0, word.confidence)), 3))
