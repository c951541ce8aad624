"""A slot's self-test: a second of speech that comes with us goes the way of a job, from the decoder to the files.

Whatever of our own would fail every recording fails here first: a decoder of another version, an engine that cannot
compute, a library that does not find its data, no room for temporary files. What the words are does not count.
"""

import hashlib
import tempfile
import traceback
from dataclasses import replace
from pathlib import Path

from archivist_common.errors import ArchivistError, DecoderFailed, SelfTestFailed
from archivist_common.jobs.chunks import Cut
from archivist_common.jobs.lifecycle import JobOutcome
from archivist_common.states import Stage
from archivist_common.storage.client import StorageServer
from archivist_common.storage.mounts import MountKind
from archivist_transcriber.audio import last_lines
from archivist_transcriber.engines import Engine
from archivist_transcriber.protocol import AssembleWork, ChunkWork, PlanWork, RecordingFile
from archivist_transcriber.slot import assemble, transcribe
from archivist_transcriber.slot.assemble import Places

SPEECH = Path(__file__).with_name("self_test.flac")
"""Half a second to one and a half of demo/samples/short-20s.flac: `The motion by`."""

_SERVER = "self-test"
_LANGUAGE = "en"  # said, not found out: that would cost a large model another pass


def run(engine: Engine, model: str, places: Places, recipe: str, *, speech: Path = SPEECH) -> None:
    """Caption the second of speech with a loaded engine, into a temporary folder, and read the files back.

    Raises SelfTestFailed with the code and the words of what went wrong.
    """
    try:
        with tempfile.TemporaryDirectory(prefix="archivist-self-test-") as folder:
            server = StorageServer(_SERVER, speech.parent, kind=MountKind.FOLDER)
            here = replace(places, servers={_SERVER: server}, output=Path(folder), fallback=None, speakers=None)
            _read_back(_captioned(engine, model, here, recipe, speech))
    except SelfTestFailed:
        raise
    except ArchivistError as exc:
        last = exc.stderr if isinstance(exc, DecoderFailed) else ""
        raise _failed(f"{exc.code}: {exc.message}", last) from exc
    except Exception as exc:
        # Anything may be wrong with what is installed: it is said, as the reason why no job is taken.
        raise _failed(f"{type(exc).__name__}: {exc}", last_lines.plain(traceback.format_exc().encode())) from exc


def _failed(why: str, stderr: str = "") -> SelfTestFailed:
    return SelfTestFailed(f"the built-in second of speech could not be captioned: {why}", stderr=stderr)


def _captioned(engine: Engine, model: str, places: Places, recipe: str, speech: Path) -> JobOutcome:
    found = speech.stat()
    recording = RecordingFile(_SERVER, speech.name, found.st_size, found.st_mtime_ns, None)
    cuts: list[Cut] = []
    with transcribe.opened(places.servers, recording) as source:
        plan = PlanWork(recording, model, _LANGUAGE)
        planned = transcribe.plan(plan, engine, source, places.media_deadline_s, cuts.append, _silently, _never)
        if not any(cut.speech for cut in cuts):
            raise _failed("no speech was found in it")
        heard = [
            transcribe.transcribe(
                ChunkWork(recording, model, cut), engine, source, places.media_deadline_s, _silently, _never
            )
            for cut in cuts
        ]
    work = AssembleWork(
        job_id="self-test",
        attempt=1,
        recording=recording,
        model=model,
        include_summary=True,
        planned=planned,
        words=tuple(word for each in heard for word in each.words),
        dropped=sum(each.dropped for each in heard),
        bad_packets=sum(each.bad_packets for each in heard),
        unheard=tuple(stretch for each in heard for stretch in each.unheard),
    )
    return assemble.assemble(work, places, recipe, engine.device, _never)


def _read_back(outcome: JobOutcome) -> None:
    kinds = {made.kind for made in outcome.artifacts}
    if not {"scc", "metadata"} <= kinds:
        raise _failed(f"only {', '.join(sorted(kinds)) or 'nothing'} was written")
    for made in outcome.artifacts:
        data = made.path.read_bytes()
        if (len(data), hashlib.sha256(data).hexdigest()) != (made.size_bytes, made.sha256):
            raise _failed(f"{made.path.name} does not read back as it was written")


def _silently(stage: Stage, done_ms: int, audio_ms: int | None = None, /) -> None:
    """Nobody watches the progress of a second."""


def _never() -> bool:
    return False
