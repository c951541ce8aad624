"""Effects ledger: changes at a target, each made once, whatever becomes of the answer or of us (decision 0018).

Recorded as intended, then requested, then confirmed. Where no answer came, or the process that began it died, it is
looked up twice, some seconds apart, before it is requested again: the target may still be at it.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from archivist_common import failpoints
from archivist_common.database.engine import Database
from archivist_common.errors import OutcomeUnknown
from archivist_common.leases.keeper import LeaseKeeper
from archivist_common.publishing import effects
from archivist_common.publishing.effects import LedgerEntry
from archivist_common.publishing.lifecycle import PublicationClaim
from archivist_common.states import EffectState

_TRIES = 6
"""Requests of one attempt for the same change; before each, it was looked up and not found."""


class EffectLedger:
    """The ledger of one attempt at one publication.

    sleep, apart_s: the two looks for what may be there are so many seconds apart.
    """

    def __init__(
        self,
        db: Database,
        claim: PublicationClaim,
        keeper: LeaseKeeper,
        sleep: Callable[[float], Awaitable[None]],
        apart_s: float,
    ) -> None:
        self._db = db
        self._claim = claim
        self._keeper = keeper
        self._sleep = sleep
        self._apart_s = apart_s
        self.warnings: dict[str, str] = {}

    async def once(
        self,
        key: str,
        *,
        do: Callable[[], Awaitable[str]],
        look: Callable[[], Awaitable[Sequence[str]]],
        what: str,
        look_first: bool = True,
    ) -> str:
        entry = await self._intend(key)
        if entry.state is EffectState.CONFIRMED and entry.external_id is not None:
            return entry.external_id
        if not entry.is_new:
            found = await self._look_up_twice(look)
        else:
            found = await look() if look_first else ()
        for tried in range(_TRIES):
            if found:
                self._warn_of_duplicates(what, found, found[0])
                return await self._confirm(entry, found[0])
            if tried or not entry.is_new:
                async with self._db.transaction() as session:
                    await effects.intend_again(session, entry, self._claim.attempt)
            failpoints.reach("effect-intended")
            self._keeper.require()  # as late as can be
            try:
                made = await do()
            except OutcomeUnknown:
                async with self._db.transaction() as session:
                    await effects.mark_unknown(session, entry)
                found = await self._look_up_twice(look)
                continue
            failpoints.reach("effect-done")
            await self._confirm(entry, made)
            if look_first:
                self._warn_of_duplicates(what, await look(), made)
            return made
        raise OutcomeUnknown(f"{what}: requested {_TRIES} times without an answer, and not found")

    async def change(self, key: str, do: Callable[[], Awaitable[None]]) -> None:
        entry = await self._intend(key)
        if entry.state is EffectState.CONFIRMED:
            return
        failpoints.reach("effect-intended")
        self._keeper.require()
        await do()
        failpoints.reach("effect-done")
        await self._confirm(entry, "done")

    async def confirmed(self, key: str) -> str | None:
        return (await self.all_confirmed(key)).get(key)

    async def all_confirmed(self, prefix: str) -> Mapping[str, str]:
        async with self._db.transaction() as session:
            entries = await effects.of_publication(session, self._claim.id, prefix)
        return {
            entry.key: entry.external_id
            for entry in entries
            if entry.state is EffectState.CONFIRMED and entry.external_id is not None
        }

    async def note(self, key: str, what: Mapping[str, Any] | None = None) -> Mapping[str, Any]:
        entry = await self._intend(key)
        if what is None:
            return entry.note
        async with self._db.transaction() as session:
            await effects.note(session, entry, what)
        return what

    async def seen(self, key: str, external_id: str) -> None:
        """It is there, by whichever try: an entry of it is settled, where there is one."""
        async with self._db.transaction() as session:
            await effects.seen(session, self._claim.id, key, external_id)

    async def begun(self, key: str) -> bool:
        async with self._db.transaction() as session:
            return any(entry.key == key for entry in await effects.of_publication(session, self._claim.id, key))

    async def forget(self, key: str) -> None:
        """What was confirmed is not there any more."""
        async with self._db.transaction() as session:
            await effects.forget(session, self._claim.id, key)

    def warn(self, code: str, message: str) -> None:
        self.warnings[code] = message

    def require(self) -> None:
        self._keeper.require()

    async def _intend(self, key: str) -> LedgerEntry:
        async with self._db.transaction() as session:
            return await effects.intend(session, self._claim.id, self._claim.attempt, key)

    async def _confirm(self, entry: LedgerEntry, external_id: str) -> str:
        async with self._db.transaction() as session:
            await effects.confirm(session, entry, external_id)
        return external_id

    async def _look_up_twice(self, look: Callable[[], Awaitable[Sequence[str]]]) -> Sequence[str]:
        found = await look()
        if not found:
            await self._sleep(self._apart_s)
            found = await look()
        return found

    def _warn_of_duplicates(self, what: str, found: Sequence[str], ours: str) -> None:
        others = [one for one in found if one != ours]
        if others:
            self.warn(
                f"DUPLICATE_AT_TARGET {what}",
                f"{what} exists {len(others) + 1} times: {ours} is used; {', '.join(others)} can be deleted there",
            )
