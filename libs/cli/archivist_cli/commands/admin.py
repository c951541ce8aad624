"""`archivist admin`: the first administrator, and a new one-time password for a user who forgot theirs."""

import argparse
import asyncio
from pathlib import Path

from archivist_cli import accounts as own_accounts
from archivist_cli import config
from archivist_cli.local import data_folder
from archivist_cli.local.errors import StackError
from archivist_common.errors import NotFound
from archivist_common.security import accounts
from archivist_common.security.accounts import OneTime


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser("admin", help="make an administrator, or a new one-time password")
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    create = actions.add_parser("create", help="make an administrator and print a one-time password")
    create.add_argument("--username", default="admin")
    create.add_argument("--email")
    create.set_defaults(work=_create)
    reset = actions.add_parser("reset", help="print a new one-time password for a user")
    reset.add_argument("--username", default="admin")
    reset.set_defaults(work=_reset)
    for action in (create, reset):
        action.add_argument("--data", type=Path, metavar="DIR", help="the data folder of a running `archivist up`")
        action.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    one_time: OneTime = asyncio.run(options.work(_database_url(options.data), options))
    print(f"{one_time.account.username}: one-time password {one_time.password}")
    print(f"Good until {one_time.until.astimezone():%Y-%m-%d %H:%M}. Log in with it and a new_password of your own.")
    return 0


def _database_url(data: Path | None) -> str:
    """DATABASE_URL, or the database of the stack that runs on the data folder."""
    settings = config.settings()
    if data is None and "DATABASE_URL" in settings:
        return settings["DATABASE_URL"]
    where = config.data_folder(data)
    running = data_folder.running(where)
    if running is None:
        raise StackError(f"set DATABASE_URL, or start `archivist up`: nothing runs on {where}")
    return running.database_url


async def _create(url: str, options: argparse.Namespace) -> OneTime:
    async with own_accounts.database(url) as db, db.transaction() as session:
        return await accounts.create_admin(session, options.username, options.email)


async def _reset(url: str, options: argparse.Namespace) -> OneTime:
    async with own_accounts.database(url) as db, db.transaction() as session:
        found = await accounts.find(session, options.username)
        if found is None:
            raise NotFound(f"there is no user {options.username!r}")
        return await accounts.renew_one_time(session, found.id)
