"""Withdrawing what is public while something else of it is under way."""

from pathlib import Path

from tests.vod.folder.world import folder_station
from tests.vod.world import SPOKEN, World, spoken

from archivist_common.publishing import requests

NAME = "4120-1-Harbor City Council (20261118).mp4"
OTHER = SPOKEN.replace("water tower", "fire station")
SHOW = {
    "id": 4120,
    "title": "Harbor City Council",
    "eventDate": "2026-11-18T00:00:00-06:00",
    "file": {"store": "Flex 1", "name": NAME, "length_s": 600},
}


async def test_a_vod_is_unlisted_though_other_captions_of_it_were_being_planned(world: World) -> None:
    """Its show was looked up again for them, and what is known of it had lost its VOD: withdrawing failed."""
    await world.show(**SHOW)
    done = await world.published(NAME)
    planned = await world.published(NAME, spoken(OTHER), dry_run=True)
    assert (planned.id, planned.status, planned.error_code) == (done.id, "held", "DRY_RUN")
    async with world.db.transaction() as session:
        await requests.withdraw(session, done.id)
    assert (await world.drive(done.id)).status == "removed"
    assert [vod["disabled"] for vod in await world.vods()] == [True]


async def test_a_folder_is_unlisted_though_other_captions_of_it_were_being_planned(
    own_database: str, tmp_path: Path
) -> None:
    """It said that it was removed, and was in the feed as before."""
    async with folder_station(own_database, tmp_path) as station:
        done = await station.published(NAME)
        planned = await station.published(NAME, spoken(OTHER), dry_run=True)
        assert (planned.id, planned.status) == (done.id, "held")
        async with station.db.transaction() as session:
            await requests.withdraw(session, done.id)
        assert (await station.drive(done.id)).status == "removed"
        assert str(done.vod_id) not in (station.root / "feed.xml").read_text()


async def test_what_was_withdrawn_before_its_vod_was_begun_is_removed_and_no_vod_of_others_is_touched(
    world: World,
) -> None:
    await world.show(**SHOW, vods=[{"state": "complete"}])
    publication = await world.ask(await world.captioned(NAME))
    await world.drive(publication, until=("accept",))
    async with world.db.transaction() as session:
        await requests.withdraw(session, publication)
    assert (await world.drive(publication)).status == "removed"
    assert [vod["disabled"] for vod in await world.vods()] == [False]
