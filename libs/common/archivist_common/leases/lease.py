"""Leases on rows that workers claim: who may write a row, until when, and what becomes of it afterwards.

    pending ──claim──▶ processing ──ended──▶ …
       ▲                   │  └────failed──▶ failed
       └─ release, expiry, failure worth a retry

A claim bumps the fencing token. Every later write names its claim; one that finds another token, owner or status
changes nothing and raises Fenced. What else a job, a chunk or a publication does is in their own modules; a sync,
which has neither owner nor expiry, keeps to the fence alone. All times are the database's.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

from sqlalchemy import (
    ColumnElement,
    Interval,
    String,
    Update,
    bindparam,
    case,
    func,
    literal_column,
    select,
    type_coerce,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession

from archivist_common.database.clock import database_in, database_now
from archivist_common.database.models import Base, Leased
from archivist_common.database.text import storable
from archivist_common.errors import ArchivistError, Fenced
from archivist_common.leases.retry import decide

_WAITING, _RUNNING, _FAILED, _CANCELLED = "pending", "processing", "failed", "cancelled"
_FRESH = {"synchronize_session": False, "populate_existing": True}


class Claim(Protocol):
    """A claimed row. token: what the columns of the fence held when it was claimed. As text: whose lease it is."""

    @property
    def id(self) -> Any: ...

    @property
    def token(self) -> tuple[Any, ...]: ...


@dataclass(frozen=True)
class Fence:
    """Which row a claim may write: its own, while it has this status and its token columns are those of the claim."""

    table: type[Base]
    running: str = _RUNNING
    token: tuple[str, ...] = ("attempt", "lease_owner")

    def update(self) -> Update:
        """An UPDATE of the claimed row alone, to be run by `execute`."""
        return update(self.table).where(*self.conditions())

    def conditions(self) -> tuple[ColumnElement[bool], ...]:
        columns = self.table.__table__.c
        ours = (columns[name] == bindparam(f"claim_{name}") for name in self.token)
        return (columns.id == bindparam("claim_id"), columns.status == self.running, *ours)

    def parameters(self, claim: Claim) -> dict[str, Any]:
        named = zip(self.token, claim.token, strict=True)
        return {"claim_id": claim.id} | {f"claim_{name}": value for name, value in named}


@dataclass(frozen=True)
class Lease(Fence):
    """A fence whose claims have an owner and expire. Its methods give the values of the columns.

    cancel: rows that are to end rather than wait again. ended_at: the column of when a row reached a last status.
    """

    table: type[Leased]
    cancel: ColumnElement[bool] | None = None
    ended_at: str | None = None

    def claimed(self) -> Update:
        """An UPDATE that claims a row locked while it was due, to be run by `claim`."""
        return (
            update(self.table)
            .where(self.table.__table__.c.id == bindparam("claim_id"))
            .values(
                status=_RUNNING,
                attempt=self.table.attempt + 1,
                lease_owner=bindparam("claim_owner"),
                lease_expires_at=func.clock_timestamp() + bindparam("claim_lease", type_=Interval),
            )
        )

    def renewed(self, lease: timedelta) -> dict[str, Any]:
        return {"lease_expires_at": database_in(lease)}

    def ended(self, status: Any) -> dict[str, Any]:
        """No longer claimed. status: a word, or what PostgreSQL makes of the row."""
        values = {"status": status, "lease_owner": None, "lease_expires_at": None}
        if self.ended_at is not None:
            values[self.ended_at] = case((type_coerce(status, String) == _WAITING, None), else_=database_now())
        return values

    def released(self) -> dict[str, Any]:
        """Due again at once, charged with nothing."""
        status = _WAITING if self.cancel is None else case((self.cancel, _CANCELLED), else_=_WAITING)
        return {**self.ended(status), "available_at": database_now()}

    def failed(
        self,
        error: ArchivistError,
        wait: timedelta,
        *,
        final: bool = False,
        uncharged: ColumnElement[bool] | None = None,
    ) -> dict[str, Any]:
        """Due again after a wait, or failed, as `retry.decide` has it; counted.

        final: not retried. uncharged: rows retried without being charged, as nothing of them was running.
        """
        decision = decide(self.table, error, final=final)
        again, counts = decision.again, dict(decision.counts)
        if uncharged is not None:
            again = uncharged | again
            counts = {name: case((uncharged, getattr(self.table, name)), else_=to) for name, to in counts.items()}
        cancelled = [] if self.cancel is None else [(self.cancel, _CANCELLED)]
        return {
            **self.ended(case(*cancelled, (again, _WAITING), else_=_FAILED)),
            **counts,
            "available_at": database_in(wait),
            "error_code": error.code,
            "error_message": storable(error.message),
        }


async def claim(session: AsyncSession, statement: Any, row_id: Any, owner: str, lease: timedelta) -> Any:
    """Claim a row that the caller has locked; what it returns. statement: begun by `Lease.claimed`."""
    parameters = {"claim_id": row_id, "claim_owner": owner, "claim_lease": lease}
    return (await session.execute(statement, parameters, execution_options=_FRESH)).one()


async def write(
    session: AsyncSession, fence: Fence, claim: Claim, values: Mapping[str, Any], returning: Any = None
) -> Any:
    """Write a claimed row; what it returns. Raises Fenced."""
    wanted = literal_column("true") if returning is None else returning
    return await execute(session, fence, claim, fence.update().values(**values).returning(wanted))


async def execute(
    session: AsyncSession, fence: Fence, claim: Claim, statement: Any, parameters: Mapping[str, Any] | None = None
) -> Any:
    """As `write`, for a statement begun by `Fence.update`: it can be built once."""
    named = {**fence.parameters(claim), **(parameters or {})}
    row = (await session.execute(statement, named, execution_options=_FRESH)).one_or_none()
    if row is None:
        raise Fenced(f"{claim} has lost its lease")
    return row[0]


async def lock(session: AsyncSession, fence: Fence, claim: Claim) -> None:
    """Lock a claimed row until the transaction ends. Raises Fenced."""
    mine = select(fence.table.__table__.c.id).where(*fence.conditions()).with_for_update()
    if await session.scalar(mine, fence.parameters(claim)) is None:
        raise Fenced(f"{claim} has lost its lease")


async def release_unknown(
    session: AsyncSession, of: Lease, owner: str, *returning: Any, known: Collection[Any] = ()
) -> Sequence[Any]:
    """Release what an owner has claimed and does not know of: the response to its claim was lost.

    known: ids of the rows that it does know of.
    """
    table = of.table
    theirs = (table.lease_owner == owner, table.status == _RUNNING, table.__table__.c.id.not_in(known))
    statement = update(table).where(*theirs).values(**of.released()).returning(*returning)
    return (await session.execute(statement, execution_options=_FRESH)).all()


async def expire(
    session: AsyncSession,
    of: Lease,
    lease: timedelta,
    error: ArchivistError,
    *returning: Any,
    uncharged: ColumnElement[bool] | None = None,
    beside: type[Base] | None = None,
) -> Sequence[Any]:
    """Requeue, or fail, rows whose lease has expired. A row that another transaction has locked is left for later.

    While the database has been up for less than a lease none expires, so that its restart does not orphan every
    running job at once. beside: a table referred to, whose row is locked too.
    """
    table = of.table
    overdue = select(table.__table__.c.id).select_from(table)
    if beside is not None:
        overdue = overdue.join(beside)
    overdue = overdue.where(
        table.status == _RUNNING,
        table.lease_expires_at < database_now(),
        func.pg_postmaster_start_time() < database_in(-lease),
    ).with_for_update(skip_locked=True, of=(table,) if beside is None else (table, beside))
    values = of.failed(error, timedelta(), uncharged=uncharged)
    statement = update(table).where(table.__table__.c.id.in_(overdue)).values(**values).returning(*returning)
    return (await session.execute(statement, execution_options=_FRESH)).all()
