"""The simulator as a process: prints where it listens as one line of JSON, and runs until SIGTERM."""

import argparse
import asyncio
import json
import os
import signal
import sys
import tempfile
from datetime import datetime
from pathlib import Path

from tests.simulators.cablecast.clock import Clock
from tests.simulators.cablecast.control import Control
from tests.simulators.cablecast.profiles import PROFILES
from tests.simulators.cablecast.routing import Routing
from tests.simulators.cablecast.server import Server
from tests.simulators.cablecast.station import USERS, Station, User


def arguments(given: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.simulators.cablecast", description=__doc__)
    parser.add_argument("--profile", choices=sorted(PROFILES), default="modern")
    parser.add_argument("--port", type=int, default=0, help="of the station; 0 takes a free one")
    parser.add_argument("--control-port", type=int, default=0, help="of /__sim")
    parser.add_argument("--stores", type=Path, help="folder whose folders are the file stores; a temporary one")
    parser.add_argument("--seed", type=Path, help="JSON to plant at the start")
    parser.add_argument("--speed", type=float, default=0.0, help="virtual seconds in a real one; 0: moved by hand")
    parser.add_argument("--start", type=datetime.fromisoformat, help="what the clock reads first; now")
    parser.add_argument("--zone", default="America/Chicago")
    parser.add_argument(
        "--user", action="append", default=[], metavar="NAME:SECRET[:write|read]", help="instead of operator"
    )
    parser.add_argument("--tls", action="store_true", help="with a certificate that nobody has signed")
    parser.add_argument(
        "--until-stdin-ends", action="store_true", help="end with whoever holds the other end of stdin"
    )
    return parser.parse_args(given)


async def run(args: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory(prefix="cablecast-") as own:
        stores = args.stores or Path(own)
        users = tuple(account(said) for said in args.user) or USERS
        station = Station(args.profile, stores, Clock(args.start, args.speed, args.zone), users=users)
        context, bundle = None, None
        if args.tls:
            from tests.simulators.cablecast import certificate

            bundle = Path(own) / "certificate.pem"
            context = certificate.context(bundle)
        routing = Routing(station)
        server = Server(routing, station.clock, context)
        control = Server(Control(station, server), station.clock)
        if args.seed is not None:
            from tests.simulators.cablecast import seeds

            seeds.plant(station, json.loads(args.seed.read_text()))
        await server.start(args.port)
        await control.start(args.control_port)
        scheme = "https" if args.tls else "http"
        where = {
            "port": server.port,
            "control_port": control.port,
            "url": f"{scheme}://127.0.0.1:{server.port}",
            "stores": str(stores),
            "ca_bundle": str(bundle) if bundle else None,
        }
        sys.stdout.write(json.dumps(where) + "\n")
        sys.stdout.flush()
        ended = asyncio.Event()
        for name in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(name, ended.set)
        if args.until_stdin_ends:
            asyncio.get_running_loop().add_reader(0, lambda: None if os.read(0, 1024) else ended.set())
        await ended.wait()
        asyncio.get_running_loop().remove_reader(0)
        await server.stop()
        await control.stop()


def account(said: str) -> User:
    name, _, rest = said.partition(":")
    secret, colon, level = rest.rpartition(":")
    return User(name, secret, level) if colon and level in ("write", "read") else User(name, rest, "write")


if __name__ == "__main__":
    asyncio.run(run(arguments()))
    sys.exit(0)
