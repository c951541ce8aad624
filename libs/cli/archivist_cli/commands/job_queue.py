"""`archivist queue`: what runs, what waits and until when; move, pause, cancel, retry, clear, and a job's log."""

import argparse
import asyncio
from collections.abc import Awaitable, Callable, Iterator
from datetime import datetime
from typing import Any

from archivist_cli import connection
from archivist_cli.connection import MOST, SHORT, clock, found
from archivist_cli.gateway import Gateway

Job = dict[str, Any]
Action = Callable[[Gateway, argparse.Namespace], Awaitable[int]]


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "queue",
        help="see and order what waits",
        description="See and order the queue of a running Archivist. A job is named by its id or how that begins. "
        f"{connection.WHERE}",
    )
    parser.set_defaults(act=_list, run=run, limit=20)
    connection.add_to(parser)
    actions = parser.add_subparsers(metavar="ACTION")

    def add(name: str, act: Action, about: str) -> argparse.ArgumentParser:
        action = actions.add_parser(name, help=about)
        action.set_defaults(act=act)
        connection.add_to(action)
        return action

    listing = add("list", _list, "what runs and waits, with places and times (without an action, this)")
    listing.add_argument("--limit", type=int, default=20, metavar="N", help="waiting jobs to show (default: 20)")
    front = add("front", _move, "put a job first")
    front.add_argument("job", metavar="JOB")
    front.set_defaults(position=1)
    move = add("move", _move, "give a job a place")
    move.add_argument("job", metavar="JOB")
    move.add_argument("position", type=int, metavar="PLACE", help="counted from 1")
    priority = add("priority", _priority, "give a job another priority")
    priority.add_argument("job", metavar="JOB")
    priority.add_argument("priority", type=int, choices=range(1, 6), help="5 goes first")
    for name, act, about in (
        ("pause", _pause, "pause a job, or the whole queue; chunks under way are finished"),
        ("resume", _resume, "resume it"),
    ):
        add(name, act, about).add_argument("job", metavar="JOB", nargs="?", help="the whole queue if left out")
    add("cancel", _cancel, "cancel jobs").add_argument("jobs", metavar="JOB", nargs="+")
    retry = add("retry", _retry, "retry failed jobs")
    retry.add_argument("jobs", metavar="JOB", nargs="*", help="all that failed if left out")
    clear = add("clear", _clear, "take ended jobs out of the list; nothing is deleted")
    for status in ("completed", "failed", "cancelled"):
        clear.add_argument(
            f"--{status}", dest="statuses", action="append_const", const=status, help="only these (repeatable)"
        )
    add("log", _log, "what happened to a job, oldest first").add_argument("job", metavar="JOB")


def run(options: argparse.Namespace) -> int:
    return asyncio.run(_run(options))


def lines(queue: dict[str, Any], now: datetime) -> Iterator[str]:
    """The queue as a table. now: with the zone in which times are to be shown."""
    if queue["paused"]:
        by = f" by {queue['paused_by']}" if queue["paused_by"] else ""
        yield f"The queue is paused since {clock(queue['paused_since'], now)}{by}."
    speed = queue["speed"]
    pace = "speed not measured yet" if speed is None else f"{speed:.1f} times as fast as spoken"
    ends = queue["estimated_finish"]
    done = "" if ends is None else f"; all done about {clock(ends, now)}"
    yield f"{len(queue['running'])} running, {queue['length']} waiting; {queue['slots']} slots, {pace}{done}"
    jobs = [*queue["running"], *queue["waiting"]]
    if not jobs:
        return
    rows = [("#", "JOB", "PRIO", "STATE", "STARTS", "ENDS", "RECORDING"), *(_row(job, now) for job in jobs)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        yield "  ".join([*cells, row[-1]]).rstrip()
    if (hidden := queue["length"] - len(queue["waiting"])) > 0:
        yield f"… and {hidden} more"


def _row(job: Job, now: datetime) -> tuple[str, ...]:
    state = f"{job['stage'] or 'running'} {job['progress']} %" if job["status"] == "processing" else "waiting"
    if job["cancel_requested"]:
        state = "stopping"
    elif job["paused"]:
        state = f"{state}, paused"
    starts = job["estimated_start"] or job["start_at"]
    return (
        str(job["position"] or "-"),
        job["id"][:SHORT],
        str(job["priority"]),
        state,
        clock(starts, now),
        clock(job["estimated_finish"], now),
        f"{job['storage']}/{job['path']}",
    )


async def _run(options: argparse.Namespace) -> int:
    async with connection.gateway(options) as gateway:
        act: Action = options.act
        return await act(gateway, options)


async def _list(gateway: Gateway, options: argparse.Namespace) -> int:
    await _show(gateway, options.limit)
    return 0


async def _move(gateway: Gateway, options: argparse.Namespace) -> int:
    return await _do(gateway, options.job, "move", position=options.position)


async def _priority(gateway: Gateway, options: argparse.Namespace) -> int:
    await gateway.change(await _live(gateway, options.job), priority=options.priority)
    await _show(gateway)
    return 0


async def _pause(gateway: Gateway, options: argparse.Namespace) -> int:
    return await _pause_or_resume(gateway, options.job, "pause")


async def _resume(gateway: Gateway, options: argparse.Namespace) -> int:
    return await _pause_or_resume(gateway, options.job, "resume")


async def _cancel(gateway: Gateway, options: argparse.Namespace) -> int:
    queue = await gateway.queue(MOST)
    jobs = [*queue["running"], *queue["waiting"]]
    return _print(await gateway.several("cancel", ids=[found(name, jobs) for name in options.jobs]))


async def _retry(gateway: Gateway, options: argparse.Namespace) -> int:
    if not options.jobs:
        return _print(await gateway.several("retry"))
    failed = await gateway.listed("failed", MOST)
    return _print(await gateway.several("retry", ids=[found(name, failed) for name in options.jobs]))


async def _clear(gateway: Gateway, options: argparse.Namespace) -> int:
    body = {"statuses": options.statuses} if options.statuses else {}
    print(f"{(await gateway.several('clear', **body))['cleared']} jobs taken out of the list")
    return 0


async def _log(gateway: Gateway, options: argparse.Namespace) -> int:
    job = found(options.job, (await gateway.request("GET", "/transcriptions", limit=MOST))["items"])
    for entry in (await gateway.request("GET", f"/transcriptions/{job}/log"))["items"]:
        at = datetime.fromisoformat(entry["at"]).astimezone()
        print(f"{at:%Y-%m-%d %H:%M:%S}  {entry['level']:<7}  {entry['message']}")
    return 0


async def _pause_or_resume(gateway: Gateway, job: str | None, action: str) -> int:
    if job is not None:
        return await _do(gateway, job, action)
    await gateway.several(action)
    await _show(gateway)
    return 0


async def _do(gateway: Gateway, job: str, action: str, **body: Any) -> int:
    await gateway.act(await _live(gateway, job), action, **body)
    await _show(gateway)
    return 0


async def _live(gateway: Gateway, name: str) -> str:
    queue = await gateway.queue(MOST)
    return found(name, [*queue["running"], *queue["waiting"]])


async def _show(gateway: Gateway, limit: int = 20) -> None:
    for line in lines(await gateway.queue(limit), datetime.now().astimezone()):
        print(line)


def _print(answer: dict[str, Any]) -> int:
    """One line for each job; 1 where something could not be done."""
    for item in answer["items"]:
        error = item["error"]
        print(f"{item['id']}: {item['status'] if error is None else error['code'] + ': ' + error['message']}")
    return 1 if any(item["error"] for item in answer["items"]) else 0
