"""Title, description, tags and thumbnail at Cablecast: what is empty is filled in, what people wrote stays."""

from pathlib import Path

from tests.simulators.cablecast.process import Simulator
from tests.vod.world import World, station

NAME = "4120-1-Harbor City Council (20261118).mp4"
SHOW = {
    "id": 4120,
    "title": "Harbor City Council 2026-11-18",
    "eventDate": "2026-11-18T00:00:00-06:00",
    "file": {"store": "Flex 1", "name": NAME, "length_s": 600},
}


async def show_of(world: World) -> dict:
    (show,) = [one for one in await world.sim.control.objects("shows") if one["id"] == 4120]
    return show


async def test_tags_and_a_thumbnail_are_filled_in_and_all_else_stays(
    own_database: str, tmp_path: Path, sim: Simulator
) -> None:
    async with station(own_database, tmp_path, sim, cablecast_tags_field="Tags") as world:
        await world.show(
            **SHOW,
            comments="Words of the clerk's own.",
            customFields=[{"showField": 6, "value": "2026-11-18"}],
            thumbnailOptions=[8123, 8124, 8125],
        )
        done = await world.published(NAME, tags=("Budget", "Water"))
        assert (done.status, done.error_message, done.warnings) == ("published", None, ())
        show = await show_of(world)
        fields = {one["showField"]: one["value"] for one in show["customFields"]}
        assert fields == {5: "Budget, Water", 6: "2026-11-18"}
        assert show["thumbnail"] == 8124  # the middle of those that Cablecast offers
        assert show["comments"] == "Words of the clerk's own."
        assert show["cgTitle"] == "Harbor City Council 2026-11-18"  # it had none for the public
        assert len(await world.calls("PUT", "/shows/4120")) == 1
        await world.check()


async def test_a_field_for_tags_that_cablecast_does_not_have_is_told_and_stops_nothing(
    own_database: str, tmp_path: Path, sim: Simulator
) -> None:
    async with station(own_database, tmp_path, sim, cablecast_tags_field="Keywords") as world:
        await world.show(**SHOW, cgTitle="Harbor City Council", comments="Words.", thumbnail=8123)
        done = await world.published(NAME, tags=("Budget",))
        assert done.status == "published"
        assert [one.partition(":")[0] for one in done.warnings] == ["NO_TAGS_FIELD"]
        assert await world.calls("PUT", "/shows/4120") == []


async def test_the_description_that_archivist_wrote_is_its_own_to_change(world: World) -> None:
    await world.show(**SHOW)
    done = await world.published(NAME)
    assert (await show_of(world))["comments"] == "The water tower needs paint."
    assert done.transcription_id is not None
    again = await world.drive(await world.ask(done.transcription_id, description="Paint for the tower."))
    assert again.status == "published"
    assert (await show_of(world))["comments"] == "Paint for the tower."


async def test_tags_are_made_of_what_the_meeting_had_in_it_where_that_is_wanted(
    own_database: str, tmp_path: Path, sim: Simulator
) -> None:
    """VOD_AUTO_TAGGING."""
    async with station(own_database, tmp_path, sim, cablecast_tags_field="Tags", vod_auto_tagging=True) as world:
        await world.show(**SHOW)
        assert (await world.published(NAME)).status == "published"
        assert [one["value"] for one in (await show_of(world))["customFields"]] == ["Public comment"]
