"""`archivist publish`: send captions to the VOD server, watch them go, approve, take back, put earlier ones back."""

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from archivist_cli import connection, progress
from archivist_cli.connection import MOST, SHORT, clock, found
from archivist_cli.gateway import Gateway

DONE, FAILED, WAITS = 0, 1, 3  # 2 is argparse's, for wrong usage
"""Exit codes. WAITS: an operator has to decide or do something first."""

_WATCH_S = 20  # a long poll; the gateway lets one last half a minute
_MOVING = ("pending", "processing")
_PERCENT = {
    "resolve": 0,
    "ensure": 5,
    "captions": 10,
    "accept": 15,
    "start": 18,
    "follow": 20,
    "verify": 90,
    "chapters": 94,
    "metadata": 97,
    "withdraw": 50,
}
"""How far a publication is by its stage; the target's own work, which takes longest, has from 20 to 90."""
_FOLLOWED = 70

Publication = dict[str, Any]
Act = Callable[[Gateway, argparse.Namespace, Sequence[str]], Awaitable[int]]


@dataclass(frozen=True, slots=True)
class _Action:
    """options: which of the command's options it takes. names: how many jobs or publications it is about."""

    act: Act
    about: str
    options: frozenset[str]
    names: str


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    actions = "\n".join(f"  {name:<9} {action.names:<16} {action.about}" for name, action in _ACTIONS.items())
    parser = commands.add_parser(
        "publish",
        help="send captions to the VOD server",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="archivist publish JOB… [options]\n       archivist publish ACTION … [options]",
        description="Publish the captions of transcriptions: the recording's show is found, the SCC put beside its "
        "video,\nthe VOD followed and its captions read back. Repeated, nothing happens twice.\n\n"
        f"actions on publications:\n{actions}\n\n"
        "Things are named by their id or how that begins. Ends with 0 when it is done or on its way, 1 when it\n"
        f"failed, 3 when it waits for an operator. {connection.WHERE}",
    )
    parser.add_argument("words", nargs="+", metavar="JOB|ACTION", help=argparse.SUPPRESS)
    asking = parser.add_argument_group("publishing")

    def add(group: argparse._ArgumentGroup, *names: str, **more: Any) -> None:
        group.add_argument(*names, default=argparse.SUPPRESS, **more)

    add(asking, "--target", metavar="NAME", help="where to (default: Cablecast, or the only target there is)")
    add(asking, "--dry-run", action="store_true", help="change nothing there: say what would be done, then wait")
    add(asking, "--create-show", action="store_true", help="make a show where there is none for the recording")
    add(asking, "--title", metavar="TEXT", help="title of the show on the server")
    add(asking, "--description", metavar="TEXT", help="description of the show on the server")
    add(asking, "--tag", dest="tags", action="append", metavar="TEXT", help="a tag; repeatable")
    add(asking, "--quality", metavar="NAME", help="VOD quality, by name or number")
    add(asking, "--chapters", action=argparse.BooleanOptionalAction, help="write chapters (default: as set up)")
    add(asking, "--metadata", action=argparse.BooleanOptionalAction, help="write title and description")
    add(asking, "--without-captions", action="store_true", help="also where the server takes no captions")
    add(asking, "--wait", action="store_true", help="stay until it is published, or waits for an operator")
    listing = parser.add_argument_group("list")
    add(listing, "--status", choices=("pending", "processing", "held", "published", "failed", "removed"))
    add(listing, "--limit", type=int, metavar="N", help="how many to show (default: 20)")
    back = parser.add_argument_group("rollback")
    add(back, "--to", type=int, metavar="N", help="number of the version (default: the one before)")
    connection.add_to(parser)
    parser.set_defaults(run=run, usage=parser)


def run(options: argparse.Namespace) -> int:
    words: list[str] = options.words
    action = _ACTIONS.get(words[0])
    taken, names = (_ASKING, words) if action is None else (action.options, words[1:])
    given = set(vars(options)) & _OPTIONS
    usage: argparse.ArgumentParser = options.usage
    if stray := sorted(given - taken):
        name = {"tags": "tag"}.get(stray[0], stray[0]).replace("_", "-")
        usage.error(f"{words[0] if action else 'publishing'} takes no --{name}")
    if action is not None and (("PUBLICATION" in action.names) != bool(names)):
        usage.error(f"archivist publish {words[0]} {action.names}".rstrip())
    return asyncio.run(_run(_publish if action is None else action.act, options, names))


def lines(publication: Publication, now: datetime) -> Iterator[str]:
    """A publication in words: its state, what it waits for, what would be done. now: with the zone to show."""
    state = publication["status"]
    if publication["withdrawing"] and state in _MOVING:
        state = "being withdrawn"
    elif state in _MOVING and publication["stage"] != "resolve":
        state = f"{state}, {publication['stage']}"
    name = f"{publication['storage']}/{publication['path']}"
    yield f"{publication['id'][:SHORT]}  {name}  to {publication['target']}: {state}"
    there = [
        f"{what} {publication[key]}"
        for what, key in (("show", "show_id"), ("VOD", "vod_id"), ("captions version", "version"))
        if publication[key] is not None
    ]
    if there:
        yield f"  {', '.join(there)}"
    if publication["url"]:
        yield f"  {publication['url']}"
    vendor = publication["vendor"]
    if vendor["state"] and state != "published":
        percent = "" if vendor["percent"] is None else f" {vendor['percent']:.0f} %"
        message = "" if not vendor["message"] else f", {vendor['message']}"
        since = "" if vendor["changed"] is None else f"; last change {clock(vendor['changed'], now)}"
        yield f"  {publication['target']} says: {vendor['state']}{percent}{message}{since}"
    if publication["waits_for"]:
        again = "" if publication["next_look"] is None else f" (next check {clock(publication['next_look'], now)})"
        yield f"  waits for {publication['waits_for']}{again}"
    if publication["attention"]:
        yield f"  an operator is needed: {publication['attention']['message']}"
    if publication["error"]:
        yield f"  {publication['error']['code']}: {publication['error']['message']}"
    for warning in publication["warnings"]:
        yield f"  {warning}"
    if publication["plan"]:
        yield "  plan:"
        for number, step in enumerate(publication["plan"], start=1):
            yield f"  {number:>4}. {step}"
    if publication["suggestions"]:
        yield "  it may be:"
        yield from suggested(publication["suggestions"])
        yield f"  say which: archivist cablecast link {(publication['transcription_id'] or 'JOB')[:SHORT]} SHOW"


def suggested(suggestions: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Shows that a recording may be, with the reasons."""
    for one in suggestions:
        day = "" if not one["event_date"] else f", {one['event_date']}"
        yield f"    {one['show_id']:>7}  {one['score']:>3}  {one['title'] or 'without a title'}{day}"
        yield f"                  {'; '.join(one['reasons'])}"


def table(publications: Sequence[Publication], now: datetime) -> Iterator[str]:
    rows = [
        ("ID", "TARGET", "STATE", "SHOW", "VOD", "ASKED", "RECORDING"),
        *(
            (
                one["id"][:SHORT],
                one["target"],
                one["status"] if one["status"] not in _MOVING else f"{one['status']} {percent(one)} %",
                str(one["show_id"] or "-"),
                one["vod_id"] or "-",
                clock(one["created"], now),
                f"{one['storage']}/{one['path']}",
            )
            for one in publications
        ),
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        yield "  ".join([*cells, row[-1]]).rstrip()


def percent(publication: Publication) -> int:
    """How far it is; the target's own percent within what its work is of the whole."""
    if publication["status"] == "published":
        return 100
    begun = _PERCENT.get(publication["stage"], 0)
    if publication["stage"] != "follow":
        return begun
    return begun + round(_FOLLOWED * (publication["vendor"]["percent"] or 0) / 100)


def exit_code(publication: Publication) -> int:
    """The exit code for scripts. A dry run is done when it is held with its plan."""
    match publication["status"]:
        case "failed":
            return FAILED
        case "held":
            return DONE if publication["error"] and publication["error"]["code"] == "DRY_RUN" else WAITS
    return DONE


async def _run(act: Act, options: argparse.Namespace, names: Sequence[str]) -> int:
    async with connection.gateway(options) as gateway:
        return await act(gateway, options, names)


async def _publish(gateway: Gateway, options: argparse.Namespace, names: Sequence[str]) -> int:
    jobs = (await gateway.request("GET", "/transcriptions", limit=MOST))["items"]
    wanted = {name: value for name, value in vars(options).items() if name in _ASKING - {"target", "wait"}}
    body = {
        "transcription_ids": list(dict.fromkeys(found(name, jobs) for name in names)),
        "target": getattr(options, "target", None),
        "options": wanted,
    }
    answer = await gateway.request("POST", "/publications/batch", body)
    codes = []
    for item in answer["items"]:
        if item["error"] is not None:
            error = item["error"]
            print(f"{item['transcription_id']}: {error['code']}: {error['message']}", file=sys.stderr)
            codes.append(FAILED)
            continue
        publication = await gateway.request("GET", f"/publications/{item['publication_id']}")
        if getattr(options, "wait", False):
            publication = await _followed(gateway, publication)
        _print(publication)
        codes.append(exit_code(publication))
    return FAILED if FAILED in codes else max(codes, default=DONE)


async def followed(gateway: Gateway, publication: Publication, feed: progress.Feed) -> Publication:
    """The publication once nothing more happens by itself; its updates go to `feed`."""
    while True:
        feed({"progress": percent(publication), "stage": step(publication)})
        if publication["status"] not in _MOVING:
            return publication
        publication = await gateway.request("GET", f"/publications/{publication['id']}", wait=_WATCH_S)


def step(publication: Publication) -> str:
    """What happens to it now, in a few words: the stage, and what the target says or what is waited for."""
    if publication["status"] not in _MOVING:
        return str(publication["status"])
    stage, vendor = str(publication["stage"]), publication["vendor"]
    if stage == "follow" and vendor["state"]:
        amount = "" if vendor["percent"] is None else f" {vendor['percent']:.0f} %"
        message = "" if not vendor["message"] else f", {vendor['message']}"
        return f"{stage}: {publication['target']} says {vendor['state']}{amount}{message}"
    waits = publication["waits_for"] if publication["status"] == "pending" else None
    return stage if waits is None else f"{stage}: {waits}"


async def _followed(gateway: Gateway, publication: Publication) -> Publication:
    with progress.bar(publication["path"]) as feed:
        return await followed(gateway, publication, feed)


async def _list(gateway: Gateway, options: argparse.Namespace, names: Sequence[str]) -> int:
    limit, status = getattr(options, "limit", 20), getattr(options, "status", None)
    page = await gateway.request(
        "GET", "/publications", limit=limit, status=status, target=getattr(options, "target", None)
    )
    for line in table(page["items"], _now()):
        print(line)
    return DONE


async def _show(gateway: Gateway, options: argparse.Namespace, names: Sequence[str]) -> int:
    for publication_id in await _ids(gateway, names):
        publication = await gateway.request("GET", f"/publications/{publication_id}")
        if getattr(options, "wait", False):
            publication = await _followed(gateway, publication)
        _print(publication)
    return DONE if len(names) != 1 else exit_code(publication)


async def _versions(gateway: Gateway, options: argparse.Namespace, names: Sequence[str]) -> int:
    for publication_id in await _ids(gateway, names):
        publication = await gateway.request("GET", f"/publications/{publication_id}")
        for one in (await gateway.request("GET", f"/publications/{publication_id}/versions"))["items"]:
            digest, made = one["sha256"][:12], clock(one["created"], _now())
            current = "*" if one["number"] == publication["version"] else " "
            back = "" if one["restores"] is None else f", a return to {one['restores']}"
            verified = "never read back" if one["verified"] is None else f"read back {clock(one['verified'], _now())}"
            print(f"{current} {one['number']:>3}  {made}  {digest}  {verified}{back}")
    return DONE


def _ordered(action: str) -> Act:
    """Do this to each publication, and print its state."""

    async def act(gateway: Gateway, options: argparse.Namespace, names: Sequence[str]) -> int:
        body = {"to": getattr(options, "to", None)} if action == "rollback" else None
        codes = []
        for publication_id in await _ids(gateway, names):
            publication = await gateway.request("POST", f"/publications/{publication_id}/{action}", body)
            if getattr(options, "wait", False):
                publication = await _followed(gateway, publication)
            _print(publication)
            codes.append(exit_code(publication))
        return FAILED if FAILED in codes else max(codes, default=DONE)

    return act


async def _ids(gateway: Gateway, names: Sequence[str]) -> list[str]:
    """All of them, before anything is done to the first."""
    known = (await gateway.request("GET", "/publications", limit=MOST))["items"]
    return [found(name, known, "publication", "archivist publish list") for name in names]


def _print(publication: Publication) -> None:
    for line in lines(publication, _now()):
        print(line)


def _now() -> datetime:
    return datetime.now().astimezone()


_ASKING = frozenset(
    {
        "target",
        "dry_run",
        "create_show",
        "title",
        "description",
        "tags",
        "quality",
        "chapters",
        "metadata",
        "without_captions",
        "wait",
    }
)
_WAIT = frozenset({"wait"})
_OPTIONS = _ASKING | {"status", "limit", "to"}
_ACTIONS = {
    "list": _Action(_list, "the newest, as a table", frozenset({"status", "limit", "target"}), ""),
    "show": _Action(_show, "its state, what it waits for, its plan", _WAIT, "PUBLICATION…"),
    "approve": _Action(_ordered("approve"), "approve one that waits for approval", _WAIT, "PUBLICATION…"),
    "retry": _Action(_ordered("retry"), "retry it now", _WAIT, "PUBLICATION…"),
    "withdraw": _Action(_ordered("withdraw"), "take it off the public list", _WAIT, "PUBLICATION…"),
    "rollback": _Action(_ordered("rollback"), "put earlier captions back", _WAIT | {"to"}, "PUBLICATION…"),
    "versions": _Action(_versions, "its captions, the newest first", frozenset(), "PUBLICATION…"),
}
