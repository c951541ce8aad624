"""Publishing in a terminal: asked for, watched, explained in words, with exit codes that scripts can use."""

import asyncio
from datetime import UTC, datetime, timedelta, timezone

import pytest

from archivist_cli.commands import publish
from archivist_common.errors import CaptionsInvalid
from archivist_common.publishing import lifecycle, options
from archivist_common.states import PublishStage

STATION = timezone(timedelta(hours=-5))
NOW = datetime(2026, 6, 1, 21, 0, tzinfo=STATION)


def publication(**more):
    plain = {
        "id": "0000abcd-0000-4000-8000-000000000000",
        "storage": "flex-1",
        "path": "Council.mp4",
        "target": "cablecast",
        "transcription_id": "0000ef01-0000-4000-8000-000000000000",
        "status": "pending",
        "stage": "resolve",
        "waits_for": None,
        "next_look": None,
        "version": 1,
        "show_id": None,
        "vod_id": None,
        "url": None,
        "vendor": {"state": None, "percent": None, "message": None, "changed": None},
        "attention": None,
        "plan": None,
        "suggestions": None,
        "warnings": [],
        "withdrawing": False,
        "error": None,
        "created": at(20),
    }
    return plain | more


def at(hour, minute=0):
    return datetime(2026, 6, 1, hour, minute, tzinfo=STATION).astimezone(UTC).isoformat()


def test_one_that_is_being_worked_on_says_whose_turn_it_is_and_what_the_target_says():
    told = publication(
        stage="follow",
        show_id=4120,
        vod_id="913",
        waits_for="cablecast to get on with it",
        next_look=at(21, 5),
        vendor={"state": "processing", "percent": 40.0, "message": "Transcoding 720p", "changed": at(20, 50)},
        attention={"code": "STALLED", "message": "nothing has changed for ten minutes", "since": at(21)},
    )
    assert list(publish.lines(told, NOW)) == [
        "0000abcd  flex-1/Council.mp4  to cablecast: pending, follow",
        "  show 4120, VOD 913, captions version 1",
        "  cablecast says: processing 40 %, Transcoding 720p; last change 20:50",
        "  waits for cablecast to get on with it (next check 21:05)",
        "  an operator is needed: nothing has changed for ten minutes",
    ]


def test_one_that_is_held_says_for_what_with_plan_and_shows_to_choose_from():
    told = publication(
        status="held",
        error={"code": "AMBIGUOUS_SHOW", "message": "two shows fit"},
        plan=["Use show 4120.", "Place Council.scc."],
        suggestions=[
            {"show_id": 4120, "title": "Council", "event_date": "2026-06-01", "score": 71, "reasons": ["a", "b"]},
            {"show_id": 17837, "title": None, "event_date": None, "score": 9, "reasons": ["c"]},
        ],
    )
    assert list(publish.lines(told, NOW)) == [
        "0000abcd  flex-1/Council.mp4  to cablecast: held",
        "  captions version 1",
        "  AMBIGUOUS_SHOW: two shows fit",
        "  plan:",
        "     1. Use show 4120.",
        "     2. Place Council.scc.",
        "  it may be:",
        "       4120   71  Council, 2026-06-01",
        "                  a; b",
        "      17837    9  without a title",
        "                  c",
        "  say which: archivist cablecast link 0000ef01 SHOW",
    ]


def test_the_percent_rises_from_stage_to_stage_and_follows_the_target_in_between():
    stages = [publication(stage=stage.value) for stage in PublishStage if stage is not PublishStage.WITHDRAW]
    told = [publish.percent(one) for one in stages]
    assert told == sorted(told)
    assert len(set(told)) == len(told)
    half = publication(stage="follow", vendor={"percent": 50.0})
    assert publish.percent(half) == 55
    assert publish.percent(publication(status="published", stage="metadata")) == 100


async def test_it_is_asked_for_by_how_its_id_begins_and_watched_until_it_is_published(gateway, archivist):
    await gateway.target()
    job_id = await gateway.captioned("otto", "Council.mp4")
    asking = asyncio.create_task(archivist("publish", job_id[:8], "--title", "Council", "--no-chapters", "--wait"))
    while True:
        try:
            held = await gateway.take()
            break
        except AssertionError:
            await asyncio.sleep(0.05)
    assert (held.options.title, held.options.chapters) == ("Council", False)
    await gateway.published(held)
    code, said, complained = await asking
    assert code == publish.DONE
    assert "to cablecast: published" in said
    assert "http://vod.test/913.mp4" in said
    assert "Council.mp4: 100 % published" in complained
    code, said, _ = await archivist("publish", "list")
    assert (code, said.splitlines()[1].split()[1:5]) == (0, ["cablecast", "published", "4120", "913"])


async def test_a_dry_run_is_done_when_its_plan_is_there(gateway, archivist):
    await gateway.target()
    job_id = await gateway.captioned("otto", "Council.mp4")
    code, said, _ = await archivist("publish", job_id, "--dry-run")
    assert (code, "waits for its turn" in said) == (0, True)
    held = await gateway.take()
    async with gateway.db.transaction() as session:
        await lifecycle.hold(session, held, options.DRY_RUN, "as planned", plan=["Use show 4120."])
    code, said, _ = await archivist("publish", "show", str(held.id)[:8], "--wait")
    assert (code, "1. Use show 4120." in said) == (0, True)
    code, said, _ = await archivist("publish", "approve", str(held.id)[:8])
    assert (code, "pending" in said) == (0, True)


async def test_one_that_waits_for_a_person_ends_with_three_and_one_that_failed_with_one(gateway, archivist):
    await gateway.target()
    ids = [await gateway.captioned("otto", f"{number}.mp4") for number in range(2)]
    code, _, _ = await archivist("publish", *ids)
    assert code == 0
    first, second = await gateway.take(), await gateway.take()
    async with gateway.db.transaction() as session:
        await lifecycle.hold(session, first, "AMBIGUOUS_SHOW", "two shows fit")
        await lifecycle.fail(session, second, CaptionsInvalid("the server says: bad parity"))
    code, said, _ = await archivist("publish", "show", str(first.id))
    assert (code, "AMBIGUOUS_SHOW: two shows fit" in said) == (publish.WAITS, True)
    code, said, _ = await archivist("publish", ids[0], "--wait")
    assert (code, "two shows fit" in said) == (publish.WAITS, True), "it is held still, and that is said at once"
    code, said, _ = await archivist("publish", "show", str(second.id))
    assert (code, "CAPTIONS_INVALID: the server says: bad parity" in said) == (publish.FAILED, True)
    code, said, _ = await archivist("publish", "retry", str(second.id))
    assert (code, "pending" in said) == (publish.DONE, True)


async def test_of_several_those_that_cannot_be_published_are_named_and_the_others_are_asked_for(gateway, archivist):
    await gateway.target()
    job_id = await gateway.captioned("otto", "Council.mp4")
    unknown = "00000000-0000-4000-8000-000000000000"
    code, said, complained = await archivist("publish", job_id, unknown)
    assert (code, "Council.mp4" in said) == (1, True)
    assert complained.strip() == f"{unknown}: NOT_FOUND: there is no transcription {unknown}"


async def test_earlier_captions_are_put_back_and_the_programme_taken_off(gateway, archivist):
    await gateway.target()
    for says in ("one", "two"):
        await archivist("publish", await gateway.captioned("otto", "Council.mp4", says))
        held = await gateway.take()
        await gateway.published(held)
    name = str(held.id)[:8]
    code, said, _ = await archivist("publish", "rollback", name, "--to", "1")
    assert (code, "captions version 3" in said) == (0, True)
    code, said, _ = await archivist("publish", "versions", name)
    assert [line.split()[0] for line in said.splitlines()] == ["*", "2", "1"]
    assert "a return to 1" in said.splitlines()[0]
    code, said, _ = await archivist("publish", "withdraw", name)
    assert (code, "being withdrawn" in said) == (0, True)
    code, _, complained = await archivist("publish", "rollback", name)
    assert (code, "is withdrawn" in complained) == (1, True)


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(["publish"], id="nothing"),
        pytest.param(["publish", "retry"], id="an-action-on-nothing"),
        pytest.param(["publish", "list", "abcd"], id="a-list-of-something"),
        pytest.param(["publish", "list", "--title", "x"], id="an-option-of-another-action"),
        pytest.param(["publish", "abcd", "--to", "1"], id="a-version-of-a-job"),
        pytest.param(["publish", "rollback", "abcd", "--to", "first"], id="a-version-in-words"),
        pytest.param(["publish", "list", "--status", "lost"], id="a-state-there-is-not"),
    ],
)
async def test_what_makes_no_sense_is_wrong_usage(archivist, words):
    code, said, complained = await archivist(*words)
    assert (code, said, "usage:" in complained) == (2, "", True)
