"""Which show a recording is: a rule finds it, a person says it, and the person is right."""

from collections.abc import Awaitable, Callable
from uuid import UUID

from archivist_common.chapters import store
from archivist_common.database.engine import Database
from archivist_common.shows import links

Captioned = Callable[..., Awaitable[UUID]]
User = Callable[..., Awaitable[int]]
PLACE = ("flex-1", "17837-1-Council.mp4")


async def test_what_a_rule_found_is_kept_with_its_reasons_and_found_anew(db: Database) -> None:
    async with db.transaction() as session:
        assert await links.of_recording(session, *PLACE) is None
        await links.link_by_rule(session, *PLACE, 17_836, 80, ["title"])
        await links.link_by_rule(session, *PLACE, 17_837, 100, ["number in the file name", "title"])
        link = await links.of_recording(session, *PLACE)
    assert link is not None
    assert (link.show_id, link.score, link.by_person) == (17_837, 100, False)
    assert link.reasons == ("number in the file name", "title")


async def test_a_persons_word_takes_the_place_of_a_rules_and_is_never_overruled(db: Database, user: User) -> None:
    otto = await user(db, "operator")
    async with db.transaction() as session:
        await links.link_by_rule(session, *PLACE, 17_837, 100, ["title"])
        await links.link(session, *PLACE, 4_120, user_id=otto)
        await links.link_by_rule(session, *PLACE, 17_837, 100, ["title"])
        link = await links.of_recording(session, *PLACE)
        assert link is not None
        assert (link.show_id, link.score, link.by_person, link.linked_by) == (4_120, None, True, otto)
        await links.link(session, *PLACE, 4_121, user_id=otto)
        assert (await links.of_recording(session, *PLACE)).show_id == 4_121


async def test_a_link_forgotten_is_a_rules_to_find_again(db: Database, user: User) -> None:
    otto = await user(db, "operator")
    async with db.transaction() as session:
        await links.link(session, *PLACE, 4_120, user_id=otto)
        assert await links.unlink(session, *PLACE) is True
        assert await links.unlink(session, *PLACE) is False
        await links.link_by_rule(session, *PLACE, 17_837, 100, ["title"])
        link = await links.of_recording(session, *PLACE)
    assert (link.show_id, link.linked_by) == (17_837, None)


async def test_edited_chapters_stay_whatever_the_rules_find_until_they_are_forgotten(
    db: Database, captioned: Captioned, user: User
) -> None:
    job_id, otto = await captioned(db), await user(db, "operator")
    rules = [(0, "Start", "start"), (61_000, "Roll call", "roll-call")]
    async with db.transaction() as session:
        assert await store.of_transcription(session, job_id) is None
        await store.keep(session, job_id, rules)
        stored = await store.of_transcription(session, job_id)
        assert (stored.rows, stored.edited) == (tuple(rules), None)
        await store.edit(session, job_id, [(5_000, "Call to order", "other")], user_id=otto)
        await store.keep(session, job_id, rules)
        stored = await store.of_transcription(session, job_id)
        assert (stored.rows, stored.edited_by) == (((5_000, "Call to order", "other"),), otto)
        assert stored.edited is not None
        await store.forget(session, job_id)
        assert await store.of_transcription(session, job_id) is None
