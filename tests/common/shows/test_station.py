"""Who meets at the station, as the database's shows teach it: learnt anew after a sync that changed something."""

from archivist_common.database.clock import database_now
from archivist_common.database.engine import Database
from archivist_common.database.models import CablecastShow, PublishTarget, SyncRun
from archivist_common.shows import queries
from archivist_common.shows.bodies import TitleCount
from archivist_common.shows.station import StationBodies


async def store(db: Database, first: int, *titles: str, gone: bool = False) -> None:
    async with db.transaction() as session:
        for number, title in enumerate(titles, first):
            session.add(CablecastShow(cablecast_id=number, title=title, gone_at=database_now() if gone else None))


async def synced(db: Database, changed: int) -> None:
    async with db.transaction() as session:
        session.add(
            SyncRun(
                target="cablecast", kind="shows", mode="changes", status="completed", added=0, changed=changed, gone=0
            )
        )


async def test_titles_that_differ_in_their_digits_alone_are_counted_as_one(db: Database) -> None:
    await store(db, 1, "Grant Council 4/12/2022", "Grant Council 5/3/2022", "Oakdale Council")
    await store(db, 9, "Gone City Council", "Gone City Council", gone=True)
    async with db.transaction() as session:
        counted = await queries.title_counts(session)
    assert sorted(counted, key=lambda one: one.shows) == [
        TitleCount("Oakdale Council", None, None, 1),
        TitleCount("Grant Council #/#/#", None, None, 2),
    ]


async def test_bodies_are_learnt_once_and_anew_after_a_sync_that_changed_a_show(db: Database) -> None:
    async with db.transaction() as session:
        session.add(PublishTarget(name="cablecast", kind="cablecast"))
    station = StationBodies({"The Lake": ("WBL",)})
    await store(db, 1, "Grant City Council", "Grant City Council")
    first = await station.known(db)
    assert set(first.words) == {"The Lake", "Grant"}
    await store(db, 11, "Oakdale City Council", "Oakdale City Council")
    await synced(db, 0)
    assert await station.known(db) is first
    await synced(db, 2)
    assert set((await station.known(db)).words) == {"The Lake", "Grant", "Oakdale"}
