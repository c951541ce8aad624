"""Words in, a job's files out: lay out, check, summarise, write. No database, no clock of ours.

Every step is a function of what the step before gave; the edge (disk, decoder, engine) is handed in.
"""

import json
import logging
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from archivist_captions.cea608.options import SccOptions
from archivist_captions.cue import Captions, Word
from archivist_captions.errors import CannotEncode
from archivist_captions.formats import FORMATS
from archivist_captions.formats.scc import write_scc
from archivist_captions.layout.layout import layout
from archivist_captions.layout.masking import mask
from archivist_captions.profiles import BROADCAST, Profile
from archivist_captions.report.data import Report, report
from archivist_captions.report.page import page
from archivist_common import __version__
from archivist_common.errors import Cancelled, CaptionsInvalid, EngineUnavailable, SourceChanged, StorageError
from archivist_common.jobs.artifacts import StagedFile
from archivist_common.jobs.lifecycle import JobOutcome
from archivist_common.settings import scc_options_of
from archivist_common.storage import atomic_files
from archivist_common.storage.client import StorageServer
from archivist_common.storage.paths import output_name
from archivist_transcriber.audio import media
from archivist_transcriber.engines.whisperx import Diarizer, with_speakers
from archivist_transcriber.outputs.paths import attempt_folder, public_path, vault_name
from archivist_transcriber.protocol import AssembleWork
from archivist_transcriber.slot.summary import Summary, summarise
from archivist_transcriber.slot.transcribe import opened

log = logging.getLogger(__name__)

NO_SPEECH = "NO_SPEECH: no speech was found; the caption file is valid and empty"

MUCH_UNHEARD_MS = 3_000  # of speech without words: a sentence, more than a cough and an "aye" come to


@dataclass(frozen=True, slots=True)
class Authoring:
    """How this station wants its captions. masked: words shown as their first letter and hyphens."""

    profile: Profile = BROADCAST
    scc: SccOptions = field(default_factory=SccOptions)
    masked: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Places:
    """Where recordings are and where files go. speakers: folder of the model that tells them apart, None for not.

    fallback: where files go while `output` refuses them.
    """

    servers: Mapping[str, StorageServer]
    output: Path
    media_deadline_s: float
    speakers: Path | None = None
    authoring: Authoring = field(default_factory=Authoring)
    fallback: Path | None = None


@dataclass(frozen=True, slots=True)
class Transcript:
    """What was said, and what we noticed while listening."""

    words: tuple[Word, ...]
    language: str
    audio_ms: int
    warnings: tuple[str, ...]
    unheard: tuple[tuple[int, int], ...] = ()


def assemble(work: AssembleWork, places: Places, recipe: str, device: str, stop: Callable[[], bool]) -> JobOutcome:
    """Make a job's files of its words and write them into the attempt's own folder.

    The same words give the same files, but for the metadata, which tells of the attempt. stop: raises Cancelled
    when it says so. Raises StorageError for a disk, CaptionsInvalid for a file that our own decoder does not read
    back as meant.
    """
    server = places.servers.get(work.recording.storage)
    if server is None:
        raise SourceChanged(f"storage server {work.recording.storage!r} is not configured on this machine")
    transcript = transcript_of(work)
    if places.speakers is not None:
        with opened(places.servers, work.recording) as source:
            transcript = name_speakers(source, work, transcript, Diarizer(places.speakers, device), places)
    authoring = replace(places.authoring, scc=scc_options_of(server, places.authoring.scc))
    transcript, captions = lay_out(transcript, PurePosixPath(work.recording.path).stem, authoring)
    written, worth = write_formats(captions, authoring, transcript.unheard)
    summary = summarise(transcript.words, language=transcript.language) if work.include_summary else None
    if stop():
        raise Cancelled("somebody asked for this")
    if summary is not None:
        written["summary"] = summary.text().encode()
    facts = metadata(work, transcript, captions, worth, summary)
    facts["engine"] = {"model": work.model, "recipe": recipe}
    written["metadata"] = json.dumps(facts, indent=2, ensure_ascii=False).encode() + b"\n"
    return JobOutcome(
        artifacts=stage(written, work, server, places.output, places.fallback),
        audio_ms=transcript.audio_ms,
        language=transcript.language,
        summary=None if summary is None else asdict(summary),
        warnings=transcript.warnings,
        unheard=transcript.unheard,
    )


def transcript_of(work: AssembleWork) -> Transcript:
    """The words of all chunks, and a warning for whatever should be known about them."""
    warnings = []
    if not work.words:
        warnings.append(NO_SPEECH)
    if work.dropped:
        warnings.append(f"INVENTIONS_DROPPED: {work.dropped} words that nobody said were left out")
    if work.bad_packets:
        warnings.append(
            f"AUDIO_DAMAGED: {work.bad_packets} packets could not be decoded; silence stands in their place"
        )
    unheard_ms = sum(end - start for start, end in work.unheard)
    if unheard_ms >= MUCH_UNHEARD_MS:
        first = seconds_clock(work.unheard[0][0])
        warnings.append(
            f"SPEECH_WITHOUT_WORDS: {unheard_ms / 1000:.0f} s of speech stayed without words, in {len(work.unheard)} "
            f"places, the first at {first}; the report lists them"
        )
    return Transcript(work.words, work.planned.language, work.planned.audio_ms, tuple(warnings), work.unheard)


def seconds_clock(ms: int) -> str:
    """`0:07:05` for 425,000 ms."""
    minutes, seconds = divmod(ms // 1000, 60)
    return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"


def name_speakers(
    source: int, work: AssembleWork, transcript: Transcript, diarizer: Diarizer, places: Places
) -> Transcript:
    """The transcript with a speaker for each word; the transcript as it was, and a warning, where that fails."""
    try:
        diarizer.load()
        with media.open_audio(source, work.recording.audio_track, deadline_s=places.media_deadline_s) as audio:
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


def write_formats(
    captions: Captions, authoring: Authoring, unheard: Sequence[tuple[int, int]] = ()
) -> tuple[dict[str, bytes], Report]:
    """Every format of the programme and the report, as data and as a page. unheard: speech without words.

    The SCC is decoded again by our own decoder and compared with the cues: one error, and CaptionsInvalid is
    raised instead of anything being released.
    """
    try:
        encoded = write_scc(captions, authoring.scc)
    except CannotEncode as exc:
        raise CaptionsInvalid(str(exc)) from exc
    worth = report(captions, encoded.text, authoring.scc, encoded.notes, authoring.profile, unheard)
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
    work: AssembleWork, transcript: Transcript, captions: Captions, worth: Report, summary: Summary | None
) -> dict[str, Any]:
    """`<base>_metadata.json`: what was made of what, how, and how well."""
    recording = work.recording
    base = PurePosixPath(recording.path).stem
    return {
        "archivist": __version__,
        "job": {"id": work.job_id, "attempt": work.attempt},
        "source": {"storage": recording.storage, "path": recording.path, "size_bytes": recording.size_bytes},
        "media": work.planned.facts,
        "language": transcript.language,
        "audio_ms": transcript.audio_ms,
        "words": len(transcript.words),
        "cues": len(captions.cues),
        "summary_sentences": 0 if summary is None else len(summary.sentences),
        "unheard": [{"start_ms": start, "end_ms": end} for start, end in transcript.unheard],
        "warnings": list(transcript.warnings),
        "captions": {
            "releasable": worth.releasable,
            "report": output_name(base, "report"),
            "report_page": output_name(base, "report_page"),
        },
    }


def stage(
    written: Mapping[str, bytes],
    work: AssembleWork,
    server: StorageServer,
    output: Path,
    fallback: Path | None = None,
) -> tuple[StagedFile, ...]:
    """Write a job's files into the attempt's own folder, each whole and flushed to the disk.

    All of them go to the fallback's vault where the output path refuses one; the names people look for stay
    those beneath the output path. Raises StorageFull, StorageReadOnly or StorageUnavailable where both refuse:
    then nothing of the attempt is left in either.
    """
    try:
        return _stage(output, written, work, server, output)
    except StorageError as exc:
        if fallback is None:
            raise
        log.warning(
            "output path refuses files; they go to the fallback", extra={"code": exc.code, "why": exc.message}
        )
        try:
            return _stage(fallback, written, work, server, output)
        except StorageError as second:
            raise type(second)(f"{exc.message}; and in the fallback: {second.message}") from second


def _stage(
    root: Path, written: Mapping[str, bytes], work: AssembleWork, server: StorageServer, output: Path
) -> tuple[StagedFile, ...]:
    """All files in the vault of `root`, or none. `root` is not made: its disk may not be mounted."""
    folder = attempt_folder(root, work.job_id, work.attempt)
    made = []
    try:
        atomic_files.make_folder(folder, within=root)
        for kind, data in written.items():
            staged = atomic_files.stage(folder, vault_name(kind), data)
            public = public_path(output, server, work.recording.path, kind)
            made.append(StagedFile(kind, staged.path, staged.sha256, staged.size_bytes, public))
    except StorageError:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return tuple(made)
