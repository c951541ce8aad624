"""`vod_content.thumbnail_url`, which the documentation has: the picture that Cablecast shows for a VOD's show."""

import pytest
from tests.vod.cablecast.sync.test_schedule import settle, syncing, vods
from tests.vod.cablecast.test_metadata import NAME, SHOW
from tests.vod.world import World

from archivist_vod.cablecast import models

PICTURE = "https://s.example/cablecastapi/dynamicthumbnails/8123"


async def test_a_published_vod_and_one_that_a_sync_found_have_the_address_of_their_shows_picture(
    world: World,
) -> None:
    await world.show(**SHOW, thumbnailImage={"url": PICTURE})
    other = PICTURE.replace("8123", "9000")
    seeded = [{"id": 914, "state": "complete"}]
    await world.show(id=4300, title="Parade", thumbnailImage={"url": other}, vods=seeded)
    await world.show(id=4301, title="No picture", vods=[{"id": 915, "state": "complete"}])
    done = await world.published(NAME)
    assert done.status == "published"
    assert {vod.vod_id: vod.thumbnail_url for vod in (await vods(world)).values()} == {done.vod_id: PICTURE}

    await settle(syncing(world))
    assert {vod.vod_id: vod.thumbnail_url for vod in (await vods(world)).values()} == {
        done.vod_id: PICTURE,
        "914": other,
        "915": None,
    }


@pytest.mark.parametrize(
    ("said", "url"),
    [
        pytest.param({"url": PICTURE}, PICTURE, id="an address"),
        pytest.param({"url": None}, None, id="none"),
        pytest.param({"url": "javascript:alert(1)"}, None, id="no address"),
        pytest.param(PICTURE, None, id="no object"),
        pytest.param(None, None, id="nothing"),
    ],
)
def test_only_an_address_is_one(said: object, url: str | None) -> None:
    assert models.Show.read({"id": 1, "thumbnailImage": said}).thumbnail_url == url
