"""What people say while a programme is on its way or published: other chapters, which show it is."""

from collections.abc import Sequence
from uuid import UUID

from tests.vod.world import World

from archivist_common.chapters import store
from archivist_common.maintenance import invariants
from archivist_common.publishing import automatic
from archivist_common.shows import links
from archivist_common.states import PublicationStatus

OTTO = 1
"""The station has a person."""
NAME = "4120-1-Harbor City Council (20261118).mp4"


async def council(world: World) -> None:
    """A show whose recording lies in its store."""
    file = {"store": "Flex 1", "name": NAME, "length_s": 600}
    day = "2026-11-18T00:00:00-06:00"
    await world.show(id=4120, title="Harbor City Council 2026-11-18", eventDate=day, file=file)


async def write(world: World, job: UUID, rows: Sequence[tuple[int, str, str]]) -> None:
    async with world.db.transaction() as session:
        await store.edit(session, job, rows, user_id=OTTO)
        await automatic.chapters_edited(session, job)


async def shown(world: World) -> list[tuple[int, str]]:
    rows = await world.sim.control.objects("chapters")
    return sorted((row["offset"], row["title"]) for row in rows if not row["deleted"])


async def broken(world: World) -> list[str]:
    async with world.db.transaction() as session:
        found = await invariants.violations(session, world.deps.lease)
    ours = {"I4", "I8", "I16", "LEASE", "VERIFIED", "EFFECTS", "VERSIONS"}
    return [row for one in found if one.invariant.id in ours for row in one.rows]


async def test_edited_chapters_take_the_place_of_those_that_stand_there_and_nothing_else_changes(
    world: World,
) -> None:
    await council(world)
    before = await world.published(NAME)
    assert before.status is PublicationStatus.PUBLISHED
    assert before.transcription_id is not None
    found, uploads = await shown(world), len(await world.calls("POST", "fileuploads"))
    assert found
    mine = [(0, "Start", ""), (30_000, "Water tower", "")]
    await write(world, before.transcription_id, mine)
    after = await world.drive(before.id)
    assert (after.status, after.vod_id, after.version) == (PublicationStatus.PUBLISHED, before.vod_id, before.version)
    assert await shown(world) == [(0, "Start"), (30, "Water tower")]
    await write(world, before.transcription_id, [])
    await world.drive(before.id)
    assert await shown(world) == []
    async with world.db.transaction() as session:
        await store.forget(session, before.transcription_id)
        await automatic.chapters_edited(session, before.transcription_id)
    await world.drive(before.id)
    assert await shown(world) == found
    assert len(await world.vods()) == 1
    assert len(await world.calls("POST", "fileuploads")) == uploads
    assert await broken(world) == []
    await world.check()


async def test_chapters_edited_while_it_is_on_its_way_are_the_ones_that_stand_there(world: World) -> None:
    await council(world)
    job = await world.captioned(NAME)
    publication = await world.ask(job)
    await world.drive(publication, until=["verify", "chapters", "metadata"])
    await write(world, job, [(12_000, "Roll call", "")])
    assert (await world.drive(publication)).status is PublicationStatus.PUBLISHED
    assert await shown(world) == [(12, "Roll call")]
    assert await broken(world) == []


async def test_a_show_that_a_person_names_sets_going_what_waited_for_that(world: World) -> None:
    await council(world)
    job = await world.captioned("Morning.mp4")
    held = await world.drive(await world.ask(job))
    assert held.status is PublicationStatus.HELD
    async with world.db.transaction() as session:
        await links.link(session, held.storage, held.path, 4120, user_id=OTTO)
        await automatic.show_linked(session, held.storage, held.path)
    again = await world.drive(held.id)
    assert (again.show_id, again.error_code == held.error_code) == (4120, False)
