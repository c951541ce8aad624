"""Any track as mono 16 kHz."""

import re
from collections.abc import Callable
from typing import Any

from archivist_transcriber.audio.decoder.messages import RATE


def resampler(av: Any, shape: tuple[str, str, int]) -> Callable[[Any], list[Any]]:
    """To mono 16 kHz. Tracks whose channels have no named places are mixed evenly."""
    layout = av.AudioLayout(shape[1]) if not re.fullmatch(r"\d+ channels.*", shape[1]) else None
    if layout is not None:
        return Gathered(av, shape[2]).resample
    return Mix(av, shape).resample


class Gathered:
    """Frames resampled half a second at a time: to call for each of twenty milliseconds costs more than the work."""

    def __init__(self, av: Any, rate: int) -> None:
        self._resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
        self._frames = av.AudioFifo()
        self._least = rate // 2  # samples

    def resample(self, frame: Any) -> list[Any]:
        """Pieces that are ready; all that is left for None."""
        if frame is not None:
            frame.pts = None  # where it lies is settled; the queue would want to check it
            self._frames.write(frame)
            if self._frames.samples < self._least:
                return []
        gathered = self._frames.read(partial=True)
        pieces: list[Any] = self._resampler.resample(gathered) if gathered is not None else []
        return pieces if frame is not None else [*pieces, *self._resampler.resample(None)]


class Mix:
    """Evenly mixed mono of a track of n unnamed channels."""

    def __init__(self, av: Any, shape: tuple[str, str, int]) -> None:
        count = int(shape[1].split()[0])
        self._again = (av.error.BlockingIOError, av.error.EOFError)
        self._graph = av.filter.Graph()
        source = self._graph.add("abuffer", sample_fmt=shape[0], channel_layout=shape[1], sample_rate=str(shape[2]))
        mix = self._graph.add("pan", "mono|c0=" + "+".join(f"{1 / count:.6f}*c{n}" for n in range(count)))
        shaped = self._graph.add("aformat", sample_rates=str(RATE), sample_fmts="s16", channel_layouts="mono")
        sink = self._graph.add("abuffersink")
        source.link_to(mix)
        mix.link_to(shaped)
        shaped.link_to(sink)
        self._graph.configure()

    def resample(self, frame: Any) -> list[Any]:
        self._graph.push(frame)
        pieces: list[Any] = []
        while True:
            try:
                pieces.append(self._graph.pull())
            except self._again:
                return pieces
