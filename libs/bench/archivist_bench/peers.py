"""One writer or reader of SCC on one trial, measured. `bench` runs this as a process of its own and reads its JSON.

The others, pycaption and ttconv, are development extras; they get the cues as SubRip through their own readers.
"""

import io
import json
import logging
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from archivist_bench.caption_trials import TRIALS, Judged, judge, measure
from archivist_captions.cea608.encoder import encode
from archivist_captions.cea608.options import SccOptions
from archivist_captions.cea608.verifier import play
from archivist_captions.cue import Captions, Cue
from archivist_captions.formats import srt
from archivist_captions.timecode import NTSC_30

_KB_PER_MB = 1_000_000 / 1_024


def main(arguments: list[str]) -> int:
    """arguments: the core to stay on, or nothing; what to do; with whom; on which trial; how. Prints JSON."""
    core, action, who, *rest = arguments
    logging.disable()  # what the others complain about is counted, not read
    if core:
        os.sched_setaffinity(0, {int(core)})
    if action == "version":
        result: dict[str, Any] = {"version": _version(who)}
    elif action == "read":
        result = _read(who, *rest)
    elif who == "archivist":
        result = _ours(*rest)
    else:
        result = _theirs(who, *rest)
    print(json.dumps(result))
    return 0


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _ours(trial: str, *_: str) -> dict[str, Any]:
    measured = measure(TRIALS[trial]())
    return {
        "encode_s": measured.encode_s,
        "verify_s": measured.verify_s,
        "memory_mb": _memory_mb(),
        "judged": _worth(measured.judged),
    }


def _theirs(who: str, trial: str, judged: str, first: str) -> dict[str, Any]:
    """first: index of the cue to begin with. What they were spared is lost all the same."""
    cues = TRIALS[trial]()
    text, encode_s = _timed(_WRITERS[who](cues[int(first) :]))
    result: dict[str, Any] = {"encode_s": encode_s, "memory_mb": _memory_mb()}
    if judged:
        result["judged"] = _worth(judge(cues, text))
    return result


def _worth(judged: Judged) -> dict[str, int]:
    return {
        "errors": sum(finding.severity == "error" for finding in judged.findings),
        "words": judged.words,
        "words_lost": judged.words_lost,
        "largest": max(judged.errors, default=0),
    }


def _timed(write: Callable[[], str]) -> tuple[str, float]:
    begun = time.perf_counter()
    text = write()
    return text, time.perf_counter() - begun


def _pycaption_writer(cues: tuple[Cue, ...]) -> Callable[[], str]:
    import pycaption

    captions = pycaption.SRTReader().read(srt.write(Captions(cues)).decode())
    return lambda: str(pycaption.SCCWriter(drop_frame=True).write(captions))


def _ttconv_writer(cues: tuple[Cue, ...]) -> Callable[[], str]:
    import ttconv.scc.writer
    import ttconv.srt.reader
    from ttconv.scc.config import SCCFrameRate, SccWriterConfiguration

    model = ttconv.srt.reader.to_model(io.StringIO(srt.write(Captions(cues)).decode()))
    wanted = SccWriterConfiguration(frame_rate=SCCFrameRate.FPS_2997_DF)
    return lambda: str(ttconv.scc.writer.from_model(model, wanted))


_WRITERS = {"pycaption": _pycaption_writer, "ttconv": _ttconv_writer}


def _read(who: str, trial: str, kind: str) -> dict[str, Any]:
    """On how many frames a screen begins for our decoder and for theirs, in our file of the trial."""
    text = encode(TRIALS[trial](), SccOptions(drop_frame=kind == "drop-frame")).text
    ours = Counter(screen.start for screen in play(text).screens)
    theirs = Counter(_READERS[who](text))
    return {"screens": ours.total(), "theirs": theirs.total(), "same": (ours & theirs).total()}


def _pycaption_starts(text: str) -> Iterator[int]:
    import pycaption

    captions = pycaption.SCCReader().read(text)
    for caption in captions.get_captions("en-US"):
        yield round(caption.start * NTSC_30 / 1_000_000)


def _ttconv_starts(text: str) -> Iterator[int]:
    import ttconv.model
    import ttconv.scc.reader

    def walk(element: Any) -> Iterator[int]:
        if isinstance(element, ttconv.model.P):
            yield round(element.get_begin() * NTSC_30)
        else:
            for child in element:
                yield from walk(child)

    return walk(ttconv.scc.reader.to_model(text).get_body())


_READERS = {"pycaption": _pycaption_starts, "ttconv": _ttconv_starts}


def _memory_mb() -> float:
    """The most memory this process ever had, in MB."""
    status = Path("/proc/self/status")
    if status.exists():  # the figure of getrusage may be that of the process which started this one
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) / _KB_PER_MB
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_000_000  # macOS counts bytes


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
