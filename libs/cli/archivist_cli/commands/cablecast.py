"""`archivist cablecast`: the server behind publishing: what it is and can, its shows, which one a recording is."""

import argparse
import asyncio
import json
import re
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from archivist_cli import config, connection
from archivist_cli.commands.publish import DONE, FAILED, suggested
from archivist_cli.connection import MOST, clock, found
from archivist_cli.gateway import Gateway
from archivist_cli.local.errors import StackError

_POLL_S = 2.0
_LIVE = ("pending", "running")
_TIME = re.compile(r"(?:(\d+):)?([0-5]?\d):([0-5]\d(?:\.\d{1,3})?)")

Action = Callable[[Gateway, argparse.Namespace], Awaitable[int]]


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "cablecast",
        help="the server that captions are published to",
        description="Show the Cablecast server behind publishing, and link a recording to one of its shows. "
        f"A job is named by its id or how that begins. {connection.WHERE}",
    )
    actions = parser.add_subparsers(metavar="ACTION", required=True)

    def add(name: str, act: Action, about: str) -> argparse.ArgumentParser:
        action = actions.add_parser(name, help=about)
        action.set_defaults(act=act, run=run)
        connection.add_to(action)
        return action

    probe = actions.add_parser("probe", help="read the server's version, features and rights, and print what to set")
    probe.add_argument("--json", action="store_true", help="print one JSON object")
    probe.set_defaults(run=_probe)

    shows = add("shows", _shows, "search the shows of the last sync")
    shows.add_argument(
        "words", nargs="*", metavar="WORD", help="all must occur in title, file or local id; or a number"
    )
    shows.add_argument("--from", dest="date_from", metavar="DAY", help="meetings from this day on, as 2026-11-18")
    shows.add_argument("--to", dest="date_to", metavar="DAY", help="meetings up to this day")
    shows.add_argument("--limit", type=int, default=20, metavar="N", help="how many to show (default: 20)")

    add("suggest", _suggest, "shows that a job's recording may be").add_argument("job", metavar="JOB")
    link = add("link", _link, "link a job's recording to a show; what waited for that goes on")
    link.add_argument("job", metavar="JOB")
    link.add_argument("show", type=int, metavar="SHOW", help="Cablecast's number of it")
    link.add_argument("--force", action="store_true", help="also a show that no sync has found yet")
    add("unlink", _unlink, "remove that link").add_argument("job", metavar="JOB")

    sync = add("sync", _sync, "sync the server's shows and VODs now")
    sync.add_argument("--full", action="store_true", help="everything, and find out what is gone")
    sync.add_argument("--wait", action="store_true", help="stay until it is done")

    add("targets", _targets, "where captions are published to, and whether it is available")
    add("resume", _resume, "resume a target that was stopped").add_argument("target", metavar="TARGET")

    chapters = add("chapters", _chapters, "a job's chapters")
    chapters.add_argument("job", metavar="JOB")
    written = chapters.add_mutually_exclusive_group()
    written.add_argument(
        "--edit", type=Path, metavar="FILE", help="write those of a file instead: a line each, `0:12:30 Title`"
    )
    written.add_argument("--reset", action="store_true", help="go back to those detected in the words")


def run(options: argparse.Namespace) -> int:
    return asyncio.run(_run(options))


def chapter_lines(chapters: dict[str, Any]) -> Iterator[str]:
    """Chapters as lines that `read_chapters` reads."""
    for one in chapters["items"]:
        yield f"{_stamp(one['start_ms'])} {one['title']}"


def read_chapters(text: str) -> list[dict[str, Any]]:
    """Chapters of lines `0:12:30 Title`. Blank lines and those that begin with # are left out. Raises StackError."""
    chapters = []
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.strip()
        if not words or words.startswith("#"):
            continue
        at, _, title = words.partition(" ")
        time = _TIME.fullmatch(at)
        if time is None or not title.strip():
            raise StackError(f"line {number}: {words!r} is not a time and a title, as 0:12:30 Public hearing")
        hours, minutes, seconds = int(time[1] or 0), int(time[2]), float(time[3])
        start_ms = round((hours * 3600 + minutes * 60 + seconds) * 1000)
        chapters.append({"start_ms": start_ms, "title": title.strip()})
    return chapters


def target_lines(targets: Sequence[dict[str, Any]], now: datetime) -> Iterator[str]:
    """Targets in words. now: with the zone in which times are to be shown."""
    if not targets:
        yield "No target is set up: set CABLECAST_API_URL or PUBLISH_FOLDER for the publisher."
    for one in targets:
        by_itself = ", publishes by itself" if one["automatic"] else ""
        state = f"{one['name']} ({one['kind']}): {one['state']}, {one['waiting']} waiting{by_itself}"
        yield state if one["since"] is None else f"{state}, since {clock(one['since'], now)}"
        if one["reason"]:
            yield f"  {one['reason']}"
        if one["state"] == "stopped":
            yield f"  once that is repaired: archivist cablecast resume {one['name']}"
        for name, value in one["details"].items():
            yield f"  {name}: {value if isinstance(value, str | int | float) else json.dumps(value)}"


def sync_lines(syncs: dict[str, Any], now: datetime) -> Iterator[str]:
    """The last syncs in words."""
    for kind, moment in syncs["last_good"].items():
        yield f"{kind}: last completed {clock(moment, now)}"
    for one in syncs["items"]:
        of_total = "" if one["total"] is None else f" of {one['total']}"
        percent = "" if one["percent"] is None else f", {one['percent']} %"
        yield (
            f"  {one['kind']:<5} {one['mode']:<7} {one['status']:<9} {one['position']}{of_total}{percent}; "
            f"{one['added']} new, {one['changed']} changed, {one['gone']} gone"
        )
        if one["error"]:
            yield f"    {one['error']['code']}: {one['error']['message']}"


def _probe(options: argparse.Namespace) -> int:
    """The publisher's own room speaks to the server, in a process of its own with the settings of this one."""
    command = [sys.executable, "-m", "archivist_vod.cablecast.probe", *(["--json"] if options.json else [])]
    return subprocess.run(command, check=False, env=config.settings()).returncode


async def _run(options: argparse.Namespace) -> int:
    async with connection.gateway(options) as gateway:
        act: Action = options.act
        return await act(gateway, options)


async def _shows(gateway: Gateway, options: argparse.Namespace) -> int:
    page = await gateway.request(
        "GET",
        "/shows",
        search=" ".join(options.words) or None,
        date_from=options.date_from,
        date_to=options.date_to,
        limit=options.limit,
    )
    for show in page["items"]:
        vods = f"  {len(show['vod_ids'])} VODs" if show["vod_ids"] else ""
        captions = "  captions" if show["has_captions"] else ""
        title = show["cg_title"] or show["title"]
        print(f"{show['id']:>7}  {show['event_date'] or '-':<10}  {title}{vods}{captions}")
    if page["next"] is not None:
        print("… and more")
    return DONE


async def _suggest(gateway: Gateway, options: argparse.Namespace) -> int:
    job_id = await _job(gateway, options.job)
    found_shows = await gateway.request("GET", f"/transcriptions/{job_id}/suggestions")
    verdict = {
        "match": "It is the first of these:",
        "ambiguous": "It may be one of these; link the right one:",
        "nothing": "No show fits." if not found_shows["items"] else "No show fits well; the nearest are:",
    }
    print(verdict[found_shows["verdict"]])
    for line in suggested(found_shows["items"]):
        print(line)
    return DONE


async def _link(gateway: Gateway, options: argparse.Namespace) -> int:
    body = {"show_id": options.show, "force": options.force}
    _print_link(await gateway.request("PUT", f"/transcriptions/{await _job(gateway, options.job)}/show", body))
    return DONE


async def _unlink(gateway: Gateway, options: argparse.Namespace) -> int:
    _print_link(await gateway.request("DELETE", f"/transcriptions/{await _job(gateway, options.job)}/show"))
    return DONE


async def _sync(gateway: Gateway, options: argparse.Namespace) -> int:
    requested = await gateway.request("POST", "/shows/sync", {"mode": "full" if options.full else "changes"})
    ids = {one["id"] for one in requested["items"]}
    syncs = await gateway.request("GET", "/shows/sync")
    while options.wait and any(one["id"] in ids and one["status"] in _LIVE for one in syncs["items"]):
        await asyncio.sleep(_POLL_S)
        syncs = await gateway.request("GET", "/shows/sync")
    for line in sync_lines(syncs, datetime.now().astimezone()):
        print(line)
    return FAILED if any(one["id"] in ids and one["status"] == "failed" for one in syncs["items"]) else DONE


async def _targets(gateway: Gateway, options: argparse.Namespace) -> int:
    targets = (await gateway.request("GET", "/targets"))["items"]
    for line in target_lines(targets, datetime.now().astimezone()):
        print(line)
    return DONE if targets and all(one["state"] == "ok" for one in targets) else FAILED


async def _resume(gateway: Gateway, options: argparse.Namespace) -> int:
    target = await gateway.request("POST", f"/targets/{options.target}/resume")
    for line in target_lines([target], datetime.now().astimezone()):
        print(line)
    return DONE


async def _chapters(gateway: Gateway, options: argparse.Namespace) -> int:
    written = None
    if options.edit is not None:
        try:
            written = {"items": read_chapters(options.edit.read_text("utf-8-sig"))}
        except (OSError, UnicodeDecodeError) as exc:
            raise StackError(f"{options.edit}: {exc}") from exc
    where = f"/transcriptions/{await _job(gateway, options.job)}/chapters"
    method = "PUT" if written is not None else "DELETE" if options.reset else "GET"
    chapters = await gateway.request(method, where, written)
    if not chapters["items"]:
        print("No chapters.", file=sys.stderr)
    for line in chapter_lines(chapters):
        print(line)
    return DONE


async def _job(gateway: Gateway, name: str) -> str:
    return found(name, (await gateway.request("GET", "/transcriptions", limit=MOST))["items"])


def _print_link(link: dict[str, Any]) -> None:
    name = f"{link['storage']}/{link['path']}"
    if link["show_id"] is None:
        print(f"{name}: not linked to a show")
    else:
        title = "" if link["title"] is None else f", {link['title']}"
        print(f"{name}: show {link['show_id']}{title} ({'; '.join(link['reasons'])})")


def _stamp(ms: int) -> str:
    seconds, rest = divmod(ms, 1000)
    fraction = f".{rest:03}" if rest else ""
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}{fraction}"
