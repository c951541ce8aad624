"""A recording in, a job's files out: probe, listen, lay out, check, summarise, write. No database, no clock of ours.

Every step is a function of what the step before gave; the edge (disk, decoder, engine) is handed in.
"""

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from archivist_captions.cea608.options import SccOptions
from archivist_captions.cue import Captions, Word
from archivist_captions.errors import CannotEncode
from archivist_captions.formats import FORMATS
from archivist_captions.formats.scc import write_scc
from archivist_captions.layout import layout
from archivist_captions.masking import mask
from archivist_captions.page import page
from archivist_captions.profile import BROADCAST, Profile
from archivist_captions.report import Report, report
from archivist_common import __version__, files
from archivist_common.artifacts import Made
from archivist_common.beneath import open_beneath
from archivist_common.errors import Cancelled, CaptionsInvalid, EngineUnavailable, SourceChanged
from archivist_common.jobs import Outcome
from archivist_common.paths import output_name
from archivist_common.settings import scc_options_of
from archivist_common.states import Stage
from archivist_common.storage import StorageServer
from archivist_transcriber import media, speech
from archivist_transcriber.engines import Engine, Options
from archivist_transcriber.engines.whisperx import Diarizer, with_speakers
from archivist_transcriber.media import MediaInfo
from archivist_transcriber.outputs import attempt_folder, public_path, vault_name
from archivist_transcriber.summary import Summary, summarise
from archivist_transcriber.wire import Work

NO_SPEECH = "NO_SPEECH: no speech was found; the caption file is valid and empty"

Tell = Callable[[Stage, int, int | None], None]
"""Told (stage, audio milliseconds done, audio milliseconds in all where known)."""


@dataclass(frozen=True, slots=True)
class Authoring:
    """How this station wants its captions. masked: words shown as their first letter and hyphens."""

    profile: Profile = BROADCAST
    scc: SccOptions = field(default_factory=SccOptions)
    masked: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Places:
    """Where recordings are and where files go. speakers: folder of the model that tells them apart, None for not."""

    servers: Mapping[str, StorageServer]
    output: Path
    media_deadline_s: float
    speakers: Path | None = None
    authoring: Authoring = field(default_factory=Authoring)


@dataclass(slots=True)
class Timings:
    """Seconds spent in each stage, for the metadata."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, stage: Stage) -> Iterator[None]:
        began = time.perf_counter()
        yield
        self.seconds[stage] = round(self.seconds.get(stage, 0.0) + time.perf_counter() - began, 3)


@dataclass(frozen=True, slots=True)
class Transcript:
    """What was said, and what we noticed while listening."""

    words: tuple[Word, ...]
    language: str
    audio_ms: int
    warnings: tuple[str, ...]


def caption(work: Work, engine: Engine, model: str, places: Places, tell: Tell, stop: Callable[[], bool]) -> Outcome:
    """Caption one recording and write its files into the attempt's own folder.

    stop: asked between batches; raises Cancelled when it says so. Raises MediaError for a recording that cannot
    be captioned, StorageError for a disk, EngineError for the model, CaptionsInvalid for a file that our own
    decoder does not read back as meant.
    """
    server = places.servers.get(work.storage)
    if server is None:
        raise SourceChanged(f"storage server {work.storage!r} is not configured on this machine")
    timings = Timings()
    source = open_source(server, work)
    try:
        tell(Stage.PROBE, 0, None)
        with timings.stage(Stage.PROBE):
            info = media.probe(source, deadline_s=places.media_deadline_s)
        tell(Stage.TRANSCRIBE, 0, info.duration_ms or None)
        with timings.stage(Stage.TRANSCRIBE):
            transcript = listen(source, work, info, engine, places, tell, stop)
            if places.speakers is not None:
                transcript = name_speakers(source, work, transcript, Diarizer(places.speakers, engine.device), places)
    finally:
        os.close(source)
    tell(Stage.ASSEMBLE, transcript.audio_ms, transcript.audio_ms)
    with timings.stage(Stage.ASSEMBLE):
        authoring = replace(places.authoring, scc=scc_options_of(server, places.authoring.scc))
        transcript, captions = lay_out(transcript, PurePosixPath(work.path).stem, authoring)
        written, worth = write_formats(captions, authoring)
        summary = summarise(transcript.words, language=transcript.language) if work.include_summary else None
    if stop():
        raise Cancelled("somebody asked for this")
    tell(Stage.PUBLISH, transcript.audio_ms, transcript.audio_ms)
    if summary is not None:
        written["summary"] = summary.text().encode()
    facts = metadata(work, info, transcript, captions, worth, summary, timings)
    facts["engine"] = {"name": type(engine).__name__, "device": engine.device, "model": model}
    written["metadata"] = json.dumps(facts, indent=2, ensure_ascii=False).encode() + b"\n"
    return Outcome(
        artifacts=stage(written, work, server, places.output),
        audio_ms=transcript.audio_ms,
        language=transcript.language,
        summary=None if summary is None else asdict(summary),
        warnings=transcript.warnings,
    )


def open_source(server: StorageServer, work: Work) -> int:
    """A descriptor of the recording, opened beneath its mount and unchanged since it was submitted."""
    source = open_beneath(server.path, PurePosixPath(work.path))
    found = os.fstat(source)
    if (found.st_size, found.st_mtime_ns) != (work.size_bytes, work.mtime_ns):
        os.close(source)
        raise SourceChanged(
            f"the recording has changed since it was submitted ({work.size_bytes} bytes then, {found.st_size} now); "
            "submit it again"
        )
    return source


def listen(
    source: int, work: Work, info: MediaInfo, engine: Engine, places: Places, tell: Tell, stop: Callable[[], bool]
) -> Transcript:
    """All words of a recording, heard piece by piece: memory stays flat whatever its length."""
    words: list[Word] = []
    language = work.language
    dropped = spoken_ms = 0
    total = info.duration_ms or None
    with media.open_audio(source, work.audio_track, deadline_s=places.media_deadline_s) as audio:
        for piece in speech.pieces(audio):
            spoken_ms += piece.speech_ms
            if language is None and piece.speech:
                language = engine.detect_language(piece)[0]
            for heard in engine.words(piece, Options(language=language)):
                words.extend(heard.words)
                dropped += heard.dropped
                done = heard.done_ms if total is None else min(heard.done_ms, total)
                tell(Stage.TRANSCRIBE, done, total)
                if stop():
                    raise Cancelled("somebody asked for this")
        audio_ms = audio.samples * 1000 // speech.RATE
        bad_packets = audio.bad_packets
    warnings = []
    if not words:
        warnings.append(NO_SPEECH)
    if dropped:
        warnings.append(f"INVENTIONS_DROPPED: {dropped} words that nobody said were left out")
    if bad_packets:
        warnings.append(f"AUDIO_DAMAGED: {bad_packets} packets could not be decoded; silence stands in their place")
    return Transcript(tuple(words), language or "en", max(audio_ms, info.duration_ms), tuple(warnings))


def name_speakers(source: int, work: Work, transcript: Transcript, diarizer: Diarizer, places: Places) -> Transcript:
    """The transcript with a speaker for each word; the transcript as it was, and a warning, where that fails."""
    try:
        diarizer.load()
        with media.open_audio(source, work.audio_track, deadline_s=places.media_deadline_s) as audio:
            turns = diarizer.turns(np.concatenate([np.zeros(0, np.float32), *audio]))
    except EngineUnavailable as exc:
        return replace(transcript, warnings=(*transcript.warnings, f"SPEAKERS_UNKNOWN: {exc.message}"))
    return replace(transcript, words=with_speakers(transcript.words, turns))


def lay_out(transcript: Transcript, title: str, authoring: Authoring) -> tuple[Transcript, Captions]:
    """The words as they are shown, masked where the station wants that, and the programme made of them."""
    masking = mask(transcript.words, authoring.masked)
    if masking.masked:
        told = f"WORDS_MASKED: {len(masking.masked)} words of the station's list are shown by their first letter"
        transcript = replace(transcript, words=masking.words, warnings=(*transcript.warnings, told))
    cues = layout(transcript.words, authoring.profile)
    return transcript, Captions(cues=cues, words=transcript.words, language=transcript.language, title=title)


def write_formats(captions: Captions, authoring: Authoring) -> tuple[dict[str, bytes], Report]:
    """Every format of the programme and the report, as data and as a page.

    The SCC is decoded again by our own decoder and compared with the cues: one error, and CaptionsInvalid is
    raised instead of anything being released.
    """
    try:
        encoded = write_scc(captions, authoring.scc)
    except CannotEncode as exc:
        raise CaptionsInvalid(str(exc)) from exc
    worth = report(captions, encoded.text, authoring.scc, encoded.notes, authoring.profile)
    if not worth.releasable:
        errors = [finding for finding in worth.findings if finding.severity == "error"]
        raise CaptionsInvalid(f"the SCC file is not what was meant: {errors[0].message} ({len(errors)} errors)")
    written = {name: form.write(captions) for name, form in FORMATS.items() if name != "scc"}
    written |= {
        "report": json.dumps(worth.as_dict(), indent=2, ensure_ascii=False).encode() + b"\n",
        "report_page": page(worth).encode(),
    }
    return {"scc": encoded.text.encode("ascii"), **written}, worth


def metadata(
    work: Work,
    info: MediaInfo,
    transcript: Transcript,
    captions: Captions,
    worth: Report,
    summary: Summary | None,
    timings: Timings,
) -> dict[str, Any]:
    """`<base>_metadata.json`: what was made of what, how, and how well."""
    spent = sum(timings.seconds.values())
    video = info.video
    return {
        "archivist": __version__,
        "job": {"id": work.job_id, "attempt": work.attempt},
        "source": {"storage": work.storage, "path": work.path, "size_bytes": work.size_bytes},
        "media": {
            "container": info.container,
            "duration_ms": info.duration_ms,
            "audio_tracks": [asdict(track) for track in info.audio],
            "audio_track_used": info.default_track if work.audio_track is None else work.audio_track,
            "video": None
            if video is None
            else {
                "codec": video.codec,
                "width": video.width,
                "height": video.height,
                "frame_rate": None if video.frame_rate is None else str(video.frame_rate),
            },
            "start_timecode": info.timecode,
        },
        "language": transcript.language,
        "audio_ms": transcript.audio_ms,
        "words": len(transcript.words),
        "cues": len(captions.cues),
        "summary_sentences": 0 if summary is None else len(summary.sentences),
        "warnings": list(transcript.warnings),
        "seconds": timings.seconds,
        "real_time_factor": round(spent / (transcript.audio_ms / 1000), 4) if transcript.audio_ms else None,
        "captions": {
            "releasable": worth.releasable,
            "report": output_name(PurePosixPath(work.path).stem, "report"),
            "report_page": output_name(PurePosixPath(work.path).stem, "report_page"),
        },
    }


def stage(written: Mapping[str, bytes], work: Work, server: StorageServer, output: Path) -> tuple[Made, ...]:
    """Write a job's files into the attempt's own folder, each whole and flushed to the disk."""
    folder = attempt_folder(output, work.job_id, work.attempt)
    made = []
    for kind, data in written.items():
        staged = files.stage(folder, vault_name(kind), data)
        made.append(
            Made(kind, staged.path, staged.sha256, staged.size_bytes, public_path(output, server, work.path, kind))
        )
    return tuple(made)
