"""How much a publication asks of a small server when all is well: a bound, so that nobody doubles it by accident."""

from collections import Counter

import pytest
from tests.vod.recordings import asked_for_twice, ends
from tests.vod.world import World

_POLLS = "vodstatuses/{id}"


@pytest.mark.parametrize(
    ("number", "most"),
    [  # 50 and 58 on the day this was written; five are its chapters
        pytest.param(4, 60, id="in-a-show"),
        pytest.param(3, 70, id="without-a-show"),
    ],
)
async def test_a_calm_publication_asks_no_more_than_it_needs(number: int, most: int, world: World) -> None:
    await world.sim.control.switch(index_s=15, transcode_speed=40)
    recording = await asked_for_twice(world, number)
    begun = len(await world.sim.control.journal())
    assert (await world.drive(recording.publication)).status == "published"
    entries = (await world.sim.control.journal())[begun:]
    (end,) = await ends(world, [recording])
    end.require_once()
    asked = Counter(f"{one['method']} {one['template']}" for one in entries if one["template"] != _POLLS)
    assert asked.total() <= most, f"{asked.total()}: {asked.most_common()}"
