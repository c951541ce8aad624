"""Chapters over HTTP: found in what was said, written by a person, and followed where they are published."""

import json
from uuid import UUID

import pytest
from sqlalchemy import select, update

from archivist_captions.cue import Captions, Cue, Word
from archivist_captions.formats import archivist_json as json_format
from archivist_common.database.models import ChapterList, Transcription
from archivist_common.states import PublishStage

SAID = {
    1_000: "Good evening. I call this meeting to order.",
    25_000: "Will the clerk please call the roll?",
    50_000: "This meeting is adjourned.",
}


def spoken():
    words, cues = [], []
    for start_ms, sentence in SAID.items():
        texts = sentence.split()
        words += [Word(start_ms + 200 * n, start_ms + 200 * n + 150, text) for n, text in enumerate(texts)]
        cues.append(Cue(start_ms, start_ms + 3_000, (sentence[:32],)))
    return json_format.write(Captions(tuple(cues), tuple(words), "en", "Council"))


async def council(gateway, data=None):
    """A council meeting of a minute that has been captioned, with every word it said."""
    body = {"storage": "flex-1", "path": gateway.recording("Council.mp4"), "priority": 5}
    async with gateway.as_("uma") as uma:
        job_id = (await uma.post("/transcriptions", json=body)).json()["id"]
    await gateway.complete(await gateway.claim(), {"scc": b"scc", "json": spoken() if data is None else data})
    return f"/transcriptions/{job_id}/chapters", job_id


async def test_they_are_found_in_what_was_said_and_stay_as_they_were_found(gateway):
    here, _ = await council(gateway)
    async with gateway.as_("uma") as uma:
        told = (await uma.get(here)).json()
        assert told["edited"] is None
        assert [(one["start_ms"] // 1000, one["kind"]) for one in told["items"]] == [
            (0, "call_to_order"), (25, "roll_call"), (50, "adjournment"),
        ]  # fmt: skip
        for file in gateway.output.rglob("captions.json"):
            file.unlink()
        assert (await uma.get(here)).json() == told


async def test_a_person_writes_them_and_goes_back_to_the_rules(gateway):
    here, _ = await council(gateway)
    async with gateway.as_("uma") as uma:
        found = (await uma.get(here)).json()["items"]
        written = [*found[:1], {"start_ms": 30_500, "title": " Water tower – the vote ", "kind": None}]
        told = (await uma.put(here, json={"items": written})).json()
        assert told["edited"] is not None
        assert told["items"] == [found[0], {"start_ms": 30_500, "title": "Water tower – the vote", "kind": None}]
        assert (await uma.get(here)).json() == told
        assert (await uma.put(here, json={"items": []})).json()["items"] == []
        told = (await uma.delete(here)).json()
        assert (told["edited"], told["items"]) == (None, found)


@pytest.mark.parametrize(
    ("items", "said"),
    [
        pytest.param([{"start_ms": 70_000, "title": "Late"}], "not within the programme", id="behind-the-end"),
        pytest.param([{"start_ms": 0, "title": "a"}, {"start_ms": 400, "title": "b"}], "not after", id="same-second"),
        pytest.param([{"start_ms": 9000, "title": "a"}, {"start_ms": 0, "title": "b"}], "not after", id="backwards"),
        pytest.param([{"start_ms": 0, "title": "two\nlines"}], "on one line", id="two-lines"),
        pytest.param([{"start_ms": 0, "title": "  "}], "a title has", id="blank"),
        pytest.param([{"start_ms": 0, "title": ""}], "", id="empty"),
        pytest.param([{"start_ms": -1, "title": "a"}], "", id="before-the-start"),
        pytest.param([{"start_ms": 0, "title": "a", "kind": "party"}], "", id="a-kind-there-is-not"),
        pytest.param([{"start_ms": n, "title": "a"} for n in range(300)], "", id="too-many"),
    ],
)
async def test_what_cannot_be_chapters_is_refused_and_changes_nothing(gateway, items, said):
    here, _ = await council(gateway)
    async with gateway.as_("uma") as uma:
        before = (await uma.get(here)).json()
        answer = await uma.put(here, json={"items": items})
        assert (answer.status_code, answer.json()["code"]) == (422, "VALIDATION_FAILED")
        assert said in json.dumps(answer.json())
        assert (await uma.get(here)).json() == before


async def test_where_they_are_published_the_new_ones_follow(gateway):
    await gateway.target()
    here, job_id = await council(gateway)
    async with gateway.as_("uma") as uma:
        published = (await uma.post("/publications", json={"transcription_id": job_id})).json()["id"]
        await gateway.published(await gateway.take())
        await uma.delete(here)
        assert (await uma.get(f"/publications/{published}")).json()["status"] == "published", "nothing was written"
        for change in (uma.put(here, json={"items": []}), uma.delete(here)):
            assert (await change).status_code == 200
            told = (await uma.get(f"/publications/{published}")).json()
            assert (told["status"], told["stage"]) == ("pending", "chapters")
            held = await gateway.take()
            assert held.stage is PublishStage.CHAPTERS
            await gateway.published(held)


async def test_words_that_cannot_be_read_now_are_not_taken_for_none(gateway):
    here, _ = await council(gateway)
    (file,) = gateway.output.rglob("captions.json")
    whole = file.read_bytes()
    file.unlink()
    async with gateway.as_("uma") as uma:
        assert (await uma.get(here)).json()["code"] == "FILE_NOT_FOUND"
        async with gateway.db.transaction() as session:
            assert await session.scalar(select(ChapterList.transcription_id)) is None
        file.write_bytes(whole)
        assert len((await uma.get(here)).json()["items"]) == 3


async def test_a_language_without_rules_has_none_and_says_so(gateway):
    here, job_id = await council(gateway)
    async with gateway.db.transaction() as session:
        await session.execute(update(Transcription).where(Transcription.id == UUID(job_id)).values(language="hmn"))
    async with gateway.as_("uma") as uma:
        told = (await uma.get(here)).json()
        assert (told["items"], told["reason"]) == ([], "CHAPTERS_LANGUAGE")
        async with gateway.db.transaction() as session:
            assert await session.scalar(select(ChapterList.transcription_id)) is None, "rules may come"
        told = (await uma.put(here, json={"items": [{"start_ms": 0, "title": "Pib"}]})).json()
        assert ([one["title"] for one in told["items"]], told["reason"]) == (["Pib"], None)


async def test_a_language_with_rules_gives_no_reason_for_having_none(gateway):
    here, _ = await council(gateway, json_format.write(Captions((), (Word(0, 200, "Hello."),), "en", "Nothing")))
    async with gateway.as_("uma") as uma:
        told = (await uma.get(here)).json()
        assert (told["items"], told["reason"]) == ([], None)


async def test_one_that_has_not_completed_has_none_yet(gateway):
    async with gateway.as_("uma") as uma:
        body = {"storage": "flex-1", "path": gateway.recording("Council.mp4")}
        job_id = (await uma.post("/transcriptions", json=body)).json()["id"]
        for answer in (
            await uma.get(f"/transcriptions/{job_id}/chapters"),
            await uma.put(f"/transcriptions/{job_id}/chapters", json={"items": []}),
            await uma.delete(f"/transcriptions/{job_id}/chapters"),
        ):
            assert (answer.status_code, answer.json()["code"]) == (409, "NOT_COMPLETED")


async def test_an_older_transcription_without_its_words_has_none(gateway):
    job_id = await gateway.captioned("uma", "Council.mp4")
    async with gateway.as_("uma") as uma:
        assert (await uma.get(f"/transcriptions/{job_id}/chapters")).json()["items"] == []
