"""What every publisher promises, whatever it is. A new entry of TARGETS is tested here by being one.

Each is put to the real thing in a world of its own (`publisher_worlds`): a disk, a simulated server over HTTP.
"""

from collections.abc import AsyncIterator
from dataclasses import asdict
from pathlib import Path

import pytest
import pytest_asyncio
from tests.contract.publisher_worlds import PLACES, Hand, Place
from tests.simulators.cablecast.process import Simulator
from tests.vod.world import SPOKEN, spoken

from archivist_captions.formats import FORMATS
from archivist_common.database.models import Publication
from archivist_common.errors import PublicNameTaken
from archivist_common.publishing import lifecycle, requests
from archivist_common.shows.bodies import NONE
from archivist_common.shows.matching import KnownShows
from archivist_vod.targets.caption_comparison import ReadBack
from archivist_vod.targets.interface import Accepted, Found, Ledger
from archivist_vod.targets.item import Item
from archivist_vod.targets.progress import State
from archivist_vod.targets.registry import TARGETS

OTHER = SPOKEN.replace("water tower", "fire station")
_LOOKS = 60  # at a target that takes its time


@pytest_asyncio.fixture(loop_scope="session", params=sorted(TARGETS))
async def place(
    request: pytest.FixtureRequest, own_database: str, tmp_path: Path, sim: Simulator
) -> AsyncIterator[Place]:
    async with PLACES[request.param](own_database, tmp_path, sim) as made:
        yield made


def test_every_publisher_brings_a_world_to_be_tested_in() -> None:
    assert set(PLACES) == set(TARGETS)


async def test_it_is_registered_under_its_own_name_and_can_be_published_to(place: Place) -> None:
    publisher = place.world.publishers[place.kind]
    assert publisher.kind == place.kind
    said = await publisher.probe()
    assert (said.reason, said.denied) == (None, False)


async def test_what_it_says_it_can_do_is_plain_data_about_formats_there_are(place: Place) -> None:
    can = place.world.publishers[place.kind].capabilities()
    assert can.caption_formats
    assert set(can.caption_formats) <= set(FORMATS)
    assert can.caption_formats[0] == "scc", "what was signed off is the SCC"
    assert all(isinstance(value, bool | str | tuple) for value in asdict(can).values())


async def test_a_recording_goes_from_nothing_to_shown_and_out_of_sight_again(place: Place) -> None:
    hand = await Hand.take(place)
    can = hand.publisher.capabilities()
    item = await _published(hand)
    assert await place.is_shown(item)
    read = await _read_back(hand, item)
    assert (read.equal, read.first_difference) == (True, None)
    assert read.words_expected == read.words_found > 0
    assert can.readback
    item = await hand.publisher.put_chapters(hand.work, item, hand.ledger)
    assert can.chapters
    assert item.stored()["chapters"] == len(hand.work.chapters) > 1
    item = await hand.publisher.put_metadata(hand.work, item, hand.ledger)
    await place.wait()
    assert (await hand.publisher.poll(item)).state is State.DONE
    item = await hand.publisher.withdraw(item, hand.ledger)
    assert not await place.is_shown(item)
    assert hand.ledger.warnings == {}


async def test_its_item_can_be_kept_as_json_and_has_an_id_and_a_title(place: Place) -> None:
    hand = await Hand.take(place)
    item = await _published(hand)
    kept = hand.held.at(hand.held.stage, item.stored())
    async with place.world.db.transaction() as session:
        await lifecycle.save(session, kept)
    async with place.world.db.transaction() as session:
        row = await session.get(Publication, hand.held.id, populate_existing=True)
        assert row is not None
        assert hand.publisher.item_type.of_stored(row.item) == item
    assert item.vod_id
    assert item.title


async def test_every_call_made_twice_changes_nothing_more(place: Place) -> None:
    """The second time as a process begun anew would: all it has is the database."""
    hand = await Hand.take(place)
    item = await _resolved(hand)
    for call in ("ensure", "put_captions", "start", "put_chapters", "put_metadata", "withdraw"):
        first = await _call(hand, call, item, hand.ledger)
        if call == "put_captions":
            await _accepted(hand, first)
        if call == "start":
            first = await _done(hand, first)
            await _read_back(hand, first)
        stands = await place.stands()
        second = await _call(hand, call, first, hand.another_ledger())
        assert second == first, call
        assert await place.stands() == stands, f"{call} twice is more than {call} once"
        item = first


async def test_looking_changes_nothing(place: Place) -> None:
    hand = await Hand.take(place)
    stands = await place.stands()
    item = await _resolved(hand)
    outline = await hand.publisher.outline(hand.work, item)
    assert len(outline) > 2
    assert all(line and not line.endswith(".") for line in outline)
    assert (await hand.publisher.probe()).reason is None
    assert await place.stands() == stands

    item = await _published(hand)
    await place.wait()
    stands = await place.stands()
    await hand.publisher.poll(item)
    await hand.publisher.verify(hand.work, item)
    await hand.publisher.accepted(hand.work, item)
    await hand.publisher.works_elsewhere(item)
    await hand.publisher.outline(hand.work, item)
    assert await place.stands() == stands


async def test_a_changed_word_is_read_back(place: Place) -> None:
    hand = await Hand.take(place)
    item = await _published(hand)
    assert (await _read_back(hand, item)).equal
    await place.edit_word(hand.work, item, spoken(SPOKEN.replace("tower", "power")))
    await _done(hand, item)
    read = await _read_back(hand, item, equal=False)
    assert not read.equal
    assert read.first_difference is not None
    assert "power" in read.first_difference


async def test_captions_made_by_people_are_never_overwritten(place: Place) -> None:
    hand = await Hand.take(place)
    item = await _resolved(hand)
    item = await hand.publisher.ensure(hand.work, item, hand.ledger)
    theirs = await place.put_by_people(hand.work, item, spoken("These are our own captions, typed by hand."))
    before = theirs()
    for ledger in (hand.ledger, hand.another_ledger()):
        with pytest.raises(PublicNameTaken):
            await hand.publisher.put_captions(hand.work, item, ledger)
        assert theirs() == before


async def test_captions_made_anew_replace_ours_at_the_same_programme(place: Place) -> None:
    hand = await Hand.take(place)
    item = await _published(hand)
    assert hand.publisher.capabilities().can_replace_captions
    await hand.give_back()
    again = await Hand.take(place, spoken(OTHER))
    assert again.work.key == hand.work.key
    assert again.work.version == 2
    renewed = await _published(again)
    assert renewed.vod_id == item.vod_id
    read = await _read_back(again, renewed)
    assert (read.equal, read.first_difference) == (True, None)


async def test_what_was_withdrawn_can_be_published_again(place: Place) -> None:
    hand = await Hand.take(place)
    item = await _published(hand)
    item = await hand.publisher.withdraw(item, hand.ledger)
    assert not await place.is_shown(item)
    async with place.world.db.transaction() as session:
        await lifecycle.mark_removed(session, hand.held.at(hand.held.stage, item.stored()))
        await requests.retry(session, hand.held.id)
    again = await Hand.claimed(place)
    renewed = await _published(again)
    assert renewed.vod_id == item.vod_id
    assert await place.is_shown(renewed)
    assert (await _read_back(again, renewed)).equal


async def _call(hand: Hand, name: str, item: Item, ledger: Ledger) -> Item:
    if name == "withdraw":
        withdrawn: Item = await hand.publisher.withdraw(item, ledger)
        return withdrawn
    called: Item = await getattr(hand.publisher, name)(hand.work, item, ledger)
    return called


async def _resolved(hand: Hand) -> Item:
    async def shows() -> KnownShows:
        return KnownShows((), NONE)

    found = await hand.publisher.resolve(hand.work, shows)
    assert isinstance(found, Found), found
    return found.item.after(hand.publisher.item_type.of_stored(hand.held.item))


async def _published(hand: Hand) -> Item:
    item = await _resolved(hand)
    item = await hand.publisher.ensure(hand.work, item, hand.ledger)
    item = await hand.publisher.put_captions(hand.work, item, hand.ledger)
    await _accepted(hand, item)
    item = await hand.publisher.start(hand.work, item, hand.ledger)
    return await _done(hand, item)


async def _accepted(hand: Hand, item: Item) -> None:
    for _ in range(_LOOKS):
        if await hand.publisher.accepted(hand.work, item) is Accepted.YES:
            return
        await hand.place.wait()
    raise AssertionError("the captions were never taken into use")


async def _done(hand: Hand, item: Item) -> Item:
    """The item as it is when the programme is complete."""
    for _ in range(_LOOKS):
        await hand.place.wait()
        seen = await hand.publisher.poll(item)
        item = seen.item or item
        if seen.state is State.DONE:
            assert seen.url, "what is shown has an address"
            return item
    raise AssertionError(f"the programme was never complete: {seen}")


async def _read_back(hand: Hand, item: Item, *, equal: bool = True) -> ReadBack:
    """What is shown, once it is as told, or after so long that it never will be: a server may take its time."""
    read = None
    for _ in range(_LOOKS):
        read = await hand.publisher.verify(hand.work, item)
        if read is not None and read.equal is equal:
            return read
        await hand.place.wait()
    assert read is not None, "no captions are shown"
    return read
