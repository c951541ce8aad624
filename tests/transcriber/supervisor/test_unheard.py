"""Speech that stayed without words, from the slot to the row and the files of a completed job."""

import json
import shutil
from pathlib import Path

from tests.transcriber.conftest import Station

from archivist_common.jobs import artifacts, chunks
from archivist_transcriber.supervisor.slot import Slot

QUIET = Path(__file__).parents[2] / "data/real-speech/quiet-56.ogg"
"""People at -56 dBFS: the detector finds them; the demo model, which knows synthetic voices, misses much of it."""


async def test_speech_without_words_is_told_with_its_times_wherever_a_job_is_read(
    station: Station, slot: Slot
) -> None:
    shutil.copy(QUIET, station.media / "quiet.ogg")
    claim = await station.claimed("quiet.ogg")
    await station.attempt(slot, claim)
    row = await station.row(claim.id)
    assert row.status == "completed"
    unheard = [(start, end) for start, end in row.unheard or ()]
    assert sum(end - start for start, end in unheard) >= 3_000
    assert unheard == sorted(unheard)
    assert any(warning.startswith("SPEECH_WITHOUT_WORDS: ") for warning in row.warnings)
    async with station.db.transaction() as session:
        stored = {file.kind: file.path for file in await artifacts.of_transcription(session, claim.id)}
        heard = await chunks.transcripts(session, claim.id)
    assert [stretch for _, chunk in heard for stretch in chunk.unheard] == unheard
    told = [{"start_ms": start, "end_ms": end} for start, end in unheard]
    report = json.loads(stored["report"].read_text())
    assert report["completeness"]["unheard"] == told
    assert report["completeness"]["unheard_ms"] == sum(end - start for start, end in unheard)
    assert json.loads(stored["metadata"].read_text())["unheard"] == told
    assert "Speech that stayed without words" in stored["report_page"].read_text()
