"""What follows from a request about a publication: the whole table, tried on a real PostgreSQL."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select, update
from tests.common.conftest import Captioned

from archivist_common.database.clock import database_in, database_now
from archivist_common.database.engine import Database
from archivist_common.database.models import CaptionVersion, OutboxEvent, Publication
from archivist_common.errors import Conflict
from archivist_common.events import outbox
from archivist_common.publishing import automatic, decisions, requests, targets, versions
from archivist_common.publishing.decisions import Outcome, RequestKind, Situation
from archivist_common.publishing.options import APPROVAL_NEEDED, DRY_RUN, SIDECARS_UNSUPPORTED, PublishOptions
from archivist_common.publishing.requests import PublicationRequest
from archivist_common.states import PublicationStatus

KEEP, REFUSE, RECORD, BEGIN = Outcome.KEEP, Outcome.REFUSE, Outcome.RECORD, Outcome.BEGIN
DOWN, REMOVE, CHAPTERS, BACK = Outcome.TAKE_DOWN, Outcome.REMOVE, Outcome.CHAPTERS, Outcome.STEP_BACK

# By request, in the order of `Situation`: pending, processing, published, failed, removed | held, held for approval,
# held after a dry run | withdrawal pending, processing, held, failed.
EXPECTED = {
    RequestKind.SAME: [KEEP, KEEP, KEEP, BEGIN, BEGIN, KEEP, KEEP, BEGIN, BEGIN, RECORD, BEGIN, BEGIN],
    RequestKind.SAME_PLAN: [KEEP, KEEP, KEEP, BEGIN, BEGIN, KEEP, KEEP, KEEP, BEGIN, RECORD, BEGIN, BEGIN],
    RequestKind.OTHER: [BEGIN, RECORD, BEGIN, BEGIN, BEGIN, BEGIN, BEGIN, BEGIN, BEGIN, RECORD, BEGIN, BEGIN],
    RequestKind.RETRY: [BEGIN, REFUSE, REFUSE, BEGIN, BEGIN, BEGIN, BEGIN, BEGIN, DOWN, REFUSE, DOWN, DOWN],
    RequestKind.APPROVE: [REFUSE] * 6 + [BEGIN, BEGIN] + [REFUSE] * 4,
    RequestKind.WITHDRAW: [DOWN, RECORD, DOWN, DOWN, KEEP, DOWN, DOWN, DOWN, KEEP, KEEP, KEEP, DOWN],
    RequestKind.WITHDRAW_UNBEGUN: [
        *(REMOVE, RECORD, REMOVE, REMOVE, KEEP, REMOVE, REMOVE, REMOVE),
        *(KEEP, KEEP, KEEP, REMOVE),
    ],
    RequestKind.ROLLBACK: [BEGIN, RECORD, BEGIN, BEGIN, REFUSE, BEGIN, BEGIN, BEGIN, *([REFUSE] * 4)],
    RequestKind.SHOW_LINKED: [KEEP, KEEP, KEEP, BEGIN, KEEP, BEGIN, KEEP, KEEP, KEEP, KEEP, DOWN, DOWN],
    RequestKind.CHAPTERS_EDITED: [BACK, RECORD, CHAPTERS, *([RECORD] * 9)],
}
_COLUMNS: dict[Situation, dict[str, Any]] = {
    Situation.PENDING: {"status": "pending", "stage": "follow"},
    Situation.PROCESSING: {"status": "processing", "stage": "follow"},
    Situation.PUBLISHED: {"status": "published", "stage": "metadata"},
    Situation.FAILED: {"status": "failed", "stage": "resolve", "error_code": "CAPTIONS_REFUSED"},
    Situation.REMOVED: {"status": "removed", "stage": "withdraw"},
    Situation.HELD: {"status": "held", "stage": "resolve", "error_code": "NO_SHOW"},
    Situation.FOR_APPROVAL: {"status": "held", "stage": "resolve", "error_code": APPROVAL_NEEDED, "plan": ["a"]},
    Situation.PLANNED: {"status": "held", "stage": "resolve", "error_code": DRY_RUN, "options": {"dry_run": True}},
    Situation.WITHDRAWING: {"status": "pending", "stage": "withdraw"},
    Situation.WITHDRAWING_NOW: {"status": "processing", "stage": "withdraw"},
    Situation.WITHDRAWAL_HELD: {"status": "held", "stage": "resolve", "error_code": "FEED_BY_PEOPLE"},
    Situation.WITHDRAWAL_FAILED: {"status": "failed", "stage": "resolve", "error_code": "TARGET_FAILED"},
}


def test_every_request_has_an_outcome_in_every_situation() -> None:
    assert set(decisions.TABLE) == set(Situation)
    assert all(set(row) == set(RequestKind) for row in decisions.TABLE.values())
    assert set(EXPECTED) == set(RequestKind)


@pytest.mark.parametrize("withdrawing", [False, True])
@pytest.mark.parametrize("code", [None, "NO_SHOW", APPROVAL_NEEDED, DRY_RUN, SIDECARS_UNSUPPORTED])
@pytest.mark.parametrize("status", PublicationStatus)
def test_every_row_of_publications_is_in_some_situation(
    status: PublicationStatus, code: str | None, withdrawing: bool
) -> None:
    found = decisions.situation(status, code, withdrawing=withdrawing)
    assert found.value.startswith("withdrawal") is (withdrawing and status is not PublicationStatus.REMOVED)
    if not withdrawing:
        assert found.value.startswith(status)


@pytest.mark.parametrize("kind", RequestKind)
async def test_what_the_table_says_is_what_becomes_of_the_row(
    kind: RequestKind, db: Database, captioned: Captioned, user: Callable[..., Awaitable[int]]
) -> None:
    async with db.transaction() as session:
        await targets.report(
            session, "cablecast", "cablecast", capabilities={}, credentials_sha256=None, automatic=False
        )
    clerk = await user(db)
    seen = []
    for number, situation in enumerate(Situation):
        path = f"{number}.mp4"
        job_id = await captioned(db, path=path)
        publication_id = await _publication(db, job_id, situation, kind)
        before = await _row(db, publication_id)
        try:
            await _make_request(db, kind, publication_id, job_id, path, clerk)
        except Conflict:
            assert await _row(db, publication_id) == before
            seen.append(REFUSE)
            continue
        seen.append(_outcome(before, await _row(db, publication_id)))
    assert dict(zip(Situation, seen, strict=True)) == dict(zip(Situation, EXPECTED[kind], strict=True))


async def _publication(db: Database, job_id: UUID, situation: Situation, kind: RequestKind) -> UUID:
    """A publication with three caption versions, the last that of its transcription, in this situation."""
    async with db.transaction() as session:
        made, _ = await requests.request(session, PublicationRequest("cablecast", job_id))
        first = await session.scalar(select(CaptionVersion).where(CaptionVersion.publication_id == made))
        assert first is not None
        await versions.add(session, made, "0" * 64, "/vault/other.scc", None)
        await versions.add(session, made, first.sha256, first.path, job_id)
        columns = {"failure_count": 2, "vod_id": f"9{job_id}"} | _COLUMNS[situation]
        if columns["status"] == "processing":
            columns |= {"lease_owner": "vod-1", "lease_expires_at": database_in(timedelta(minutes=1))}
        if situation.value.startswith("withdrawal"):
            columns |= {"withdraw_requested_at": database_now()}
        if kind is RequestKind.SAME_PLAN:
            columns |= {"options": {"dry_run": True}}
        if kind is RequestKind.WITHDRAW_UNBEGUN:
            columns |= {"vod_id": None}
        if kind is RequestKind.CHAPTERS_EDITED and situation is Situation.PENDING:
            columns |= {"stage": "metadata"}
        await session.execute(update(Publication).where(Publication.id == made).values(**columns))
    return made


async def _make_request(
    db: Database, kind: RequestKind, publication_id: UUID, job_id: UUID, path: str, clerk: int
) -> None:
    async with db.transaction() as session:
        match kind:
            case RequestKind.SAME | RequestKind.SAME_PLAN | RequestKind.OTHER:
                options = PublishOptions(
                    dry_run=kind is RequestKind.SAME_PLAN, title="Another" if kind is RequestKind.OTHER else None
                )
                await requests.request(session, PublicationRequest("cablecast", job_id, options))
            case RequestKind.RETRY:
                await requests.retry(session, publication_id)
            case RequestKind.APPROVE:
                await requests.approve(session, publication_id, user_id=clerk)
            case RequestKind.WITHDRAW | RequestKind.WITHDRAW_UNBEGUN:
                await requests.withdraw(session, publication_id)
            case RequestKind.ROLLBACK:
                await requests.rollback(session, publication_id)
            case RequestKind.SHOW_LINKED:
                await automatic.show_linked(session, "flex-1", path)
            case RequestKind.CHAPTERS_EDITED:
                await automatic.chapters_edited(session, job_id)


async def _row(db: Database, publication_id: UUID) -> dict[str, Any]:
    """All its columns, and how many events say that it is due."""
    async with db.transaction() as session:
        table = Publication.__table__
        found = (await session.execute(select(table).where(table.c.id == publication_id))).mappings().one()
        events = await session.scalar(
            select(func.count()).where(
                OutboxEvent.event == outbox.PUBLICATION_QUEUED,
                OutboxEvent.data["publication_id"].astext == str(publication_id),
            )
        )
    return {**found, "events": events}


def _outcome(before: dict[str, Any], after: dict[str, Any]) -> Outcome:
    """Which outcome was carried out, by what changed."""
    if after == before:
        return KEEP
    is_queued = after["events"] == before["events"] + 1
    begun_anew = is_queued and after["failure_count"] == 0 and after["error_code"] is None and after["plan"] is None
    match after["status"], after["stage"]:
        case "pending", "resolve" if begun_anew and after["withdraw_requested_at"] is None:
            return BEGIN
        case "pending", "withdraw" if begun_anew and after["withdraw_requested_at"] is not None:
            return DOWN
        case "pending", "chapters" if is_queued and before["status"] == "published":
            return CHAPTERS
        case "pending", "chapters" if not is_queued and before["stage"] == "metadata":
            return BACK
        case "removed", _ if before["status"] != "removed" and not is_queued:
            return REMOVE
    wanted = {"options", "version", "transcription_id", "withdraw_requested_at", "user_id"}
    assert {name for name in after if after[name] != before[name]} <= wanted, (before, after)
    return RECORD
