"""The way to Cablecast and what may go wrong on it: the scenarios of the contract, section 6.8, over real HTTP."""

import asyncio
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.ext.asyncio import AsyncSession
from tests.lost_answers import LosesAnAnswer
from tests.simulators.cablecast.process import Simulator
from tests.vod.world import SPOKEN, World, spoken, station

from archivist_common.database.models import OutboxEvent, Publication, Transcription, VodContent
from archivist_common.errors import DatabaseUnavailable
from archivist_common.publishing import automatic, effects, requests
from archivist_common.publishing.options import PublishOptions
from archivist_common.shows import links
from archivist_vod.worker import PublishingWorker

NAME = "4120-1-Harbor City Council (20261118).mp4"


def council(**more: Any) -> dict[str, Any]:
    """A show whose recording lies in its store, as a station has it."""
    return {
        "id": 4120,
        "title": "Harbor City Council 2026-11-18",
        "cgTitle": "Harbor City Council",
        "eventDate": "2026-11-18T00:00:00-06:00",
        "file": {"store": "Flex 1", "name": NAME, "length_s": 600},
    } | more


async def test_a_recording_becomes_a_captioned_programme_with_chapters(world: World) -> None:
    """6.8/1, a server of today."""
    await world.at_its_own_pace()
    await world.show(**council())
    done = await world.published(NAME)
    assert (done.status, done.error_message) == ("published", None)
    assert done.show_id == 4120
    assert (world.sim.store("Flex 1") / NAME).with_suffix(".scc").read_bytes().startswith(b"Scenarist_SCC V1.0")

    (vod,) = await world.vods()
    assert (vod["show"], vod["vodState"], vod["chaptersPublished"], vod["quality"]) == (4120, "complete", True, 1)
    assert done.url == f"{world.sim.url}{vod['url']}"
    chapters = await world.sim.control.objects("chapters")
    assert any("public comment" in chapter["title"].lower() for chapter in chapters)
    (show,) = [one for one in await world.sim.control.objects("shows") if one["id"] == 4120]
    assert show["comments"] == "The water tower needs paint."
    assert show["cgTitle"] == "Harbor City Council"  # a person's title stays
    assert not show["generateCaptions"]

    async with world.db.transaction() as session:
        job = await session.get(Transcription, done.transcription_id)
        assert job is not None
        assert (job.vod_status, job.vod_id, job.vod_url) == ("published", str(vod["id"]), done.url)
        kept = await session.scalar(select(VodContent).where(VodContent.vod_id == str(vod["id"])))
        assert kept is not None
        assert (kept.status, kept.transcription_id, kept.show) == ("published", job.id, 4120)
        events = (await session.scalars(select(OutboxEvent.event).where(OutboxEvent.event.like("vod.%")))).all()
        assert events == ["vod.published"]
        assert await effects.unsettled(session) == 0


@pytest.mark.parametrize("profile", ["mid", "legacy"])
async def test_an_older_server_is_published_to_as_far_as_it_goes(
    profile: str, own_database: str, tmp_path: Path, stations: dict[str, Simulator]
) -> None:
    """6.8/1: 7.4 has no assets and no upload; 6.x has no VOD states and takes no captions, which a person accepts."""
    sim = stations[profile]
    await sim.control.reset()
    async with station(own_database, tmp_path, sim) as world:
        await world.show(**council())
        done = await world.published(NAME)
        if profile == "legacy":
            assert (done.status, done.error_code) == ("held", "SIDECARS_UNSUPPORTED")
            assert await world.vods() == []
            async with world.db.transaction() as session:
                await requests.approve(session, done.id, user_id=1)
            done = await world.drive(done.id)
        assert (done.status, done.error_message) == ("published", None)
        assert len(await world.vods()) == 1
        assert (sim.store("Flex 1") / NAME).with_suffix(".scc").exists() == (profile == "mid")
        versions = await world.versions(done.id)
        assert (versions[0].verified is not None) == (profile == "mid")
        await world.check()


# 2: which show it is


async def test_a_show_with_our_key_is_found_though_nothing_else_agrees(world: World) -> None:
    name = "council hand named.mp4"
    key = requests.key_of("flex-1", name)
    await world.show(id=4200, title="Council", localId=key, file={"store": "Flex 1", "name": name, "length_s": 600})
    assert (await world.published(name)).show_id == 4200


async def test_two_shows_with_our_key_wait_for_a_person_who_says_which(world: World) -> None:
    name = "council hand named.mp4"
    key = requests.key_of("flex-1", name)
    await world.show(id=4200, title="Council", localId=key)
    await world.show(id=4201, title="Council", localId=key, file={"store": "Flex 1", "name": name, "length_s": 600})
    held = await world.published(name)
    assert (held.status, held.error_code) == ("held", "AMBIGUOUS_SHOW")
    assert held.suggestions is not None
    assert {one["show_id"] for one in held.suggestions} == {4200, 4201}
    assert all(one["reasons"] for one in held.suggestions)
    async with world.db.transaction() as session:
        await links.link(session, "flex-1", name, 4201, user_id=1)
        await automatic.show_linked(session, "flex-1", name)
    done = await world.drive(held.id)
    assert (done.status, done.show_id) == ("published", 4201)


async def test_a_number_of_another_meeting_is_not_believed(world: World) -> None:
    """Scenario 16: the number belongs to a different show."""
    await world.show(
        **council(
            title="Grant Planning Commission 2019-01-29",
            cgTitle="Grant Planning Commission",
            eventDate="2019-01-29T00:00:00-06:00",
        )
    )
    held = await world.published(NAME)
    assert (held.status, held.error_code) == ("held", "AMBIGUOUS_SHOW")
    assert held.error_message is not None
    assert "4120" in held.error_message
    assert await world.vods() == []


async def test_without_any_show_nothing_is_made_unless_asked_for(world: World) -> None:
    await world.sim.control.seed(files=[{"store": "Flex 1", "name": NAME, "length_s": 600}])
    job = await world.captioned(NAME)
    held = await world.drive(await world.ask(job))
    assert (held.status, held.error_code) == ("held", "NO_SHOW")
    assert (await world.sim.control.counts())["shows"] == 0

    done = await world.drive(await world.ask(job, create_show=True))
    assert (done.status, done.error_message) == ("published", None)
    counts = await world.sim.control.counts()
    assert (counts["shows"], counts["media"], counts["reels"], counts["vods"]) == (1, 1, 1, 1)
    (show,) = await world.sim.control.objects("shows")
    assert show["localId"] == requests.key_of("flex-1", NAME)


# 3 and 4: answers that are lost, requests that are repeated

CREATED = ["shows", "media", "reels", "vods", "chapters"]


@pytest.mark.parametrize("collection", CREATED)
async def test_a_lost_answer_leaves_one_object(collection: str, world: World) -> None:
    await world.sim.control.seed(files=[{"store": "Flex 1", "name": NAME, "length_s": 600}])
    await world.sim.control.fault("apply_then_drop", method="POST", path=f"/{collection}$", times=1)
    job = await world.captioned(NAME)
    done = await world.drive(await world.ask(job, create_show=True))
    assert (done.status, done.error_message) == ("published", None)
    counts = await world.sim.control.counts()
    assert (counts["shows"], counts["media"], counts["reels"], counts["vods"]) == (1, 1, 1, 1)
    assert await world.sim.control.fault_counts() == {"apply_then_drop": 1}


@pytest.mark.parametrize("collection", CREATED)
async def test_a_lost_request_is_asked_again_after_two_looks(collection: str, world: World) -> None:
    await world.sim.control.seed(files=[{"store": "Flex 1", "name": NAME, "length_s": 600}])
    await world.sim.control.fault("drop", method="POST", path=f"/{collection}$", times=1)
    job = await world.captioned(NAME)
    done = await world.drive(await world.ask(job, create_show=True))
    assert (done.status, done.error_message) == ("published", None)
    counts = await world.sim.control.counts()
    assert (counts["shows"], counts["media"], counts["reels"], counts["vods"]) == (1, 1, 1, 1)
    assert 5.0 in world.slept


@pytest.mark.parametrize("path", ["/fileuploads$", "/fileuploads/\\d+/upload$"])
async def test_a_lost_answer_of_an_upload_leaves_one_sidecar(
    path: str, own_database: str, tmp_path: Path, sim: Simulator
) -> None:
    async with station(own_database, tmp_path, sim, cablecast_sidecar="upload") as world:
        await world.show(**council())
        await sim.control.fault("apply_then_drop", method="POST", path=path, times=1)
        done = await world.published(NAME)
        assert (done.status, done.error_message) == ("published", None)
        beside = [one["name"] for one in (await sim.control.store())["Flex 1"]]
        assert sorted(beside) == [NAME.replace(".mp4", ".scc"), NAME] or sorted(beside) == sorted(
            [NAME, NAME.replace(".mp4", ".scc")]
        )
        await world.check()


@pytest.mark.parametrize("collection", ["shows", "media", "reels", "vods"])
async def test_an_object_that_was_stored_twice_is_reported(collection: str, world: World) -> None:
    """6.8/4: a proxy has sent the request twice. One is used, the other is named, neither is deleted."""
    await world.sim.control.seed(files=[{"store": "Flex 1", "name": NAME, "length_s": 600}])
    await world.sim.control.fault("duplicate", method="POST", path=f"/{collection}$", times=1)
    job = await world.captioned(NAME)
    done = await world.drive(await world.ask(job, create_show=True))
    assert (await world.sim.control.counts())[collection] == 2
    told = [one for one in done.warnings if one.startswith("DUPLICATE_AT_TARGET")]
    assert len(told) == 1, done
    assert "can be deleted there" in told[0]
    assert done.status == "published", done


async def test_a_chapter_that_was_stored_twice_is_taken_away_again(world: World) -> None:
    await world.show(**council())
    await world.sim.control.fault("duplicate", method="POST", path="/chapters$", times=1)
    assert (await world.published(NAME)).status == "published"
    shown = [one for one in await world.sim.control.objects("chapters") if not one["deleted"]]
    places = [(one["offset"], one["title"]) for one in shown]
    assert len(set(places)) == len(places)


# 5: refused credentials


@pytest.mark.parametrize("calls", [0, 12], ids=["at-once", "midway"])
async def test_refused_credentials_stop_the_target_with_one_alert_and_keep_the_queue(
    calls: int, world: World
) -> None:
    await world.show(**council())
    await world.show(
        id=4121, title="Other 2026-11-19", file={"store": "Flex 1", "name": "4121-1-Other.mp4", "length_s": 600}
    )
    jobs = [await world.captioned(NAME), await world.captioned("4121-1-Other.mp4")]
    await world.sim.control.fault("auth_expire", calls=calls)
    asked = [await world.ask(job) for job in jobs]
    for _ in range(20):
        if not await world.step():
            break
    refused = [one for one in await world.sim.control.journal() if one["status"] == 401]
    assert len(refused) == 1
    target = await world.target()
    assert (target.state, target.waiting) == ("stopped", 2)
    for publication in asked:
        now = await world.read(publication)
        assert now.status == "pending"
        assert now.waits_for is not None
        assert "stopped" in now.waits_for
    async with world.db.transaction() as session:
        alerts = (await session.scalars(select(OutboxEvent).where(OutboxEvent.event == "target.stopped"))).all()
        assert len(alerts) == 1
        told = (await session.scalars(text("SELECT message FROM system_logs"))).all()
    assert not any("secret" in message for message in told)

    await world.sim.control.no_faults()
    async with world.db.transaction() as session:
        from archivist_common.publishing import targets

        await targets.resume(session, "cablecast")
    assert (await world.drive(asked[0])).status == "published"


async def test_a_user_who_may_only_read_stops_the_target(own_database: str, tmp_path: Path, sim: Simulator) -> None:
    async with station(own_database, tmp_path, sim, cablecast_user_id="viewer") as world:
        await world.show(**council())
        await world.ask(await world.captioned(NAME))
        for _ in range(20):
            if not await world.step():
                break
        assert (await world.target()).state == "stopped"
        assert len([one for one in await sim.control.journal() if one["status"] == 403]) == 1
        assert await world.vods() == []


# 6: what is deleted meanwhile


async def test_a_vod_deleted_meanwhile_waits_for_a_person_and_is_made_again_on_their_word(world: World) -> None:
    await world.show(**council())
    job = await world.captioned(NAME)
    asked = await world.ask(job)
    following = await world.drive(asked, until=["follow"])
    async with world.other() as client:
        await client.delete(f"{world.sim.api}/vods/{following.vod_id}")
    held = await world.drive(asked)
    assert (held.status, held.error_code) == ("held", "VOD_GONE")
    assert await world.vods() == []
    async with world.db.transaction() as session:
        await requests.retry(session, asked)
    assert (await world.drive(asked)).status == "published"
    assert len(await world.vods()) == 1


async def test_a_show_deleted_meanwhile_waits_for_a_person(world: World) -> None:
    await world.show(**council())
    asked = await world.ask(await world.captioned(NAME))
    await world.drive(asked, until=["follow"])
    async with world.other() as client:
        await client.delete(f"{world.sim.api}/shows/4120")
    held = await world.drive(asked)
    assert held.status == "held"
    assert held.error_code in {"SHOW_GONE", "NO_SHOW", "VOD_GONE"}


async def test_what_is_missing_once_is_found_anew_and_that_is_not_held_against_it(world: World) -> None:
    await world.show(**council())
    await world.sim.control.fault("status", method="GET", path="/shows/4120$", status=404, skip=1, times=1)
    done = await world.published(NAME)
    assert (done.status, done.show_id) == ("published", 4120)
    assert (await world.sim.control.fault_counts())["status"] == 1
    assert "missed" not in done.item


async def test_captions_put_anew_after_a_long_time_have_their_own_time_to_be_taken_into_use(world: World) -> None:
    await world.show(**council())
    await world.sim.control.switch(transcode_speed=0.01)
    asked = await world.ask(await world.captioned(NAME))
    await world.drive(asked, until=["follow"])
    await world.skip(1200)
    await world.sim.control.remove_file("Flex 1", NAME.replace(".mp4", ".scc"))
    await world.sim.control.fault("status", method="GET", path="/(vodstatuses|vods)/", status=404, times=2)
    waiting = await world.drive(asked, until=["accept"])
    assert (waiting.stage, waiting.attention_code) == ("accept", None)


# 7 to 12: refusals, pauses, failures


async def test_a_pause_of_a_second_brings_no_look_at_a_programme_sooner(world: World) -> None:
    await world.at_its_own_pace()
    await world.show(**council())
    asked = await world.ask(await world.captioned(NAME))
    await world.drive(asked, until=["follow"])
    await world.sim.control.fault("retry_after", path="/vodstatuses/", retry_after=1, times=1)
    while (await world.sim.control.fault_counts()).get("retry_after", 0) == 0:
        assert await world.step()
    async with world.db.transaction() as session:
        waits_s = await session.scalar(text("SELECT extract(epoch FROM available_at - now()) FROM publications"))
    assert waits_s > world.settings.vod_status_check_interval.total_seconds() / 2


@pytest.mark.parametrize("status", [400, 422])
async def test_what_the_server_refuses_is_final_and_its_words_are_kept(status: int, world: World) -> None:
    await world.sim.control.seed(files=[{"store": "Flex 1", "name": NAME, "length_s": 600}])
    await world.sim.control.fault("status", method="POST", path="/shows$", status=status, text="title is on strike")
    job = await world.captioned(NAME)
    failed = await world.drive(await world.ask(job, create_show=True))
    assert (failed.status, failed.error_code) == ("failed", "TARGET_REFUSED")
    assert failed.error_message is not None
    assert "title is on strike" in failed.error_message
    assert len(await world.calls("POST", "/shows")) - len(await world.calls("POST", "/search")) == 1


@pytest.mark.parametrize(
    "pause",
    [
        pytest.param({"retry_after": "120"}, id="seconds"),
        pytest.param({"date_in_s": 120}, id="date"),
        pytest.param({}, id="none"),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
async def test_a_pause_that_the_server_asks_for_is_kept_by_everybody(
    status: int, pause: dict[str, Any], world: World
) -> None:
    await world.show(**council())
    await world.sim.control.fault("retry_after", path="/shows/4120$", status=status, times=1, **pause)
    done = await world.published(NAME)
    assert (done.status, done.failures) == ("published", 0)
    if pause:
        assert sum(world.skipped) > 100


async def test_two_errors_of_the_server_are_lived_through(world: World) -> None:
    await world.show(**council())
    await world.sim.control.fault("status", path="/shows/4120$", status=500, times=2)
    assert (await world.published(NAME)).status == "published"


async def test_errors_that_never_end_end_the_publication(world: World) -> None:
    await world.show(**council())
    await world.sim.control.fault("status", method="POST", path="/vods$", status=500, body="iis-html")
    failed = await world.published(NAME)
    assert failed.status == "failed"
    assert failed.error_code in {"OUTCOME_UNKNOWN", "TARGET_FAILED"}
    assert await world.vods() == []


async def test_maintenance_of_half_an_hour_costs_nothing(world: World) -> None:
    await world.show(**council())
    began = await world.sim.control.now()
    await world.sim.control.fault("retry_after", status=503, retry_after="1800", times=1)
    done = await world.published(NAME)
    assert (done.status, done.failures) == ("published", 0)
    assert await world.sim.control.now() - began > 1800


async def test_answers_that_drip_are_given_up_and_the_work_goes_on(
    own_database: str, tmp_path: Path, sim: Simulator
) -> None:
    async with station(own_database, tmp_path, sim, request_timeout="0.4", max_retries=1) as world:
        await world.show(**council())
        await sim.control.auto(1)
        await sim.control.fault("delay", method="GET", path="/shows/4120$", where="drip", seconds=1, times=2)
        await sim.control.fault("delay", method="POST", path="/vods$", where="before_headers", seconds=30, times=1)
        done = await world.published(NAME)
        assert (done.status, done.error_message) == ("published", None)
        assert len(await world.vods()) == 1


async def test_an_upload_that_is_cut_off_goes_on_with_the_missing_segment(
    own_database: str, tmp_path: Path, sim: Simulator
) -> None:
    async with station(own_database, tmp_path, sim, cablecast_sidecar="upload") as world:
        world.cut_segments(2_000)
        await world.show(**council())
        await sim.control.fault(
            "drop", method="POST", path="/fileuploads/\\d+/upload$", skip=1, times=1, phase="before"
        )
        done = await world.published(NAME)
        assert (done.status, done.error_message) == ("published", None)
        sent = [one for one in await sim.control.journal() if one["path"].endswith("/upload")]
        assert len({one["path"] for one in sent}) == 1
        assert world.sidecar(NAME.replace(".mp4", ".scc")).startswith(b"Scenarist_SCC")


# 13 to 16: the VOD's own life


async def test_a_reel_without_a_length_is_told_of_and_goes_on_once_it_has_one(world: World) -> None:
    show = council()
    show["reels"] = [{"file": show.pop("file"), "length": 0}]
    await world.show(**show)
    asked = await world.ask(await world.captioned(NAME))
    waiting = await world.drive(asked, until=["VOD_WAITING"])
    assert waiting.attention_message is not None
    assert "reel 1 of show 4120 has no length" in waiting.attention_message
    (reel,) = await world.sim.control.objects("reels")
    async with world.other() as client:
        await client.put(f"{world.sim.api}/reels/{reel['id']}", json={"reel": {**reel, "length": 600}})
    done = await world.drive(asked)
    assert (done.status, done.attention_code) == ("published", None)


async def test_a_programme_that_stands_still_is_told_of_once(patient_world: World) -> None:
    world = patient_world
    await world.show(**council())
    asked = await world.ask(await world.captioned(NAME))
    following = await world.drive(asked, until=["follow"])
    await world.sim.control.force_vod(int(following.vod_id or 0), "processing", percentComplete=40)
    stalled = await world.drive(asked, until=["VOD_STALLED"])
    assert stalled.attention_message is not None
    assert "nothing has changed for 2." in stalled.attention_message
    async with world.db.transaction() as session:
        told = await session.scalars(select(OutboxEvent).where(OutboxEvent.event == "publication.attention"))
        assert len(told.all()) == 1
    await world.sim.control.retry(int(following.vod_id or 0))
    assert (await world.drive(asked)).status == "published"


async def test_a_programme_that_waits_for_its_turn_is_no_stall(patient_world: World) -> None:
    """Round-robin over long programmes: ours stands still while the server works at others."""
    world = patient_world
    await world.sim.control.switch(transcode_speed=3)
    for number in (4121, 4122):
        name = f"{number}-1-Long.mp4"
        await world.show(
            id=number, title="Long", file={"store": "Flex 1", "name": name, "length_s": 14_400}, vods=[{}]
        )
    await world.show(**council())
    asked = await world.ask(await world.captioned(NAME))
    done = await world.drive(asked)
    assert (done.status, done.error_message) == ("published", None)
    async with world.db.transaction() as session:
        told = await session.scalars(select(OutboxEvent).where(OutboxEvent.event == "publication.attention"))
        assert told.all() == []


async def test_an_error_that_an_operator_retries_goes_on(world: World) -> None:
    await world.show(**council())
    asked = await world.ask(await world.captioned(NAME))
    following = await world.drive(asked, until=["follow"])
    await world.sim.control.force_vod(int(following.vod_id or 0), "error", errorMessage="encoder is out of tape")
    broken = await world.drive(asked, until=["VOD_ERROR"])
    assert broken.attention_message is not None
    assert "encoder is out of tape" in broken.attention_message
    assert broken.vendor_state == "error"
    await world.sim.control.retry(int(following.vod_id or 0))
    assert (await world.drive(asked)).status == "published"


async def test_a_permanent_failure_ends_with_the_servers_message(world: World) -> None:
    await world.show(**council())
    asked = await world.ask(await world.captioned(NAME))
    following = await world.drive(asked, until=["follow"])
    await world.sim.control.force_vod(int(following.vod_id or 0), "permanentFailure", errorMessage="no such codec")
    failed = await world.drive(asked)
    assert (failed.status, failed.error_code) == ("failed", "VOD_PUBLISH_FAILED")
    assert failed.error_message is not None
    assert "no such codec" in failed.error_message


async def test_a_programme_that_somebody_unlisted_is_left_so(world: World) -> None:
    await world.show(**council())
    asked = await world.ask(await world.captioned(NAME))
    following = await world.drive(asked, until=["follow"])
    await world.sim.control.force_vod(int(following.vod_id or 0), "disabled")
    held = await world.drive(asked)
    assert (held.status, held.error_code) == ("held", "VOD_DISABLED")


# 17 to 20: the captions


async def test_a_name_that_differs_by_case_or_a_space_is_refused_before_anything_is_written(world: World) -> None:
    show = council()
    show["file"]["name"] = NAME.replace("Council (", "council  (")
    await world.show(**show)
    held = await world.published(NAME)
    assert (held.status, held.error_code) == ("held", "NAME_MISMATCH")
    assert await world.vods() == []
    assert list(world.sim.store("Flex 1").glob("*.scc")) == []


@pytest.mark.parametrize("late", ["refresh", "never"])
async def test_captions_that_come_after_the_vod(late: str, world: World) -> None:
    await world.sim.control.switch(late_sidecar=late)
    await world.show(**council(), vods=[{"state": "complete"}])
    asked = await world.ask(await world.captioned(NAME))
    if late == "never":
        waiting = await world.drive(asked, until=["CAPTIONS_PENDING_RETRANSCODE"])
        assert waiting.status == "pending"
        assert waiting.attention_message is not None
        assert "Retranscode" in waiting.attention_message
        (vod,) = await world.vods()
        await world.sim.control.retranscode(vod["id"])
    done = await world.drive(asked)
    assert (done.status, done.attention_code) == ("published", None)
    assert len(await world.vods()) == 1


async def test_captions_that_the_server_cannot_read_are_not_published(world: World) -> None:
    await world.show(**council())
    job = await world.captioned(NAME)
    await world.damage(job)
    failed = await world.drive(await world.ask(job))
    assert (failed.status, failed.error_code) == ("failed", "CAPTIONS_REFUSED")
    assert failed.error_message is not None
    assert "parity" in failed.error_message


async def test_other_captions_than_ours_are_not_called_published(world: World) -> None:
    await world.sim.control.switch(late_sidecar="never")
    await world.show(**council())
    first = await world.published(NAME)
    assert first.status == "published"
    job = await world.captioned(NAME, spoken(SPOKEN.replace("tower", "powder")), attempt=1)
    asked = await world.ask(job)
    waiting = await world.drive(asked, until=["CAPTIONS_DIFFER"])
    assert (asked, waiting.status) == (first.id, "pending")
    assert waiting.attention_message is not None
    assert "tower" in waiting.attention_message
    (vod,) = await world.vods()
    await world.sim.control.retranscode(vod["id"])
    assert (await world.drive(asked)).status == "published"


async def test_captions_made_by_people_are_never_overwritten(world: World) -> None:
    await world.show(**council())
    beside = world.sim.store("Flex 1") / NAME.replace(".mp4", ".scc")
    beside.write_text("Scenarist_SCC V1.0\n\n00:00:01:00\t9420 9420 94ae 94ae 942f 942f\n")
    before = beside.read_bytes()
    held = await world.published(NAME)
    assert (held.status, held.error_code) == ("held", "HUMAN_SIDECAR")
    assert beside.read_bytes() == before


@pytest.mark.parametrize("same_name", ["overwrite", "suffix", "409"])
async def test_replacing_an_upload_by_whatever_the_server_does_with_its_name(
    same_name: str, own_database: str, tmp_path: Path, sim: Simulator
) -> None:
    async with station(own_database, tmp_path, sim, cablecast_sidecar="upload") as world:
        await sim.control.switch(upload_same_name=same_name)
        await world.show(**council())
        assert (await world.published(NAME)).status == "published"
        again = await world.ask(await world.captioned(NAME, spoken(SPOKEN.replace("tower", "powder"))))
        now = await world.drive(again, until=["CAPTIONS_DIFFER"])
        wanted = {"overwrite": None, "suffix": "SIDECAR_RENAMED", "409": "SIDECAR_NOT_REPLACEABLE"}[same_name]
        assert now.error_code == wanted
        if wanted is None:
            assert (now.status, now.attention_code) == ("published", None)


async def test_people_s_captions_are_not_overwritten_by_an_upload_either(
    own_database: str, tmp_path: Path, sim: Simulator
) -> None:
    async with station(own_database, tmp_path, sim, cablecast_sidecar="upload") as world:
        show = council()
        show["file"]["sidecar"] = "Scenarist_SCC V1.0\n\n00:00:01:00\t9420 9420 94ae 94ae 942f 942f\n"
        await world.show(**show)
        held = await world.published(NAME)
        assert (held.status, held.error_code) == ("held", "HUMAN_SIDECAR")


# 21 to 24


async def test_every_poll_is_made_with_credentials(world: World) -> None:
    await world.at_its_own_pace()
    await world.show(**council())
    assert (await world.published(NAME)).status == "published"
    api = [one for one in await world.sim.control.journal() if "cablecastapi/v1" in one["path"].lower()]
    assert {one["user"] for one in api} == {"operator"}


@pytest.mark.parametrize("switches", [{"extra_fields": True}, {"omit_nulls": True}, {"put": "merge"}], ids=str)
async def test_fields_that_nobody_knows_or_that_are_missing(switches: dict[str, Any], world: World) -> None:
    await world.sim.control.switch(**switches)
    await world.show(**council())
    assert (await world.published(NAME)).status == "published"


async def test_a_state_that_nobody_knows_is_asked_about_again(world: World) -> None:
    await world.at_its_own_pace()
    await world.show(**council())
    await world.sim.control.fault("flap", path="/vodstatuses/", state="paused", percent=10, times=2)
    done = await world.published(NAME)
    assert done.status == "published"


async def test_captions_made_anew_are_the_next_version_and_the_old_ones_come_back_by_one_call(world: World) -> None:
    await world.show(**council())
    first = await world.published(NAME)
    old = world.sidecar(NAME.replace(".mp4", ".scc"))
    job = await world.captioned(NAME, spoken(SPOKEN.replace("tower", "powder")))
    second = await world.drive(await world.ask(job))
    assert (second.id, second.status, second.show_id, second.vod_id) == (first.id, "published", 4120, first.vod_id)
    new = world.sidecar(NAME.replace(".mp4", ".scc"))
    assert new != old

    async with world.db.transaction() as session:
        assert await requests.rollback(session, first.id) == 3
    third = await world.drive(first.id)
    assert (third.status, third.vod_id) == ("published", first.vod_id)
    assert world.sidecar(NAME.replace(".mp4", ".scc")) == old
    assert [one.restores for one in await world.versions(first.id)] == [1, None, None]
    assert len(await world.vods()) == 1


async def test_publishing_twice_is_publishing_once(world: World) -> None:
    """Scenario 17: repeat the call."""
    await world.show(**council())
    done = await world.published(NAME)
    assert done.transcription_id is not None
    before = len(await world.sim.control.journal())
    again = await world.drive(await world.ask(done.transcription_id))
    assert (again.id, again.status) == (done.id, "published")
    assert len(await world.sim.control.journal()) == before


async def test_a_withdrawn_programme_is_unlisted_and_comes_back(world: World) -> None:
    await world.show(**council())
    done = await world.published(NAME)
    async with world.db.transaction() as session:
        await requests.withdraw(session, done.id)
    gone = await world.drive(done.id)
    assert gone.status == "removed"
    assert [vod["disabled"] for vod in await world.vods()] == [True]
    assert done.transcription_id is not None
    back = await world.drive(await world.ask(done.transcription_id))
    assert (back.status, back.vod_id) == ("published", done.vod_id)
    assert [vod["disabled"] for vod in await world.vods()] == [False]


async def test_a_dry_run_says_what_it_would_do_and_does_nothing(world: World) -> None:
    await world.show(**council())
    job = await world.captioned(NAME)
    held = await world.drive(await world.ask(job, dry_run=True))
    assert (held.status, held.error_code) == ("held", "DRY_RUN")
    assert held.plan is not None
    assert any("show 4120" in line for line in held.plan)
    assert any(".scc" in line for line in held.plan)
    writes = [one for one in await world.sim.control.journal() if one["method"] in {"POST", "PUT", "DELETE"}]
    assert [one["path"] for one in writes if "search" not in one["path"]] == []
    assert list(world.sim.store("Flex 1").glob("*.scc")) == []
    async with world.db.transaction() as session:
        await requests.approve(session, held.id, user_id=1)
    assert (await world.drive(held.id)).status == "published"


async def test_a_dry_run_of_a_show_without_a_reel_makes_none(world: World) -> None:
    await world.show(**council(reel=False))
    job = await world.captioned(NAME)
    held = await world.drive(await world.ask(job, dry_run=True, create_show=True))
    assert (held.status, held.error_code, held.error_message) == ("held", "DRY_RUN", "dry run: this would be done")
    assert held.plan is not None
    assert f"make a reel that plays {NAME!r}" in held.plan
    counts = await world.sim.control.counts()
    assert (counts["reels"], counts["media"]) == (0, 0)
    async with world.db.transaction() as session:
        await requests.approve(session, held.id, user_id=1)
    assert (await world.drive(held.id)).status == "published"
    counts = await world.sim.control.counts()
    assert (counts["shows"], counts["reels"], counts["media"], counts["vods"]) == (1, 1, 1, 1)


# 26 to 28


async def test_two_publishers_and_one_recording(world: World) -> None:
    await world.at_its_own_pace()
    await world.show(**council())
    asked = await world.ask(await world.captioned(NAME))
    other = world.another_sender()
    for _ in range(100):
        worked = await asyncio.gather(world.sender.work_once(), other.work_once())
        if (await world.read(asked)).status == "published":
            break
        if not any(worked):
            await world.skip(60)
    assert (await world.read(asked)).status == "published"
    assert len(await world.vods()) == 1


def _losing(world: World, stage: str, *, hangs: bool = False) -> LosesAnAnswer:
    """The station's database, which loses the first answer with which a publication is held at this stage."""

    async def held(session: AsyncSession) -> bool:
        found = select(Publication.id).where(Publication.status == "processing", Publication.stage == stage)
        return await session.scalar(found) is not None

    return LosesAnAnswer(world.db, held, hangs=hangs)


@pytest.mark.parametrize("stage", ["resolve", "follow"])
async def test_a_publication_whose_answer_the_database_lost_goes_on_at_once_and_no_crash_is_charged(
    world: World, stage: str
) -> None:
    await world.show(**council())
    asked = await world.ask(await world.captioned(NAME))
    db = _losing(world, stage)
    sender = PublishingWorker(
        replace(world.deps, db=db), "unix:///nowhere", slots=1, automatic=None, options=PublishOptions()
    )
    for _ in range(100):
        try:
            worked = await sender.work_once()
        except DatabaseUnavailable:
            continue  # as the sender does, without the pause
        if (await world.read(asked)).status == "published":
            break
        if not worked:
            await world.skip(10)
    assert db.has_lost
    async with world.db.transaction() as session:
        row = await session.get_one(Publication, asked)
    assert (row.status, row.crash_count) == ("published", 0)


async def test_a_publisher_that_leaves_in_the_midst_of_a_claim_gives_back_what_it_was_not_told_of(
    world: World,
) -> None:
    await world.show(**council())
    asked = await world.ask(await world.captioned(NAME))
    db = _losing(world, "resolve", hangs=True)
    sender = PublishingWorker(
        replace(world.deps, db=db), "unix:///nowhere", slots=1, automatic=None, options=PublishOptions()
    )
    running = asyncio.create_task(sender.run())
    async with asyncio.timeout(30):
        while not db.has_lost:
            await asyncio.sleep(0.1)
        assert (await world.read(asked)).status == "processing"
        running.cancel()
        await asyncio.wait({running})
    async with world.db.transaction() as session:
        row = await session.get_one(Publication, asked)
    assert (row.status, row.lease_owner, row.crash_count) == ("pending", None, 0)


async def test_cue_and_length_of_a_reel_and_the_reels_before_it_move_chapters_and_captions(world: World) -> None:
    name = "4120-2-Harbor City Council (20261118).mp4"
    await world.show(
        id=4120,
        title="Harbor City Council 2026-11-18",
        eventDate="2026-11-18T00:00:00-06:00",
        reels=[
            {"file": {"store": "Flex 1", "name": NAME, "length_s": 600}, "cue": 30, "length": 300},
            {"file": {"store": "Flex 1", "name": name, "length_s": 600}, "cue": 12, "length": 500},
        ],
    )
    done = await world.published(name)
    assert (done.status, done.error_message) == ("published", None)
    words = spoken().words
    comment = next(word for word in words if word.text == "comment.")
    (chapter,) = [
        one for one in await world.sim.control.objects("chapters") if "public comment" in one["title"].lower()
    ]
    # The chapter begins where it is said; on the VOD that is later by the first reel, and earlier by the cue.
    opened = next(word for word in words[words.index(comment) - 6 :] if word.text == "open")
    assert chapter["offset"] == (opened.start_ms - 12_000 + 300_000) // 1000


async def test_a_vod_of_two_reels_is_begun_when_the_captions_of_both_stand(world: World) -> None:
    second = "4120-2-Harbor City Council (20261118).mp4"
    await world.show(
        **council(
            file=None,
            reels=[{"file": {"store": "Flex 1", "name": name, "length_s": 600}} for name in (NAME, second)],
        )
    )
    asked = [await world.ask(await world.captioned(name)) for name in (NAME, second)]
    while not await world.vods():
        assert await world.step()
    stages = {(await world.read(publication)).stage for publication in asked}
    assert stages.isdisjoint({"resolve", "ensure", "captions", "accept"})
    for publication in asked:
        done = await world.drive(publication)
        assert (done.status, done.attention_code) == ("published", None)
    assert len(await world.vods()) == 1


async def test_a_language_without_chapter_rules_is_published_without_and_says_so(world: World) -> None:
    await world.show(**council())
    job = await world.captioned(NAME)
    async with world.db.transaction() as session:
        await session.execute(update(Transcription).values(language="hmn"))
    done = await world.drive(await world.ask(job))
    assert done.status == "published"
    assert [one.partition(":")[0] for one in done.warnings] == ["CHAPTERS_LANGUAGE"]
    assert await world.sim.control.objects("chapters") == []


async def test_chapters_made_by_people_are_left_as_they_are_and_none_is_added(world: World) -> None:
    await world.show(**council(), vods=[{"id": 913, "state": "complete"}])
    theirs = {"vod": 913, "title": "The clerk's own", "offset": 3, "operatorNote": ""}
    await world.sim.control.seed(chapters=[theirs])
    done = await world.published(NAME)
    assert done.status == "published"
    assert [one.partition(":")[0] for one in done.warnings] == ["CHAPTERS_BY_PEOPLE"]
    assert [(one["title"], one["deleted"]) for one in await world.sim.control.objects("chapters")] == [
        ("The clerk's own", False)
    ]


@pytest.mark.parametrize(
    "title",
    ["Réunion du conseil – Québec", 'The "Big" Meeting', "Two\nlines", "x" * 300],
    ids=["utf-8", "quotes", "newline", "300-letters"],
)
async def test_titles_of_every_kind(title: str, world: World) -> None:
    await world.sim.control.seed(files=[{"store": "Flex 1", "name": NAME, "length_s": 600}])
    job = await world.captioned(NAME)
    done = await world.drive(await world.ask(job, create_show=True, title=title))
    assert (done.status, done.error_message) == ("published", None)
    (show,) = await world.sim.control.objects("shows")
    assert show["cgTitle"] == " ".join(title.split())[:255]


async def test_every_sidecar_is_what_was_signed_off(world: World) -> None:
    await world.show(**council())
    done = await world.published(NAME)
    versions = await world.versions(done.id)
    await world.check(sidecars={f"Flex 1/{NAME.replace('.mp4', '.scc')}": versions[0].sha256})


async def test_what_completes_is_published_by_itself_where_that_is_wanted(
    own_database: str, tmp_path: Path, sim: Simulator
) -> None:
    """AUTO_PUBLISH_TO_VOD: not what was captioned before, not a recording in which nobody spoke (scenario 28)."""
    async with station(own_database, tmp_path, sim, auto_publish_to_vod=True) as world:
        await world.show(**council())
        job = await world.captioned(NAME)
        silent = await world.captioned("silent.mp4", warnings=["NO_SPEECH: nobody spoke"])
        await world.sender.report()
        async with world.db.transaction() as session:
            asked = (await session.scalars(select(Publication.transcription_id))).all()
        assert asked == [job]
        assert silent not in asked
        assert isinstance(job, UUID)


async def test_a_programme_is_not_looked_at_again_before_its_time_whatever_ended_the_look(world: World) -> None:
    """Found by the storm: a look was answered, a call after it was not, and the next look came at once."""
    await world.at_its_own_pace()
    await world.show(**council())
    await world.sim.control.fault("status", method="GET", path=r"/vods/\d+$", status=503, skip=1, times=1)
    assert (await world.published(NAME)).status == "published"
    looks = [one["virtual"] for one in await world.calls("GET", "/vodstatuses/")]
    floor = world.settings.vod_status_check_interval.total_seconds()
    assert min(later - earlier for earlier, later in pairwise(looks)) >= floor - 0.5
    assert await world.sim.control.fault_counts() == {"status": 1}
