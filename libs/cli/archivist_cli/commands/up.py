"""`archivist up`: everything on this machine, until Ctrl-C."""

import argparse
import asyncio
import os
from pathlib import Path

import httpx

from archivist_cli import accounts, config
from archivist_cli.local import environment
from archivist_cli.local.outside import Outside
from archivist_cli.local.ports import Ports
from archivist_cli.local.stack import Stack
from archivist_common.settings import VodSettings

_LOOK_S = 3.0


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "up",
        help="start everything on this machine",
        description="Start database, Redis, gateway, speech workers, publisher and monitor on this machine. "
        "With DATABASE_URL and REDIS_URL set, those servers are used. Stop with Ctrl-C.",
    )
    parser.add_argument(
        "--media", type=Path, action="append", metavar="DIR", help="folder with recordings; repeatable"
    )
    parser.add_argument(
        "--data", type=Path, metavar="DIR", help="where everything is kept (default: your data folder)"
    )
    parser.add_argument("--port", type=int, default=8000, help="the gateway's port (default: 8000)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    data = config.data_folder(options.data)
    return asyncio.run(_up(data, options.media or [], options.port))


async def _up(data: Path, media: list[Path], port: int) -> int:
    settings = config.settings()
    if media:
        settings["FLEX_SERVERS"] = config.storage_servers(_named(media))
    config.check(settings)
    demo = "WHISPER_MODEL_PATH" not in settings
    if demo:
        settings["WHISPER_MODEL_PATH"] = str(config.demo_folder())
    else:
        settings["WHISPER_MODEL_PATH"] = str(Path(settings["WHISPER_MODEL_PATH"]).absolute())
    settings.setdefault("MODEL_DIRECTORY", str(config.model_directory(settings)))
    # Whoever starts this may be nobody, after a power cut: what others provide may be missing, and come later.
    async with Stack(data, settings=settings, ports=Ports(api=port), wait_for="live") as stack:
        first = await accounts.first_administrator(stack.database_url)
        print(f"Archivist is running.\n  API     {stack.api_url}/api/v1\n  Docs    {stack.api_url}/docs")
        print(f"  Health  {stack.urls['monitor']}/health\n  Data    {data}")
        print(f"  Publish {publishing(environment.read(VodSettings, settings, DATABASE_URL=stack.database_url))}")
        if first is not None:
            print(f"  Log in as {first.account.username!r} with the one-time password {first.password}")
            print(f"  (good until {first.until.astimezone():%H:%M}; send it with your new_password)")
        if demo:
            print("  Speech model: the small demo model, for synthetic speech only.")
            print("  For real recordings: archivist models fetch small, then set WHISPER_MODEL_PATH.")
        print("Stop with Ctrl-C.", flush=True)
        telling = asyncio.create_task(_tell_what_is_missing(stack))
        await stack.wait()
        telling.cancel()
        await asyncio.gather(telling, return_exceptions=True)
        print("Stopping …", flush=True)
    return 0


async def _tell_what_is_missing(stack: Stack) -> None:
    """A line when a target, a mount, a model or a server is found missing, and one when it is back."""
    outside = Outside(stack.urls)
    async with httpx.AsyncClient(trust_env=False) as http:
        while True:
            for line in await outside.look(http):
                print(line, flush=True)
            await asyncio.sleep(_LOOK_S)


def publishing(settings: VodSettings) -> str:
    """Where captions are published to and when, or what is missing; in one line, without a secret."""
    targets = [str(place) for place in (settings.cablecast_api_url, settings.publish_folder) if place is not None]
    if not targets:
        return "nowhere: set CABLECAST_API_URL or PUBLISH_FOLDER (docs/operations/publishing.md)"
    if settings.cablecast_api_url is not None and settings.cablecast_login_trouble is not None:
        return f"{targets[0]}: nothing yet: {settings.cablecast_login_trouble}"
    said = []
    for target in targets:
        # What completes goes by itself to the first target only.
        by_itself = settings.auto_publish_to_vod and target == targets[0]
        said.append(f"{target}: {'by itself, as captions complete' if by_itself else 'when asked for'}")
    return "; ".join(said) + ("" if settings.publish_approval == "none" else "; each once approved")


def _named(media: list[Path]) -> dict[str, Path]:
    """A distinct storage name for each folder. None is looked at: one that is missing, or hangs, is told later."""
    result: dict[str, Path] = {}
    for given in media:
        folder = Path(os.path.normpath(given.absolute()))
        name = plain = config.storage_name(folder)
        number = 2
        while name in result:
            name, number = f"{plain}-{number}", number + 1
        result[name] = folder
    return result
