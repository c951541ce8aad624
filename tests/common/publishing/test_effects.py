"""The ledger of changes made elsewhere: written once, in doubt until it is settled."""

from collections.abc import Awaitable, Callable
from uuid import UUID

import pytest_asyncio

from archivist_common.database.engine import Database
from archivist_common.publishing import effects, requests, targets
from archivist_common.states import EffectState

Captioned = Callable[..., Awaitable[UUID]]


@pytest_asyncio.fixture(loop_scope="session")
async def publication(db: Database, captioned: Captioned) -> UUID:
    job_id = await captioned(db)
    async with db.transaction() as session:
        await targets.report(
            session, "cablecast", "cablecast", capabilities={}, credentials_sha256=None, automatic=False
        )
        return (await requests.request(session, requests.PublicationRequest("cablecast", job_id)))[0]


async def test_a_change_is_written_down_once_and_found_again(db: Database, publication: UUID) -> None:
    async with db.transaction() as session:
        first = await effects.intend(session, publication, 1, "vod:4120:2")
        again = await effects.intend(session, publication, 2, "vod:4120:2")
    assert (first.is_new, again.is_new) == (True, False)
    assert (again.id, again.state, again.tries) == (first.id, EffectState.INTENDED, 1)


async def test_what_is_confirmed_carries_the_other_sides_id_and_is_doubted_no_more(
    db: Database, publication: UUID
) -> None:
    async with db.transaction() as session:
        entry = await effects.intend(session, publication, 1, "vod:4120:2")
        assert await effects.unsettled(session) == 1
        await effects.mark_unknown(session, entry)
        assert (await effects.of_publication(session, publication))[0].state is EffectState.UNKNOWN
        await effects.confirm(session, entry, "913")
        await effects.mark_unknown(session, entry)
        (found,) = await effects.of_publication(session, publication)
        assert (found.state, found.external_id) == (EffectState.CONFIRMED, "913")
        assert await effects.unsettled(session) == 0


async def test_trying_again_is_counted_and_forgetting_makes_it_possible(db: Database, publication: UUID) -> None:
    async with db.transaction() as session:
        entry = await effects.intend(session, publication, 1, "upload:1")
        await effects.note(session, entry, {"upload": 7})
        await effects.mark_unknown(session, entry)
        await effects.intend_again(session, entry, 2)
        (found,) = await effects.of_publication(session, publication)
        assert (found.state, found.tries, found.note) == (EffectState.INTENDED, 2, {"upload": 7})
        await effects.confirm(session, entry, "7")
        await effects.forget(session, publication, "upload:1")
        assert await effects.of_publication(session, publication) == []
        assert (await effects.intend(session, publication, 3, "upload:1")).is_new


async def test_a_confirmed_change_is_not_tried_again(db: Database, publication: UUID) -> None:
    async with db.transaction() as session:
        entry = await effects.intend(session, publication, 1, "vod:4120:2")
        await effects.confirm(session, entry, "913")
        await effects.intend_again(session, entry, 2)
        (found,) = await effects.of_publication(session, publication)
    assert (found.state, found.external_id, found.tries) == (EffectState.CONFIRMED, "913", 1)


async def test_they_are_listed_in_the_order_asked_for_by_how_their_keys_begin(
    db: Database, publication: UUID
) -> None:
    async with db.transaction() as session:
        for key in ("chapter:b", "vod:1", "chapter:a", "chapter%"):
            await effects.intend(session, publication, 1, key)
        chapters = await effects.of_publication(session, publication, "chapter:")
        assert [one.key for one in chapters] == ["chapter:b", "chapter:a"]
        assert [one.key for one in await effects.of_publication(session, publication, "chapter%")] == ["chapter%"]
        assert len(await effects.of_publication(session, publication)) == 4
