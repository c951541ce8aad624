"""Every invariant's query: a healthy database returns nothing, and a row broken on purpose is found."""

from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy import text
from tests.common.conftest import LEASE, Claimed, Submit

from archivist_captions.cue import Word
from archivist_common.database.engine import Database
from archivist_common.errors import MediaUnreadable
from archivist_common.jobs import chunks, planning
from archivist_common.jobs import lifecycle as jobs
from archivist_common.jobs import requests as job_requests
from archivist_common.jobs.artifacts import StagedFile
from archivist_common.jobs.chunks import ChunkTranscript, Cut
from archivist_common.jobs.lifecycle import JobOutcome
from archivist_common.maintenance import invariants
from archivist_common.maintenance.invariants import INVARIANTS
from archivist_common.publishing import effects, targets
from archivist_common.publishing import lifecycle as publishing
from archivist_common.publishing import requests as publication_requests

_RECIPE = "test 1"


@pytest_asyncio.fixture(loop_scope="session")
async def healthy(db: Database, submission: Submit, claimed: Claimed) -> Database:
    """A database with a job in every state, each brought there as the services do it."""
    for path in ("done.mp4", "half.mp4"):
        held = await claimed(db, path=path)
        async with db.transaction() as session:
            await planning.resume(session, held, _RECIPE)
            await planning.add(
                session, held, _RECIPE, [Cut(n, 10_000 * n, 10_000 * (n + 1), ((0, 16_000),), "en") for n in (0, 1)]
            )
            await planning.store_plan(session, held, 20_000, {})
            for _ in range(2 if path == "done.mp4" else 1):
                due = (await session.execute(chunks.next_due(_RECIPE, None))).one()
                chunk = await chunks.claim_locked(session, due[0], "host-a/slot-1", LEASE)
                heard = ChunkTranscript((Word(chunk.cut.start_ms, chunk.cut.end_ms, "word"),), 0, 0)
                await chunks.finish(session, chunk, heard, timedelta(seconds=1))
            if path == "done.mp4":
                made = StagedFile("scc", Path("/vault/captions.scc"), "0" * 64, 10, Path("/public/done.scc"))
                await jobs.complete(session, held, JobOutcome((made,), 20_000, "en", None, ()))
    held = await claimed(db, path="broken.mp4")
    async with db.transaction() as session:
        await jobs.fail(session, held, MediaUnreadable("it is not a recording"))
    async with db.transaction() as session:
        cancelled, _ = await job_requests.submit(session, submission(path="unwanted.mp4"), max_queue=10)
        await job_requests.cancel(session, cancelled)
        await job_requests.submit(session, submission(path="waiting.mp4"), max_queue=10)
    await _published(db)
    return db


async def _published(db: Database) -> None:
    """done.mp4 stands at one target and is in hand for another."""
    async with db.transaction() as session:
        job_id = await session.scalar(text(f"SELECT {_DONE}"))
        for name in ("cablecast", "folder"):
            await targets.report(session, name, name, capabilities={}, credentials_sha256=None, automatic=False)
            await publication_requests.request(session, publication_requests.PublicationRequest(name, job_id))
            held = await publishing.claim(session, "host-a/vod", LEASE, [name])
            assert held is not None
            change = await effects.intend(session, held.id, held.attempt, "captions:1")
            if name == "cablecast":
                await effects.confirm(session, change, "8101")
                await publishing.mark_placed(session, held)
                await publishing.save(session, held, vod_id="913")
                await publishing.finish(session, held)


async def _found(db: Database) -> dict[str, tuple[str, ...]]:
    async with db.transaction() as session:
        return {one.invariant.id: one.rows for one in await invariants.violations(session, LEASE)}


async def test_a_healthy_database_breaks_no_invariant(healthy: Database) -> None:
    assert await _found(healthy) == {}


_DONE = "(SELECT id FROM transcriptions WHERE file_path = 'done.mp4')"
_HALF = "(SELECT id FROM transcriptions WHERE file_path = 'half.mp4')"
_BROKEN = "(SELECT id FROM transcriptions WHERE file_path = 'broken.mp4')"
_AIRED = "(SELECT id FROM publications WHERE target = 'cablecast')"
_WAITING = "(SELECT id FROM transcriptions WHERE file_path = 'waiting.mp4')"
_UNWANTED = "(SELECT id FROM transcriptions WHERE file_path = 'unwanted.mp4')"
_WORKER = (
    "INSERT INTO workers (id, host, slots, free_slots, ready, details, started_date) "
    "VALUES ('w', 'h', 1, 1, true, '{}', now() - interval '1 minute')"
)


@pytest.mark.parametrize(
    ("id_", "damage"),
    [
        pytest.param("I1", [f"UPDATE transcriptions SET completed_date = NULL WHERE id = {_DONE}"], id="no-end"),
        pytest.param("I1", [f"DELETE FROM outbox WHERE transcription_id = {_WAITING}"], id="never-told-of"),
        pytest.param(
            "I2",
            [f"INSERT INTO outbox (event, transcription_id) VALUES ('transcription.started', {_BROKEN})"],
            id="goes-on-after-its-end",
        ),
        pytest.param(
            "I3",
            [
                "INSERT INTO outbox (event, transcription_id, data) "
                f"VALUES ('transcription.started', {_HALF}, '{{\"attempt\": 1}}')"
            ],
            id="one-attempt-claimed-twice",
        ),
        pytest.param("I3", [f"UPDATE transcriptions SET attempt = 0 WHERE id = {_HALF}"], id="attempt-set-back"),
        pytest.param(
            "I4",  # the database refuses this while its constraint stands
            [
                "ALTER TABLE transcriptions DROP CONSTRAINT check_lease_while_processing",
                f"UPDATE transcriptions SET lease_owner = NULL WHERE id = {_HALF}",
            ],
            id="runs-without-a-lease",
        ),
        pytest.param(
            "I4",  # as above
            [
                "ALTER TABLE transcription_chunks DROP CONSTRAINT check_chunk_lease_while_processing",
                f"UPDATE transcription_chunks SET lease_owner = 'somebody', lease_expires_at = now() "
                f"WHERE transcription_id = {_HALF}",
            ],
            id="chunk-with-a-lease-too-many",
        ),
        pytest.param("I5", [f"UPDATE artifacts SET attempt = 2 WHERE transcription_id = {_DONE}"], id="later-files"),
        pytest.param("I5", [f"UPDATE transcriptions SET attempt = 2 WHERE id = {_DONE}"], id="later-attempt"),
        pytest.param("I6", [f"DELETE FROM artifacts WHERE transcription_id = {_DONE}"], id="no-files"),
        pytest.param(
            "I8",
            [
                f"INSERT INTO vod_content (transcription_id, vod_id, title, quality, status) "
                f"VALUES ({_DONE}, '{number}', 'Council', 1, 'published')"
                for number in (1, 2)
            ],
            id="published-twice",
        ),
        pytest.param("I9", ["DELETE FROM outbox WHERE event = 'transcription.completed'"], id="end-not-told"),
        pytest.param(
            "I11",
            [
                "INSERT INTO artifacts (transcription_id, attempt, kind, path, sha256, size_bytes, public_path) "
                f"VALUES ({_UNWANTED}, 0, 'scc', '/v', '0', 1, '/p')"
            ],
            id="file-of-a-cancelled-job",
        ),
        pytest.param(
            "I12",
            [
                "UPDATE transcriptions SET cancel_requested_at = completed_date + interval '1 second' "
                f"WHERE id = {_DONE}"
            ],
            id="cancelled-after-its-end",
        ),
        pytest.param(
            "I13",  # the database refuses this while its index stands
            [
                "DROP INDEX uq_transcriptions_live_dedupe_key",
                f"UPDATE transcriptions SET dedupe_key = 'same' WHERE id IN ({_HALF}, {_WAITING})",
            ],
            id="one-recording-twice",
        ),
        pytest.param(
            "I14",
            [
                "INSERT INTO outbox (event, transcription_id, data) "
                f"VALUES ('transcription.released', {_WAITING}, '{{\"code\": \"MEDIA_UNREADABLE\"}}')"
            ],
            id="unreadable-tried-again",
        ),
        pytest.param(
            "I15",
            [f"UPDATE transcriptions SET crash_count = 3, crashed_at = now() WHERE id = {_WAITING}"],
            id="job-not-given-up",
        ),
        pytest.param(
            "I15",
            [f"UPDATE transcription_chunks SET crash_count = 4 WHERE transcription_id = {_HALF}"],
            id="chunk-crashed-too-often",
        ),
        pytest.param(
            "I17",
            [_WORKER, f"UPDATE transcriptions SET available_at = now() - interval '1 minute' WHERE id = {_WAITING}"],
            id="waits-beside-a-free-slot",
        ),
        pytest.param(
            "I18",
            [f"UPDATE transcription_chunks SET start_ms = 9000 WHERE number = 1 AND transcription_id = {_HALF}"],
            id="chunks-overlap",
        ),
        pytest.param(
            "I18",
            [f"UPDATE transcription_chunks SET start_ms = 11000 WHERE number = 1 AND transcription_id = {_HALF}"],
            id="a-hole-between-chunks",
        ),
        pytest.param(
            "I18",
            [f"DELETE FROM transcription_chunks WHERE number = 0 AND transcription_id = {_HALF}"],
            id="number-left-out",
        ),
        pytest.param(
            "I18",
            [
                "UPDATE transcription_chunks SET status = 'pending', words = NULL "
                f"WHERE number = 1 AND transcription_id = {_DONE}"
            ],
            id="completed-with-a-chunk-unheard",
        ),
        pytest.param(
            "I18",
            [f"UPDATE transcription_chunks SET recipe = 'other' WHERE number = 1 AND transcription_id = {_HALF}"],
            id="two-recipes",
        ),
        pytest.param(
            "I4",  # as above
            [
                "ALTER TABLE publications DROP CONSTRAINT check_publication_lease_while_processing",
                f"UPDATE publications SET lease_owner = 'somebody' WHERE id = {_AIRED}",
                f"UPDATE publications SET status = 'processing' WHERE id = {_AIRED}",
            ],
            id="publication-without-a-lease",
        ),
        pytest.param(
            "LEASE",
            ["UPDATE publications SET lease_expires_at = now() + interval '1 hour' WHERE status = 'processing'"],
            id="publication-leased-for-the-far-future",
        ),
        pytest.param(
            "VERIFIED",
            [f"UPDATE caption_versions SET verified_date = NULL WHERE publication_id = {_AIRED}"],
            id="published-and-never-read-back",
        ),
        pytest.param(
            "EFFECTS",
            [f"UPDATE effects SET state = 'unknown', settled_date = NULL WHERE publication_id = {_AIRED}"],
            id="published-and-in-doubt",
        ),
        pytest.param(
            "EFFECTS",
            [f"UPDATE effects SET attempt = 2 WHERE publication_id = {_AIRED}"],
            id="change-of-an-attempt-that-never-was",
        ),
        pytest.param(
            "EFFECTS",  # the database refuses this while its constraint stands
            [
                "ALTER TABLE effects DROP CONSTRAINT uq_effects_publication_id_key",
                "INSERT INTO effects (publication_id, key, state, attempt, settled_date) "
                f"VALUES ({_AIRED}, 'captions:1', 'confirmed', 1, now())",
            ],
            id="one-change-confirmed-twice",
        ),
        pytest.param(
            "VERSIONS", [f"UPDATE publications SET version = 2 WHERE id = {_AIRED}"], id="a-version-there-is-not"
        ),
        pytest.param(
            "VERSIONS",
            [f"UPDATE caption_versions SET number = 3 WHERE publication_id = {_AIRED}"],
            id="versions-with-a-gap",
        ),
        pytest.param(
            "LEASE",
            [f"UPDATE transcriptions SET lease_expires_at = now() + interval '1 hour' WHERE id = {_HALF}"],
            id="lease-in-the-far-future",
        ),
    ],
)
async def test_a_broken_row_is_found(healthy: Database, id_: str, damage: list[str]) -> None:
    async with healthy.transaction() as session:
        for statement in damage:
            await session.execute(text(statement.replace(":", r"\:")))
    found = await _found(healthy)
    assert id_ in found
    assert all(found[id_])


@pytest.mark.parametrize(
    ("id_", "allowed", "damage"),
    [
        pytest.param(
            "I9", 30, "UPDATE outbox SET created_date = now() - interval '1 second'", id="an-event-never-relayed"
        ),
        pytest.param(
            "I11",
            20,
            f"UPDATE transcriptions SET cancel_requested_at = now() - interval '1 second' WHERE id = {_HALF}",
            id="a-cancel-not-heard",
        ),
        pytest.param(
            "I16",
            15,
            f"UPDATE transcriptions SET lease_expires_at = now() - interval '20 seconds' WHERE id = {_HALF}",
            id="a-lapsed-lease-not-taken-back",
        ),
        pytest.param(
            "I16",
            15,
            "UPDATE publications SET lease_expires_at = now() - interval '20 seconds' WHERE status = 'processing'",
            id="a-lapsed-lease-of-a-publication-not-taken-back",
        ),
    ],
)
async def test_what_is_late_is_found_once_the_database_has_been_up_for_long(
    healthy: Database, id_: str, allowed: int, damage: str
) -> None:
    """allowed: seconds beyond a lease. A lease as negative makes the server of the tests one that runs for long."""
    invariant = next(one for one in INVARIANTS if one.id == id_)
    async with healthy.transaction() as session:
        await session.execute(text(damage))
        late = await invariants.violations(session, timedelta(seconds=-allowed), [invariant])
        after_a_restart = await invariants.violations(session, timedelta(days=1), [invariant])
    assert [one.invariant.id for one in late] == [id_]
    assert after_a_restart == []


@pytest.mark.parametrize("details", ['{"storages": ["flex-2"]}', '{"leads": false}'])
async def test_a_job_that_no_free_slot_could_take_does_not_wait_beside_one(healthy: Database, details: str) -> None:
    async with healthy.transaction() as session:
        await session.execute(text(_WORKER.replace("'{}'", f"'{details}'").replace(":", r"\:")))
        await session.execute(
            text(f"UPDATE transcriptions SET available_at = now() - interval '1 minute' WHERE id = {_WAITING}")
        )
    assert await _found(healthy) == {}


async def test_a_query_shows_the_first_of_many_broken_rows(healthy: Database) -> None:
    async with healthy.transaction() as session:
        await session.execute(
            text(
                "INSERT INTO transcriptions (storage, filename, file_path, dedupe_key) "
                "SELECT 's', 'f', 'f', n::text FROM generate_series(1, 100) AS n".replace("::", r"\:\:")
            )
        )
    assert len((await _found(healthy))["I1"]) == invariants.SHOWN


def test_every_invariant_of_the_protocol_is_a_query_or_is_named_with_what_shows_it() -> None:
    queries = {one.id for one in INVARIANTS}
    ours = {"LEASE", "VERIFIED", "EFFECTS", "VERSIONS"}
    assert {f"I{number}" for number in range(1, 25)} == (queries | invariants.ELSEWHERE.keys()) - ours
    assert ours <= queries
    assert not queries & invariants.ELSEWHERE.keys()
    assert all(one.sentence.endswith(".") and one.remedy.endswith(".") for one in INVARIANTS)
