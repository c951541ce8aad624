"""Inside a slot: the model loaded once, then one piece of work at a time, until the channel closes."""

import logging
import math
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any, BinaryIO, Protocol

from archivist_captions.cea608.options import SccOptions
from archivist_captions.profiles import Profile
from archivist_common import failpoints
from archivist_common.errors import ArchivistError, ModelUnknown
from archivist_common.jobs.chunks import Cut
from archivist_common.states import Stage
from archivist_common.storage.client import StorageServer
from archivist_transcriber import protocol
from archivist_transcriber.audio import vad
from archivist_transcriber.engines import ENGINES, Engine, EngineSettings, models
from archivist_transcriber.protocol import Moved
from archivist_transcriber.slot import assemble, self_test, transcribe
from archivist_transcriber.slot.assemble import Authoring, Places
from archivist_transcriber.slot.transcribe import opened

log = logging.getLogger(__name__)

_TICK_S = 2.0
_STEP_MS = 30_000  # a Whisper window, for the first guess of how far a batch goes
_FIRST_GUESS_S = 15.0
_SHARE = 0.9  # of a batch that is shown as done before it is


class Channel(Protocol):
    def write(self, line: bytes, /) -> object: ...


@dataclass(frozen=True, slots=True)
class SlotSettings:
    """What of the settings a slot needs; no address and no secret."""

    engine: str
    model: Path | None
    model_directory: Path
    device: Any
    compute_type: str
    batch_size: int
    beam_size: int
    threads: int
    places: Places
    kill_points: Path | None

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> "SlotSettings":
        given = options["settings"]
        servers = [StorageServer.from_json(entry) for entry in given["flex_servers"]]
        return cls(
            engine=given["whisper_engine"],
            model=_path(given["whisper_model_path"]),
            model_directory=Path(given["model_directory"]),
            device=given["whisper_device"],
            compute_type=given["whisper_compute_type"],
            batch_size=given["whisper_batch_size"],
            beam_size=given["whisper_beam_size"],
            threads=options["threads"],
            kill_points=_path(given.get("kill_points")),
            places=Places(
                servers={server.name: server for server in servers},
                output=Path(given["default_output_path"]),
                fallback=_path(given.get("output_fallback_path")),
                media_deadline_s=given["media_deadline_s"],
                authoring=Authoring(
                    profile=Profile(**given["profile"]),
                    scc=SccOptions(**given["scc_options"]),
                    masked=tuple(given["caption_mask"]),
                ),
                speakers=Path(given["model_directory"]) / "speakers" if given["whisper_speakers"] else None,
            ),
        )

    def recipe(self, device: str) -> str:
        """What chunks are heard with, beside the model: slots of one recipe give the same words for a chunk."""
        compute = self.compute_type
        if compute == "default":
            compute = "int8" if device == "cpu" else "float16"
        return f"{self.engine} {device} {compute} batch {self.batch_size} beam {self.beam_size} cuts {vad.RULE}"


def _path(given: str | None) -> Path | None:
    return None if given is None else Path(given)


class Bench:
    """The engine in hand. Another model is loaded when a job names one, in the place of the last."""

    def __init__(self, settings: SlotSettings) -> None:
        self.settings = settings
        self._engine: Engine | None = None
        self._folder: Path | None = None

    def engine(self, name: str | None) -> tuple[Engine, str]:
        """The engine with a model (None: the default) loaded, and the model's name.

        Raises ModelMissing, ModelUnknown, EngineUnavailable, ResourceExhausted.
        """
        settings = self.settings
        if settings.model is not None and name == settings.model.name:
            name = None
        folder = models.resolve(name, default=settings.model, directory=settings.model_directory)
        if self._engine is None or folder != self._folder:
            if settings.engine not in ENGINES:
                raise ModelUnknown(f"there is no engine {settings.engine!r}; known: {', '.join(ENGINES)}")
            self._engine = None  # two large models at once may be more than the machine holds
            engine = ENGINES[settings.engine](
                EngineSettings(
                    model=folder,
                    device=settings.device,
                    compute_type=settings.compute_type,
                    threads=settings.threads,
                    batch_size=settings.batch_size,
                    beam_size=settings.beam_size,
                )
            )
            engine.load()
            self._engine, self._folder = engine, folder
        return self._engine, folder.name


class Meter:
    """Progress as people see it: between two batches it goes on by what the last ones took, and never back.

    What is shown ahead of what is done stays within the batch being worked on. Times are milliseconds of the audio
    in hand; ends_ms: its length, None where that is not known or nothing is shown ahead.
    """

    def __init__(self, channel: Channel, ends_ms: int | None) -> None:
        self._channel = channel
        self._ends_ms = ends_ms
        self._lock = threading.Lock()
        self._stage: Stage | None = None
        self._audio_ms: int | None = None
        self._done_ms = self._shown_ms = 0
        self._step_ms, self._step_s = _STEP_MS, _FIRST_GUESS_S
        self._since = time.monotonic()
        self._over = threading.Event()
        self._ticker = threading.Thread(target=self._tick, name="meter", daemon=True)

    def __enter__(self) -> "Meter":
        self._ticker.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._ticker.join()

    def tell(self, stage: Stage, done_ms: int, audio_ms: int | None = None) -> None:
        now = time.monotonic()
        with self._lock:
            if done_ms > self._done_ms:
                self._step_ms, self._step_s = done_ms - self._done_ms, max(now - self._since, 0.1)
            if done_ms > self._done_ms or stage != self._stage:
                self._since = now
            self._stage, self._done_ms = stage, done_ms
            self._audio_ms = audio_ms or self._audio_ms
            self._send(done_ms)

    def cut(self, cut: Cut) -> None:
        with self._lock:
            self._channel.write(protocol.encode(cut))

    def _tick(self) -> None:
        while not self._over.wait(_TICK_S):
            with self._lock:
                if self._ends_ms is not None:
                    gone = (time.monotonic() - self._since) / self._step_s
                    self._send(self._done_ms + int(self._step_ms * _SHARE * (1 - math.exp(-gone))))

    def _send(self, shown_ms: int) -> None:
        most = self._ends_ms if self._ends_ms is not None else shown_ms
        self._shown_ms = max(self._shown_ms, min(shown_ms, most))
        self._channel.write(protocol.encode(Moved(self._stage or Stage.TRANSCRIBE, self._shown_ms, self._audio_ms)))


def serve(options: Mapping[str, Any], supervisor: BinaryIO, channel: Channel) -> int:
    """Load the model, test it on a second of speech, say so, and work on what the supervisor sends until it closes
    the channel. The exit code.
    """
    logging.basicConfig(level=logging.WARNING)
    settings = SlotSettings.of(options)
    bench = Bench(settings)
    began = time.perf_counter()
    try:
        engine, name = bench.engine(None)
        load_s = round(time.perf_counter() - began, 2)
        recipe = settings.recipe(engine.device)
        self_test.run(engine, name, settings.places, recipe)
    except ArchivistError as exc:
        channel.write(protocol.encode(protocol.Failed.of(exc)))
        return 1
    test_s = round(time.perf_counter() - began - load_s, 2)
    failpoints.arm(settings.kill_points)  # not before: a self-test writes files as a job does
    channel.write(protocol.encode(protocol.Ready(name, engine.device, load_s, test_s, recipe)))
    asked_to_stop = threading.Event()
    waiting: SimpleQueue[protocol.Work | None] = SimpleQueue()
    threading.Thread(target=_hear, args=(supervisor, waiting, asked_to_stop), name="ears", daemon=True).start()
    while (work := waiting.get()) is not None:
        asked_to_stop.clear()
        try:
            channel.write(protocol.encode(_done(work, bench, channel, engine.device, asked_to_stop.is_set)))
        except ArchivistError as exc:
            channel.write(protocol.encode(protocol.Failed.of(exc)))
    return 0


def _done(
    work: protocol.Work, bench: Bench, channel: Channel, device: str, stop: Callable[[], bool]
) -> protocol.Report:
    """Do a piece of work; the message with its result."""
    places = bench.settings.places
    match work:
        case protocol.PlanWork():
            with opened(places.servers, work.recording) as source, Meter(channel, None) as meter:
                engine = bench.engine(work.model)[0]
                return transcribe.plan(work, engine, source, places.media_deadline_s, meter.cut, meter.tell, stop)
        case protocol.ChunkWork():
            length_ms = work.cut.end_ms - work.cut.start_ms
            with opened(places.servers, work.recording) as source, Meter(channel, length_ms) as meter:
                engine = bench.engine(work.model)[0]
                found = transcribe.transcribe(work, engine, source, places.media_deadline_s, meter.tell, stop)
                failpoints.reach("chunk-heard")
                return found
        case protocol.MeasureWork():
            return protocol.Measured(bench.engine(None)[0].measure())
        case protocol.AssembleWork():
            with Meter(channel, None) as meter:
                meter.tell(Stage.ASSEMBLE, 0)
                outcome = assemble.assemble(work, places, bench.settings.recipe(device), device, stop)
                failpoints.reach("staged")
                return outcome


def _hear(supervisor: BinaryIO, waiting: "SimpleQueue[protocol.Work | None]", asked_to_stop: threading.Event) -> None:
    """Take messages while the main thread computes. The end of the channel ends the process' work at once."""
    for line in supervisor:
        match protocol.decode(line):
            case protocol.Stop():
                asked_to_stop.set()
            case (
                protocol.PlanWork() | protocol.ChunkWork() | protocol.AssembleWork() | protocol.MeasureWork() as work
            ):
                waiting.put(work)
    asked_to_stop.set()
    waiting.put(None)
