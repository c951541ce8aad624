"""Committed files are read back: a damaged or a vanished one is told, a sound one is not."""

from tests.transcriber.conftest import Station

from archivist_common.events import journal
from archivist_common.jobs import lifecycle
from archivist_common.jobs.artifacts import StagedFile
from archivist_common.storage import atomic_files
from archivist_transcriber.outputs import scrub
from archivist_transcriber.outputs.paths import attempt_folder, vault_name


async def test_a_damaged_and_a_vanished_file_are_told_and_a_sound_one_is_not(station: Station) -> None:
    claim = await station.claimed(station.recording())
    folder = attempt_folder(station.output, str(claim.id), claim.attempt)
    made = []
    for kind in ("scc", "vtt", "srt"):
        staged = atomic_files.stage(folder, vault_name(kind), b"captions")
        made.append(
            StagedFile(kind, staged.path, staged.sha256, staged.size_bytes, station.output / f"flex-1/m.{kind}")
        )
    async with station.db.transaction() as session:
        await lifecycle.complete(session, claim, lifecycle.JobOutcome(tuple(made), 1000, "en", None, ()))
    assert await scrub.scrub(station.db, 10) == 0
    made[0].path.write_bytes(b"captiona")
    made[1].path.unlink()
    assert await scrub.scrub(station.db, 10) == 2
    async with station.db.transaction() as session:
        told = [entry.message for entry in await journal.of_transcription(session, claim.id)]
    assert sum("the committed scc file is damaged" in line for line in told) == 1
    assert sum("the committed vtt file is damaged" in line for line in told) == 1
