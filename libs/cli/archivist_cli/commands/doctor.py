"""`archivist doctor`: every invariant and every plain check on a live system; what is broken, and what to do."""

import argparse
import asyncio
import json
import shutil
import textwrap
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import partial
from pathlib import Path

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from archivist_cli import config
from archivist_cli.local import data_folder
from archivist_cli.local.errors import StackError
from archivist_common.database import migrate
from archivist_common.database.clock import database_now
from archivist_common.database.engine import Database, engine
from archivist_common.database.models import OutboxEvent, QueueControl, Transcription, Worker
from archivist_common.errors import ArchivistError, DeadlineExceeded, SchemaMismatch
from archivist_common.events.notify import Notifier
from archivist_common.jobs import workers
from archivist_common.maintenance import committed_files, invariants, limits
from archivist_common.maintenance.invariants import INVARIANTS, Violation
from archivist_common.settings import CommonSettings, read
from archivist_common.states import JobStatus
from archivist_common.storage.client import StorageClient, StorageServer
from archivist_common.storage.mounts import MountKind

RELAYED_WITHIN_S = 30  # the reconciler relays every five seconds
_OLDEST_POSTGRES = 15
_NEWEST_FILES = 500
_LOOK_AGAIN = timedelta(seconds=4)
_SHOWN_ROWS = 3
_OUTPUT = "output"


class Health(StrEnum):
    OK = "ok"
    NOTE = "note"
    """Nothing is wrong; a person should know."""
    BROKEN = "BROKEN"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found. to_do: what to do about it, empty where there is nothing to do."""

    name: str
    health: Health
    said: str
    to_do: str = ""


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "doctor",
        help="check a running system and say what is broken",
        description="Ask every invariant of the queue and its files, the schema, workers, mounts and outputs of a "
        "running system. Reads only. Exits 1 when something is broken.",
    )
    parser.add_argument("--data", type=Path, metavar="DIR", help="the data folder of a running `archivist up`")
    parser.add_argument("--all-files", action="store_true", help=f"hash every output, not the newest {_NEWEST_FILES}")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    findings = asyncio.run(examine(_settings(options.data), all_files=options.all_files))
    broken = sum(finding.health is Health.BROKEN for finding in findings)
    if options.json:
        print(json.dumps({"broken": broken, "findings": [asdict(finding) for finding in findings]}, indent=2))
    else:
        for line in _table(findings):
            print(line)
    return 1 if broken else 0


async def examine(settings: CommonSettings, *, all_files: bool = False) -> list[Finding]:
    """Every finding. A database that cannot be asked is the only one then, beside Redis and the mounts."""
    outside = [asyncio.create_task(_redis(settings)), asyncio.create_task(_mounts(settings))]
    findings = await _database(settings, all_files)
    for found in await asyncio.gather(*outside):
        findings += found
    return findings


def _settings(data: Path | None) -> CommonSettings:
    """Those of the environment, or of the stack that runs on the data folder."""
    if data is None and "DATABASE_URL" in config.settings():
        return read(CommonSettings)
    where = config.data_folder(data)
    running = data_folder.running(where)
    if running is None or not running.database_url:
        raise StackError(f"set DATABASE_URL, or start `archivist up`: nothing runs on {where}")
    fields = CommonSettings.model_fields
    noted = {
        name.lower() if name.lower() in fields and fields[name.lower()].validation_alias is None else name: value
        for name, value in running.settings.items()
    }
    return read(CommonSettings, database_url=running.database_url, redis_url=running.redis_url, **noted)


@asynccontextmanager
async def _connected(settings: CommonSettings) -> AsyncIterator[Database]:
    db = Database(engine(settings.database_dsn, 2, 0, "archivist-doctor"))
    try:
        yield db
    finally:
        await db.close()


async def _database(settings: CommonSettings, all_files: bool) -> list[Finding]:
    async with _connected(settings) as db:
        try:
            await db.ping(timedelta(seconds=5))
        except ArchivistError as exc:
            to_do = "Start PostgreSQL; is DATABASE_URL right? Jobs are safe meanwhile, and go on when it is back."
            return [Finding("database", Health.BROKEN, exc.message, to_do)]
        async with db.transaction() as session:
            version = (
                int(await session.scalar(text("SELECT current_setting('server_version_num')::int")) or 0) // 10_000
            )
        findings = [
            Finding("database", Health.OK, f"PostgreSQL {version}")
            if version >= _OLDEST_POSTGRES
            else Finding(
                "database", Health.BROKEN, f"PostgreSQL {version}", f"Upgrade to {_OLDEST_POSTGRES} or later."
            )
        ]
        try:
            await migrate.check(db)
            findings.append(Finding("schema", Health.OK, migrate.head()))
        except SchemaMismatch as exc:
            return [*findings, Finding("schema", Health.BROKEN, exc.message, "Run archivist-migrate.")]
        async with db.transaction() as session:
            findings += [await _workers(session), await _reconciler(session), await _queue(session)]
            findings += [await _connections(session, settings), await _job_timeout(session, settings.job_timeout)]
        findings += await _invariants(db, settings.job_lease)
        findings += await _files(db, settings.default_output_path, all_files)
    return findings


async def _workers(session: AsyncSession) -> Finding:
    rows = await workers.states(session)
    live = [row for row in rows if row.is_live]
    ready = [row for row in live if row.ready]
    if not ready:
        why = "; ".join(f"{row.id}: {row.reason or 'starting'}" for row in live)
        why = why or f"none has sent a heartbeat for {workers.WORKER_GONE.total_seconds():g} s"
        return Finding(
            "workers", Health.BROKEN, why, "Start archivist-transcriber; its log says why it is not ready."
        )
    slots, free = sum(row.slots for row in ready), sum(row.free_slots for row in ready)
    said = f"{len(ready)} ready, {free} of {slots} slots free"
    silent = len(rows) - len(ready)
    if silent:
        return Finding("workers", Health.NOTE, f"{said}; {silent} silent or not ready", "Were they meant to stop?")
    return Finding("workers", Health.OK, said)


async def _connections(session: AsyncSession, settings: CommonSettings) -> Finding:
    """What the pools of all processes may open, beside what the database allows."""
    pool, overflow = settings.database_pool_size, settings.database_max_overflow
    found = await limits.connections(session, pool, overflow, len(await _hosts(session)))
    said = f"{found.processes} processes may open {found.each} each, {found.wanted} of {found.allowed}"
    if found.wanted <= found.allowed:
        return Finding("connections", Health.OK, said)
    to_do = (
        f"Set DATABASE_POOL_SIZE and DATABASE_MAX_OVERFLOW to {found.allowed // found.processes} together, or "
        f"max_connections of PostgreSQL {found.wanted - found.allowed} higher."
    )
    return Finding("connections", Health.NOTE, said, to_do)


async def _job_timeout(session: AsyncSession, limit: timedelta | None) -> Finding:
    machines = [(slots, await limits.measured_speed(session, host)) for host, slots in await _hosts(session)]
    if why := limits.short_job_timeout(limit, machines):
        return Finding("job timeout", Health.NOTE, why, "Raise JOB_TIMEOUT, or leave it unset.")
    said = "not set: by the recording's length" if limit is None else f"{limit} is enough for a long recording"
    return Finding("job timeout", Health.OK, said)


async def _hosts(session: AsyncSession) -> list[tuple[str, int]]:
    """Machine and slots of each transcriber that has reported itself."""
    rows = await session.execute(select(Worker.host, Worker.slots).where(workers.is_live()))
    return [(host, slots) for host, slots in rows]


async def _reconciler(session: AsyncSession) -> Finding:
    """By what it does: nothing that it relays within seconds is older."""
    count, age_s = (
        await session.execute(
            select(func.count(), func.extract("epoch", database_now() - func.min(OutboxEvent.created_date))).where(
                OutboxEvent.relayed_date.is_(None)
            )
        )
    ).one()
    if count and age_s > RELAYED_WITHIN_S:
        return Finding(
            "reconciler",
            Health.BROKEN,
            f"{count} events wait to be relayed, the oldest for {age_s:.0f} s",
            "With Redis away that is all; workers poll. With Redis up: start a transcriber, vod or monitor.",
        )
    return Finding("reconciler", Health.OK, f"{count} events wait to be relayed")


async def _queue(session: AsyncSession) -> Finding:
    rows = await session.execute(select(Transcription.status, func.count()).group_by(Transcription.status))
    counts = {str(status): int(count) for status, count in rows}
    paused = await session.scalar(select(QueueControl.paused_at).where(QueueControl.paused_at.is_not(None)))
    held = await session.scalar(
        select(func.count()).where(Transcription.paused_at.is_not(None), Transcription.status == JobStatus.PENDING)
    )
    said = (
        f"{counts.get('pending', 0)} waiting, {counts.get('processing', 0)} running, {counts.get('failed', 0)} failed"
    )
    if paused is not None:
        return Finding("queue", Health.NOTE, f"paused since {paused:%Y-%m-%d %H:%M} UTC; {said}", "Resume the queue.")
    if held:
        return Finding("queue", Health.NOTE, f"{said}; {held} of them paused", "Resume those that shall run.")
    return Finding("queue", Health.OK, said)


async def _invariants(db: Database, lease: timedelta) -> list[Finding]:
    """What a moment may show is looked at again, and broken when it is still so."""
    async with db.transaction() as session:
        found = await invariants.violations(session, lease)
    passing = [one for one in found if one.invariant.passing]
    if passing:
        await asyncio.sleep(_LOOK_AGAIN.total_seconds())
        async with db.transaction() as session:
            again = await invariants.violations(session, lease, [one.invariant for one in passing])
        still = {one.invariant.id: set(one.rows) for one in again}
        found = [one for one in found if not one.invariant.passing or still.get(one.invariant.id)]
    broken = {one.invariant.id: one for one in found}
    return [
        _told_of(broken[one.id]) if one.id in broken else Finding(one.id, Health.OK, one.sentence)
        for one in INVARIANTS
    ]


def _told_of(broken: Violation) -> Finding:
    return Finding(broken.invariant.id, Health.BROKEN, _first(broken.rows), broken.invariant.remedy)


async def _files(db: Database, output: Path, all_files: bool) -> list[Finding]:
    async with db.transaction() as session:
        committed = await committed_files.committed(session)
    looked = committed if all_files else committed[-_NEWEST_FILES:]
    scope = f"{len(looked)} of {len(committed)} files"
    before = datetime.now(UTC) - committed_files.LEFT_FOR
    looks = (
        (
            "I6 files",
            partial(committed_files.damaged_files, looked),
            f"{scope} hold what was written",
            "Is the output folder mounted? Restore the files, or submit the recordings again.",
        ),
        (
            "I7 files",
            partial(committed_files.torn_public_files, looked),
            f"{scope} are whole where they are public",
            "Copy the file from the vault over the public one.",
        ),
        (
            "I21 files",
            partial(committed_files.stray_attempts, output, committed, before),
            "no attempt older than a day is left over",
            "A running transcriber sweeps them every hour; if it does not, its log says why.",
        ),
    )
    findings = []
    for name, look, well, to_do in looks:
        rows = await asyncio.to_thread(_rows_of, look)
        findings.append(Finding(name, Health.BROKEN, _first(rows), to_do) if rows else Finding(name, Health.OK, well))
    return findings


def _rows_of(look: Callable[[], Iterator[str]]) -> list[str]:
    try:
        return list(look())
    except OSError as exc:
        return [f"{exc.filename}: {exc.strerror}"]


async def _redis(settings: CommonSettings) -> list[Finding]:
    notifier = Notifier(settings.redis_dsn)
    try:
        memory = await notifier.info("memory")
    except DeadlineExceeded as exc:
        to_do = "Start Redis; is REDIS_URL right? Workers poll the database meanwhile: no job is lost."
        return [Finding("redis", Health.BROKEN, exc.message, to_do)]
    finally:
        await notifier.close()
    policy = memory.get("maxmemory_policy", "noeviction")
    if policy != "noeviction":
        return [Finding("redis", Health.NOTE, f"maxmemory-policy is {policy}", "Set it to noeviction.")]
    return [Finding("redis", Health.OK, "answers")]


async def _mounts(settings: CommonSettings) -> list[Finding]:
    output = StorageServer(_OUTPUT, settings.default_output_path, kind=MountKind.FOLDER)
    async with StorageClient([output, *settings.flex_servers]) as storages:
        states = await asyncio.gather(
            *(storages.state(server, settings.storage_deadline) for server in storages.servers)
        )
    findings = []
    for server, state in zip(storages.servers, states, strict=True):
        is_output = server is output
        name = _OUTPUT if is_output else f"storage {server.name}"
        must_write = is_output or server.beside
        good = state.mounted and state.readable and (state.writable or not must_write)
        if good:
            free = "" if state.free_bytes is None else f", {state.free_bytes / 1024**3:.1f} GB free"
            findings.append(Finding(name, Health.OK, f"{server.path}{free}"))
            continue
        why = state.reason or "cannot be written to"
        to_do = (
            "Make the folder writable for the transcriber, or free space; finished captions wait in the vault."
            if is_output
            else "Mount it again; its jobs wait meanwhile, those of other servers go on."
        )
        findings.append(Finding(name, Health.BROKEN, f"{server.path}: {why}", to_do))
    return findings


def _first(rows: Sequence[str]) -> str:
    more = len(rows) - _SHOWN_ROWS
    return "; ".join(rows[:_SHOWN_ROWS]) + (f"; and {more} more" if more > 0 else "")


def _table(findings: Sequence[Finding]) -> list[str]:
    width = max(len(finding.name) for finding in findings)
    room = max(40, shutil.get_terminal_size((100, 24)).columns - width - 10)
    lines = []
    for finding in findings:
        said = textwrap.wrap(finding.said, room) or [""]
        lines.append(f"{finding.health:<6}  {finding.name:<{width}}  {said[0]}")
        rest = said[1:] + [
            f"→ {line}" if not number else f"  {line}"
            for number, line in enumerate(textwrap.wrap(finding.to_do, room - 2))
        ]
        lines += [f"{'':<6}  {'':<{width}}  {line}" for line in rest]
    broken = sum(finding.health is Health.BROKEN for finding in findings)
    lines.append(f"{broken} broken of {len(findings)} checks" if broken else f"All {len(findings)} checks are well.")
    return lines
