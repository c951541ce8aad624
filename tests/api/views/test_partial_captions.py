"""Captions of a recording that is still being heard: the same words, no cue over a gap, and events as they come."""

from datetime import timedelta
from itertools import pairwise

from tests.api.routes.test_events import follow, submitted

from archivist_api.views.partial_captions import lay_out, runs, until_ms
from archivist_captions.cue import Word
from archivist_captions.formats import FORMATS
from archivist_captions.profiles import BROADCAST
from archivist_common.errors import MediaUnreadable
from archivist_common.events import outbox
from archivist_common.jobs import chunks, lifecycle, planning
from archivist_common.jobs.chunks import ChunkTranscript, Cut

LEASE = timedelta(seconds=30)
CHUNK_MS = 30_000


def said(number: int, count: int = 60) -> tuple[Word, ...]:
    start = number * CHUNK_MS
    return tuple(Word(start + n * 500, start + n * 500 + 480, f"w{number}-{n}", 0.9) for n in range(count))


def heard(*numbers: int) -> list[tuple[Cut, ChunkTranscript]]:
    return [(Cut(n, n * CHUNK_MS, (n + 1) * CHUNK_MS, (), "en"), ChunkTranscript(said(n), 0, 0)) for n in numbers]


async def cut(gateway, held, count):
    async with gateway.db.transaction() as session:
        cuts = [Cut(n, n * CHUNK_MS, (n + 1) * CHUNK_MS, (), "en") for n in range(count)]
        await planning.add(session, held, "r", cuts)


async def hear(gateway, *numbers, words=said):
    for number in numbers:
        async with gateway.db.transaction() as session:
            query = chunks.next_due("r", None).where(chunks.Chunk.number == number)
            chunk = await chunks.claim_locked(session, (await session.execute(query)).one()[0], "b", LEASE)
            await chunks.finish(session, chunk, ChunkTranscript(words(number), 0, 0), timedelta(seconds=1))


def test_chunks_are_laid_out_in_stretches_without_a_hole():
    assert [[part.number for part, _ in run] for run in runs(heard(0, 1, 3, 4, 7))] == [[0, 1], [3, 4], [7]]
    assert list(runs([])) == []
    assert [until_ms(heard(*numbers)) for numbers in ((), (1, 2), (0,), (0, 1, 3))] == [0, 0, 30_000, 60_000]


def test_no_cue_reaches_over_a_gap_and_every_word_is_shown_once():
    captions = lay_out(heard(0, 2), BROADCAST, ())
    assert " ".join(cue.text for cue in captions.cues).split() == [word.text for n in (0, 2) for word in said(n)]
    for cue in captions.cues:
        assert cue.end_ms <= 2 * CHUNK_MS or cue.start_ms >= 2 * CHUNK_MS
    for one, next_one in pairwise(captions.cues):
        assert one.end_ms <= next_one.start_ms


def test_the_rest_is_laid_out_as_if_it_had_been_heard_at_once():
    assert lay_out(heard(0, 1, 2), BROADCAST, ()).words == tuple(word for n in range(3) for word in said(n))
    assert lay_out([], BROADCAST, ()).cues == ()


async def test_first_captions_are_read_while_the_rest_is_being_heard(gateway):
    job_id = await submitted(gateway)
    held = await gateway.claim()
    async with gateway.as_("uma") as uma:
        here = f"/transcriptions/{job_id}/captions"
        refused = await uma.get(f"{here}/json")
        assert (refused.status_code, refused.json()["code"]) == (409, "NOT_COMPLETED")
        nothing = await uma.get(f"{here}/json?partial=true")
        assert (nothing.status_code, nothing.json()["cues"]) == (200, [])
        await cut(gateway, held, 4)
        await hear(gateway, 0, 2)
        answer = await uma.get(f"{here}/json?partial=true")
        names = ("captions-partial", "captions-until-ms", "captions-chunks-completed", "captions-chunks")
        assert [answer.headers.get(name) for name in names] == ["true", "30000", "2", None]
        assert [word["text"] for word in answer.json()["words"]] == [word.text for n in (0, 2) for word in said(n)]
        async with gateway.db.transaction() as session:
            await planning.store_plan(session, held, 120_000, {})
        await hear(gateway, 1)
        answer = await uma.get(f"{here}/vtt?partial=true")
        assert [answer.headers.get(name) for name in names] == ["true", "90000", "3", "4"]
        assert answer.headers["content-type"].startswith("text/vtt")
        read = FORMATS["vtt"].read(answer.content)
        assert " ".join(cue.text for cue in read.cues).split()[-1] == "w2-59"
        for kind in ("srt", "txt", "ttml", "sami"):
            assert "w1-0" in (await uma.get(f"{here}/{kind}?partial=true")).text
        whole_only = await uma.get(f"{here}/scc?partial=true")
        assert (whole_only.status_code, whole_only.json()["code"]) == (422, "VALIDATION_FAILED")
        await gateway.complete(held, {"json": b"{}", "scc": b"scc"})
        for kind, content in (("json", b"{}"), ("scc", b"scc")):
            answer = await uma.get(f"{here}/{kind}?partial=true")
            assert (answer.content, answer.headers["captions-partial"]) == (content, "false")


async def test_what_was_heard_of_a_failed_job_can_be_read_and_of_a_cancelled_one_nothing_is_kept(gateway):
    job_id = await submitted(gateway)
    held = await gateway.claim()
    await cut(gateway, held, 2)
    await hear(gateway, 0)
    async with gateway.as_("uma") as uma:
        here = f"/transcriptions/{job_id}"
        async with gateway.db.transaction() as session:
            await lifecycle.fail(session, held, MediaUnreadable("no"))
        assert len((await uma.get(f"{here}/captions/json?partial=true")).json()["words"]) == 60
        await uma.post(f"{here}/retry")
        assert len((await uma.get(f"{here}/captions/json?partial=true")).json()["words"]) == 60
        await uma.post(f"{here}/cancel")
        gone = await uma.get(f"{here}/captions/json?partial=true")
        assert (gone.status_code, gone.json()["code"]) == (409, "NOT_COMPLETED")


async def test_words_the_station_does_not_show_are_masked_from_the_first_caption_on(
    start_gateway, own_database, redis_url, tmp_path
):
    async with start_gateway(own_database, redis_url, tmp_path, caption_mask=("darn",)) as running:
        await running.add("uma")
        job_id = await submitted(running)
        held = await running.claim()
        await cut(running, held, 1)
        await hear(running, 0, words=lambda _: (Word(0, 400, "Darn!"),))
        async with running.as_("uma") as uma:
            answer = await uma.get(f"/transcriptions/{job_id}/captions/txt?partial=true")
            await uma.post(f"/transcriptions/{job_id}/cancel")
            async with running.db.transaction() as session:
                await lifecycle.stop(session, held)
            stream = (await uma.get(f"/transcriptions/{job_id}/events")).text
    assert "D---!" in answer.text
    assert "D---!" in stream
    assert "arn" not in answer.text + stream


async def test_chunks_are_events_that_a_client_resumes_from(gateway, listening):
    job_id = await submitted(gateway)
    held = await gateway.claim()
    await cut(gateway, held, 3)
    await hear(gateway, 1, 0)
    credential = await gateway.credential("uma")
    seen = []
    async with follow(listening, credential, job_id) as stream:
        while len(seen) < 2:
            one = await stream.next()
            seen += [one] if one.event == "captions" else []
    assert [one.data["chunk"] for one in seen] == [1, 0]
    assert seen[1].data["text"].startswith("w0-0 w0-1")
    assert (seen[1].data["start_ms"], seen[1].data["end_ms"]) == (0, 30_000)
    await hear(gateway, 2)
    await gateway.complete(held)
    async with follow(listening, credential, job_id, seen[1].id) as stream:
        rest = [one for one in await stream.rest() if one.event != "progress"]
    assert [(one.event, one.data.get("chunk"), one.data.get("status")) for one in rest] == [
        ("captions", 2, None),
        ("state", None, "completed"),
    ]


async def test_a_long_recordings_events_come_without_a_pause(gateway, listening):
    job_id = await submitted(gateway)
    held = await gateway.claim()
    async with gateway.db.transaction() as session:
        for number in range(230):
            await outbox.append(session, outbox.CAPTIONS, held.id, chunk=number, start_ms=0, end_ms=1, text="")
    await gateway.complete(held)
    async with follow(listening, await gateway.credential("uma"), job_id) as stream:
        told = [one.data["chunk"] for one in await stream.rest(5) if one.event == "captions"]
    assert told == list(range(230))
