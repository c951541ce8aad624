"""One way of transcribing one recording, measured in a process of its own. `archivist bench transcribe` runs it.

    python -m archivist_bench.transcribe_run '{"do": "run", "way": "ours", …}'

It loads the model, says `ready`, waits for a line, works, and prints what it took as JSON. `stages` are seconds of
this process: `encode`, `generate` and `align` are bare calls of CTranslate2, whoever makes them.
"""

import itertools
import json
import os
import resource
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from archivist_bench import synthetic_models
from archivist_common.errors import ArchivistError, ModelUnknown
from archivist_common.jobs.chunks import Cut
from archivist_transcriber.audio import media, vad
from archivist_transcriber.engines import ENGINES, EngineSettings, models
from archivist_transcriber.protocol import ChunkWork, PlanWork, RecordingFile
from archivist_transcriber.slot import transcribe

BARE = ("encode", "generate", "align")
_RANDOM = "random:"
_TAIL_S = 2.0  # left off for stand-ins: they write a hundred tokens into a remainder of no length, on which
# faster-whisper's transcribe() fails
_DEADLINE_S = 60.0
_POLL_S = 0.02
_KB = 1_024


@dataclass
class Clock:
    """Seconds by stage, none counted twice: a stage within another is taken off the outer one."""

    seconds: dict[str, float] = field(default_factory=dict)
    windows: int = 0
    tokens: int = 0
    decoder_kb: int = 0
    _inner: list[float] = field(default_factory=list)

    def timed(self, stage: str, work: Callable[..., Any]) -> Callable[..., Any]:
        """The same function, its time counted."""

        def wrapped(*args: Any, **kwargs: Any) -> Any:
            began = time.perf_counter()
            self._inner.append(0.0)
            try:
                return work(*args, **kwargs)
            finally:
                took = time.perf_counter() - began
                inner = self._inner.pop()
                self.seconds[stage] = self.seconds.get(stage, 0.0) + took - inner
                if self._inner:
                    self._inner[-1] += took

        return wrapped


class Watched:
    """A CTranslate2 Whisper whose calls are timed and whose tokens are counted."""

    def __init__(self, model: Any, clock: Clock) -> None:
        self._model = model
        self._clock = clock
        self.encode = clock.timed("encode", model.encode)
        self.align = clock.timed("align", model.align)
        self._generate = clock.timed("generate", model.generate)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def generate(self, *args: Any, **kwargs: Any) -> Any:
        results = self._generate(*args, **kwargs)
        self._clock.windows += len(results)
        self._clock.tokens += sum(len(result.sequences_ids[0]) for result in results)
        return results


def main(arguments: list[str]) -> int:
    job = json.loads(arguments[0])
    if job.get("cores"):
        os.sched_setaffinity(0, job["cores"])
    try:
        result = ACTIONS[job["do"]](job)
    except ArchivistError as exc:
        sys.stderr.write(f"{exc.message}\n")
        return 1
    sys.stdout.write(json.dumps(result) + "\n")
    return 0


def prepare(job: dict[str, Any]) -> dict[str, Any]:
    """The model's folder and a recording of at least the minutes asked for, both made where need be.

    job: model (demo, `random:base`, a name or a folder), directory (of models), folder (for what is made), sample,
    minutes (None: the sample as it is). Raises ModelUnknown, ModelMissing, MediaError.
    """
    name, folder = job["model"], Path(job["folder"])
    if name.startswith(_RANDOM):
        size = name.removeprefix(_RANDOM)
        if size not in synthetic_models.SIZES:
            raise ModelUnknown(f"no stand-in of the size {size!r}: choose {', '.join(synthetic_models.SIZES)}")
        model = synthetic_models.make(size, folder / f"random-{size}")
    else:
        model = models.resolve(name, default=None, directory=Path(job["directory"]))
    sample = Path(job["sample"])
    length_ms = media.probe(sample).duration_ms
    times = 1 if job["minutes"] is None else max(1, round(job["minutes"] * 60_000 / length_ms))
    less_s = _TAIL_S if name.startswith(_RANDOM) else 0.0
    recording = sample
    if times > 1 or less_s:
        recording = repeated(sample, times, folder / f"{sample.stem}-{times}-{less_s:g}.mkv", less_s=less_s)
    return {
        "model": str(model),
        "model_mb": (model / "model.bin").stat().st_size / 1e6,
        "recording": str(recording),
        "times": times,
        "seconds": length_ms * times / 1000 - less_s,
    }


def repeated(sample: Path, times: int, target: Path, *, less_s: float = 0.0) -> Path:
    """The sound of a recording so many times over but for its last seconds, its packets as they are."""
    import av

    if target.exists():
        return target
    with av.open(target, "w") as out:
        stream: Any = None
        for n in range(times):
            with av.open(sample) as container:
                source: Any = container.streams.audio[0]
                stream = stream or out.add_stream_from_template(source)
                length = round(media.probe(sample).duration_ms / 1000 / source.time_base)
                packet: Any
                for packet in container.demux(source):
                    whole = n + 1 < times or (packet.dts or 0) < length - less_s / source.time_base
                    if packet.dts is not None and whole:
                        packet.pts += n * length
                        packet.dts += n * length
                        packet.stream = stream
                        out.mux(packet)
    return target


def run(job: dict[str, Any]) -> dict[str, Any]:
    """Transcribe `recording` in a `way` of WAYS; what that took.

    job: model (a folder), threads, batch_size, beam_size. memory_mb: the most that this process and its decoder
    held at once beyond what it held with the model loaded.
    """
    clock = Clock()
    way = WAYS[job["way"]](job, clock)
    loaded_kb = _status_kb("VmRSS")
    with suppress(OSError):  # where the kernel does not offer it, the peak of loading counts too
        Path("/proc/self/clear_refs").write_text("5")
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    if not sys.stdin.readline():
        sys.exit(1)  # whoever asked has gone
    began, cpu = time.perf_counter(), _cpu_s()
    words = way()
    wall = time.perf_counter() - began
    return {
        "wall_s": wall,
        "cpu_s": _cpu_s() - cpu,
        "stages": {**clock.seconds, "other": wall - sum(clock.seconds.values())},
        "windows": clock.windows,
        "tokens": clock.tokens,
        "words": words,
        "memory_mb": (_status_kb("VmHWM") - loaded_kb + clock.decoder_kb) * _KB / 1e6,
    }


def measure(job: dict[str, Any]) -> dict[str, Any]:
    """Seconds for 30 seconds of talk, as estimates are made of. job: as for `run`."""
    engine = ENGINES["faster_whisper"](_settings(job))
    engine.load()
    return {"window_s": engine.measure()}


def _ours(job: dict[str, Any], clock: Clock) -> Callable[[], Any]:
    """As our slots do it: one plans, and every free slot transcribes chunks. chunks: folder they share."""
    engine: Any = ENGINES["faster_whisper"](_settings(job))
    engine.load()
    engine._model.model = Watched(engine._model.model, clock)
    engine._model.feature_extractor = _Features(engine._model.feature_extractor, clock)
    for owner, name, stage in (
        (vad.VoiceDetector, "probabilities", "voice"),
        (media, "open_audio", "decode"),
        (media.AudioStream, "__iter__", "decode"),
    ):
        setattr(owner, name, _watched(getattr(owner, name), stage, clock))
    close = media.AudioStream.close

    def close_weighed(stream: media.AudioStream) -> None:
        clock.decoder_kb = max(clock.decoder_kb, _status_kb("VmHWM", stream._child._process.pid))
        close(stream)

    setattr(media.AudioStream, "close", close_weighed)  # noqa: B010 -- a method is replaced, on purpose

    def work() -> list[tuple[int, list[str]]]:
        recording = RecordingFile("", job["recording"], 0, 0, None)
        chunks = Path(job["chunks"])
        with Path(job["recording"]).open("rb") as file:
            if job["plans"]:
                transcribe.plan(
                    PlanWork(recording, "", "en"), engine, file.fileno(), _DEADLINE_S,
                    lambda cut: _put(chunks, cut), lambda *_: None, lambda: False,
                )  # fmt: skip
                (chunks / "all").touch()
            heard = []
            for cut in _claimed(chunks):
                found = transcribe.transcribe(
                    ChunkWork(recording, "", cut), engine, file.fileno(), _DEADLINE_S, lambda *_: None, lambda: False
                )
                heard.append((cut.number, [word.text for word in found.words]))
            return heard

    return work


def _plain(job: dict[str, Any], clock: Clock) -> Callable[[], Any]:
    """faster-whisper as its users call it."""
    model = _theirs(job, clock)
    return lambda: _texts(
        model.transcribe(
            job["recording"],
            language="en",
            beam_size=job["beam_size"],
            word_timestamps=True,
            condition_on_previous_text=False,
        )[0]
    )


def _batched(job: dict[str, Any], clock: Clock) -> Callable[[], Any]:
    """faster-whisper's own batches."""
    from faster_whisper import BatchedInferencePipeline

    pipeline = BatchedInferencePipeline(_theirs(job, clock))
    return lambda: _texts(
        pipeline.transcribe(
            job["recording"],
            language="en",
            beam_size=job["beam_size"],
            word_timestamps=True,
            condition_on_previous_text=False,
            batch_size=8,
        )[0]
    )


WAYS: dict[str, Callable[[dict[str, Any], Clock], Callable[[], Any]]] = {
    "ours": _ours,
    "plain": _plain,
    "batched": _batched,
}


ACTIONS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {"prepare": prepare, "run": run, "measure": measure}


def _settings(job: dict[str, Any]) -> EngineSettings:
    return EngineSettings(
        Path(job["model"]), "cpu", "int8", job["threads"], batch_size=job["batch_size"], beam_size=job["beam_size"]
    )


def _theirs(job: dict[str, Any], clock: Clock) -> Any:
    from faster_whisper import WhisperModel

    model = WhisperModel(
        job["model"], device="cpu", compute_type="int8", cpu_threads=job["threads"], local_files_only=True
    )
    model.model = Watched(model.model, clock)
    return model


def _texts(segments: Any) -> list[tuple[int, list[str]]]:
    return [(n, [word.word.strip() for word in segment.words or ()]) for n, segment in enumerate(segments)]


class _Features:
    """The feature extractor, timed."""

    def __init__(self, extractor: Any, clock: Clock) -> None:
        self._extractor = extractor
        self._extract = clock.timed("features", extractor)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._extractor, name)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._extract(*args, **kwargs)


def _watched(work: Callable[..., Any], stage: str, clock: Clock) -> Callable[..., Any]:
    """A function timed; where it is a generator, what it takes to its next value is."""
    if work.__name__ != "__iter__":
        return clock.timed(stage, work)

    def iterate(*args: Any) -> Iterator[Any]:
        step = clock.timed(stage, lambda blocks: next(blocks, None))
        blocks = work(*args)
        while (block := step(blocks)) is not None:
            yield block

    return iterate


def _put(chunks: Path, cut: Cut) -> None:
    waiting = chunks / f"{cut.number}.new"
    waiting.write_text(json.dumps(asdict(cut)))
    waiting.rename(chunks / f"{cut.number}.cut")


def _claimed(chunks: Path) -> Iterator[Cut]:
    """Cuts in order, each for whoever is first, until all are planned and taken."""
    for number in itertools.count():
        path = chunks / f"{number}.cut"
        while not path.exists():
            planned = (chunks / "all").exists()
            if planned and not path.exists():
                return
            time.sleep(_POLL_S)
        with suppress(FileExistsError):
            os.close(os.open(chunks / f"{number}.taken", os.O_CREAT | os.O_EXCL))
            value = json.loads(path.read_text())
            yield Cut(**{**value, "speech": tuple(tuple(span) for span in value["speech"])})


def _cpu_s() -> float:
    """Processor time of this process and of the decoders it has had."""
    spent = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in spent)


def _status_kb(name: str, pid: int | str = "self") -> int:
    """A figure of a process' memory in kB, as the kernel keeps it; 0 where the process has ended.

    getrusage would not do: what it says of a child is at least what its parent had when it was started.
    """
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    found = next((line for line in lines if line.startswith(f"{name}:")), "0 0")
    return int(found.split()[1])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
