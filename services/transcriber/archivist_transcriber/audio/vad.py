"""Where people speak: Silero's voice detector over a stream, and pieces of sound cut in the pauses.

Memory stays flat whatever the length of the recording: the detector carries its state from step to step, until a
pause resets it, and a piece never holds more than five minutes.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

RULE = 2  # raised whenever a recording would be cut otherwise than before
RATE = 16_000  # samples a second
WINDOW = 512  # samples, 32 ms: what Silero judges at once (fixed by its training)
_WINDOW_MS = WINDOW * 1000 // RATE
_CONTEXT = 64  # samples of the window before, which Silero wants to see too

SPEECH = 0.5  # probability from which a window is speech (Silero's default)
SILENCE = 0.35  # and beneath which speech may end (default: SPEECH - 0.15)
MIN_PAUSE = 4  # windows, 128 ms: shorter holes are inside speech
MIN_SPEECH = 2  # windows, 64 ms: shorter speech is a click

# Silero's state carried through music, noise or long silence makes it deaf to who speaks then (silero-vad #725): it
# is reset where nobody speaks. A telephone line's hiss is never quiet for so long: there a short pause must do. Of
# 50.5 s of such a line (pauses included) 35.3 s were found by the first rule alone and 39.2 s by both; of eight
# minutes of other sound hardly any less, and nothing more in music, noise and silence.
STEP = 8  # windows, 256 ms, judged together; a reset comes between two steps, so that it falls alike in any blocks
QUIET = 62  # windows beneath SILENCE, 2 s, after which the state is reset
AGED = 156  # windows, 5 s: a state as old as this is reset in a pause of
BREATH = 8  # windows

MODEL_WINDOW = 30_000 / _WINDOW_MS  # windows; what Whisper hears at once
KEPT_PAUSE_MS = 800  # how much of a pause goes into the model's windows, half to each neighbour
WISHED = 4  # of the model's windows a piece should fill: one batch, two minutes of talk
SHORTEST = 30_000 // _WINDOW_MS  # windows; a piece that is cut is not shorter
LONGEST = 300_000 // _WINDOW_MS  # windows, five minutes: where a piece is cut even inside speech

Samples = NDArray[np.float32]
Probabilities = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a recording, cut in pauses. Times are those of the recording.

    samples: mono 16 kHz, shape (n,). speech: (start, end) in samples from the start of the piece, rising.
    """

    start_ms: int
    samples: Samples
    speech: tuple[tuple[int, int], ...]

    @property
    def end_ms(self) -> int:
        return self.start_ms + len(self.samples) * 1000 // RATE


class VoiceDetector:
    """Silero VAD as bundled with faster-whisper, fed block by block on one thread."""

    def __init__(self) -> None:
        import onnxruntime
        from faster_whisper.utils import get_assets_path

        onnxruntime.disable_telemetry_events()  # nothing of ours is counted for anybody
        options = onnxruntime.SessionOptions()
        options.inter_op_num_threads = options.intra_op_num_threads = 1
        options.enable_cpu_mem_arena = False
        options.log_severity_level = 4
        model = next(iter(sorted(Path(get_assets_path()).glob("silero_vad*.onnx"))))
        self._session: Any = onnxruntime.InferenceSession(
            str(model), sess_options=options, providers=["CPUExecutionProvider"]
        )
        self._context = np.zeros(_CONTEXT, np.float32)
        self._step = 0  # windows judged since the last whole step
        self._quiet = 0  # windows beneath SILENCE since the last that was not
        self._reset()

    def _reset(self) -> None:
        self._h = self._c = np.zeros((1, 1, 128), np.float32)
        self._age = 0

    def probabilities(self, samples: Samples) -> Probabilities:
        """Probability of speech for each window of 512 samples. `samples` must be whole windows.

        The same for a stream however it is split: the state is reset only after whole steps of the stream.
        """
        windows = samples.reshape(-1, WINDOW)
        found = []
        begin = 0
        while begin < len(windows):
            end = min(begin + STEP - self._step, len(windows))
            found.append(self._judged(windows[begin:end]))
            begin = end
        return np.concatenate(found) if found else np.zeros(0, np.float32)

    def _judged(self, windows: Samples) -> Probabilities:
        """Windows of one step, or of a part of it."""
        before = np.concatenate([self._context[None], windows[:-1, -_CONTEXT:]])
        self._context = windows[-1, -_CONTEXT:].copy()
        feed = {"input": np.concatenate([before, windows], axis=1), "h": self._h, "c": self._c}
        output, self._h, self._c = self._session.run(None, feed)
        found: Probabilities = np.asarray(output, np.float32).reshape(-1)
        self._step = (self._step + len(windows)) % STEP
        self._age += len(windows)
        spoken = np.flatnonzero(found >= SILENCE)
        self._quiet = self._quiet + len(found) if not len(spoken) else len(found) - 1 - int(spoken[-1])
        rested = min(self._quiet, self._age) >= QUIET or (self._age >= AGED and self._quiet >= BREATH)
        if rested and not self._step:
            self._reset()
        return found


def pieces(blocks: Iterable[Samples], *, start_ms: int = 0, cuts: Sequence[int] = ()) -> Iterator[Piece]:
    """The whole of a stream as pieces that follow one another without a hole.

    A piece ends in the middle of a pause, where its speech fills four windows of the model: none is wasted on a
    remainder. After five minutes of few words it ends where it filled the last one, or in the longest pause, or at
    the least spoken moment. Blocks may have any length.

    cuts: where pieces of this stream are known to end, rising milliseconds after `start_ms`, as an earlier run
    found them. Pieces end exactly there, those after the last one as ever. Raises ValueError where they do not rise.
    """
    known = deque(_windows_between(start_ms, cuts))
    detector = VoiceDetector()
    sound: list[Samples] = []  # joined once a piece: joining block by block would copy every piece thirty times
    spoken = np.zeros(0, np.float32)
    for block in _windowed(blocks):
        sound.append(block)
        spoken = np.concatenate([spoken, detector.probabilities(_padded(block))])
        while (cut := _next_cut(spoken, known)) is not None:
            whole = np.concatenate(sound)
            yield _piece(start_ms, whole[: cut * WINDOW], spoken[:cut])
            start_ms += cut * _WINDOW_MS
            sound, spoken = [whole[cut * WINDOW :]], spoken[cut:]
    if len(spoken):
        yield _piece(start_ms, np.concatenate(sound), spoken)


def _windows_between(start_ms: int, cuts: Sequence[int]) -> list[int]:
    """Lengths in windows of the pieces that end at `cuts`. The end of a stream lies in its last, padded window."""
    ends = [-(-(cut - start_ms) // _WINDOW_MS) for cut in cuts]
    lengths = [end - begin for begin, end in pairwise([0, *ends])]
    if any(length <= 0 for length in lengths):
        raise ValueError(f"ends of pieces must rise from {start_ms}: {list(cuts)}")
    return lengths


def _next_cut(spoken: Probabilities, known: deque[int]) -> int | None:
    """The window at which the piece in hand ends, or None while it should still grow."""
    if not known:
        return cut_point(spoken)
    return known.popleft() if len(spoken) >= known[0] else None


def _piece(start_ms: int, sound: Samples, spoken: Probabilities) -> Piece:
    """`sound` is copied: a view would keep the whole of what it was cut from in memory."""
    return Piece(start_ms, sound.copy(), regions(spoken, len(sound)))


def regions(spoken: Probabilities, length: int | None = None) -> tuple[tuple[int, int], ...]:
    """Stretches of speech, in samples, from the probabilities of windows. `length` ends the last one."""
    found: list[tuple[int, int]] = []
    begin: int | None = None
    quiet: int | None = None
    for n, probability in enumerate(spoken):
        if probability >= SPEECH:
            begin = n if begin is None else begin
            quiet = None
        elif begin is not None and probability < SILENCE:
            quiet = n if quiet is None else quiet
            if n - quiet + 1 >= MIN_PAUSE:
                found.append((begin, quiet))
                begin = quiet = None
    if begin is not None:
        found.append((begin, len(spoken) if quiet is None else quiet))
    top = len(spoken) * WINDOW if length is None else length
    return tuple((a * WINDOW, min(b * WINDOW, top)) for a, b in found if b - a >= MIN_SPEECH)


def cut_point(spoken: Probabilities) -> int | None:
    """The window at which a piece should end, or None while it should still grow.

    The same however many windows are known beyond it: blocks of any length give the same pieces.
    """
    most = spoken[:LONGEST]
    closings = list(_closings(most))
    if len(closings) >= WISHED:
        return closings[WISHED - 1]
    if len(spoken) < LONGEST:
        return None
    if closings and closings[-1] >= SHORTEST:
        return closings[-1]
    half = LONGEST // 2
    pauses = [(max(begin, half), end) for begin, end in _pauses(most) if end > half]
    begin, end = max(pauses, key=lambda pause: pause[1] - pause[0], default=(0, 0))
    return (begin + end) // 2 if end else half + int(np.argmin(most[half:]))


def _closings(spoken: Probabilities) -> Iterator[int]:
    """The middles of the pauses in which one of the model's windows is full: as `engines.windows.pack` fills them.

    How much of the last speech is known only adds to it: what is found stays found.
    """
    speech = [(begin // WINDOW, end // WINDOW) for begin, end in regions(spoken)]
    kept = KEPT_PAUSE_MS / _WINDOW_MS
    filled = 0.0
    for n, (begin, end) in enumerate(speech):
        before = speech[n - 1][1] if n else None
        after = speech[n + 1][0] if n + 1 < len(speech) else len(spoken)
        early = min(begin, kept / 2) if before is None else min(begin - before, kept) / 2
        size = early + end - begin + min(after - end, kept) / 2
        if before is not None and filled and filled + size > MODEL_WINDOW:
            yield (before + begin) // 2
            filled = 0.0
        filled = (filled + size) % MODEL_WINDOW


def _pauses(spoken: Probabilities) -> list[tuple[int, int]]:
    """Runs of windows without speech, in windows. Only runs that count as a pause."""
    quiet = np.concatenate([[False], spoken < SILENCE, [False]])
    edges = np.flatnonzero(quiet[1:] != quiet[:-1])
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True) if b - a >= MIN_PAUSE]


def _windowed(blocks: Iterable[Samples]) -> Iterator[Samples]:
    """Blocks of whole steps; only the last may be shorter."""
    size = STEP * WINDOW
    rest = np.zeros(0, np.float32)
    for block in blocks:
        joined = np.concatenate([rest, block]) if len(rest) else block
        whole = len(joined) // size * size
        rest = joined[whole:]
        if whole:
            yield joined[:whole]
    if len(rest):
        yield rest


def _padded(block: Samples) -> Samples:
    return np.pad(block, (0, -len(block) % WINDOW))
