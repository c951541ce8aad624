"""The way into a running Archivist from a terminal: which gateway, with which key, and things named in short."""

import argparse
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from archivist_cli import accounts, config
from archivist_cli.gateway import Gateway
from archivist_cli.local import data_folder
from archivist_cli.local.errors import StackError

URL, KEY = "ARCHIVIST_URL", "ARCHIVIST_API_KEY"
SHORT = 8
"""Characters of an id that tell things apart in a list."""
MOST = 200
"""Things searched for an abbreviated id."""
WHERE = (
    f"The gateway is --url, {URL}, or that of the `archivist up` on --data; the key is {KEY}, or one of this "
    "machine's own for as long as the command runs."
)


def add_to(parser: argparse.ArgumentParser) -> None:
    """The options that say which gateway."""
    parser.add_argument("--url", default=argparse.SUPPRESS, help="address of the gateway, as http://host:8000")
    parser.add_argument(
        "--data",
        type=Path,
        default=argparse.SUPPRESS,
        metavar="DIR",
        help="the data folder of a running `archivist up`",
    )


@asynccontextmanager
async def gateway(options: argparse.Namespace) -> AsyncIterator[Gateway]:
    """The way in. Raises StackError where nothing says which gateway, or nothing lets us in."""
    settings = config.settings()
    data = config.data_folder(getattr(options, "data", None))
    running = data_folder.running(data)
    url = getattr(options, "url", None) or settings.get(URL) or (running.api_url if running else "")
    if not url:
        raise StackError(f"which gateway? Give --url, set {URL}, or start `archivist up`: nothing runs on {data}")
    if key := settings.get(KEY):
        async with Gateway(url.rstrip("/"), key) as way:
            yield way
        return
    if running is None or not running.database_url:
        raise StackError(f"set {KEY} to a key of yours: no Archivist of this machine runs on {data}")
    async with accounts.operators_key(running.database_url) as own, Gateway(url.rstrip("/"), own) as way:
        yield way


def found(name: str, among: Sequence[dict[str, Any]], what: str = "job", shown_by: str = "archivist queue") -> str:
    """The id that this names, whole or by how it begins. Raises StackError for none, and for several."""
    try:
        return str(UUID(name))
    except ValueError:
        pass
    ids = {one["id"] for one in among if len(name) >= 4 and one["id"].startswith(name.lower())}
    if len(ids) == 1:
        return str(ids.pop())
    if ids:
        raise StackError(f"{name}: {len(ids)} {what}s begin like that; give more of the id")
    raise StackError(f"{name}: no such {what}; `{shown_by}` shows them, and at least four characters are needed")


def clock(moment: str | None, now: datetime) -> str:
    """A time of today, or with its date; a dash for none. now: with the zone in which it is to be shown."""
    if moment is None:
        return "-"
    local = datetime.fromisoformat(moment).astimezone(now.tzinfo)
    return f"{local:%H:%M}" if local.date() == now.date() else f"{local:%Y-%m-%d %H:%M}"
