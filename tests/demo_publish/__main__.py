"""A recording through the whole system and on to a VOD page with captions: `make demo-publish`.

Starts a Cablecast of our own (tests/simulators/cablecast: real HTTP on this machine, its time run faster), puts a
recording into its store as a station's would lie there, starts Archivist with that store as its storage server, and
submits the recording over the REST API. Everything is in temporary folders and needs nobody else's server.

Needs what `make demo` needs. Exit 0 only if the page shows the captions that were signed off, word for word.
"""

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

from archivist_cli import config, progress, run_files
from archivist_cli.commands import publish
from archivist_cli.local import children, environment
from archivist_cli.local.errors import StackError, StackInterrupted
from archivist_cli.local.stack import SERVICES
from archivist_cli.run_files import RunningStack
from archivist_common.errors import ArchivistError
from archivist_vod.targets import caption_comparison
from archivist_vod.targets.caption_comparison import ReadBack
from tests.demo_publish import broadcast
from tests.simulators.cablecast.process import NotDone, Simulator

LONG, SHORT = "meeting-2min.ogg", "short-20s.flac"
SHOW, DAY = 4120, "2026-11-18"
TITLE = "Harbor City Council"
NAME = f"{SHOW}-1-{TITLE} ({DAY.replace('-', '')}).mp4"
STORE, STORAGE = "Flex 1", "flex-1"
USER, PASSWORD = "archivist", "demo-secret"
_CAPTIONED = 40  # percent of the bar that captioning has
_ASKED_FOR_S = 60.0  # what completes is asked for by itself within seconds
_PUBLISHED_S = 240.0  # then a minute on a slow machine

Json = dict[str, Any]


@dataclass(frozen=True)
class Outcome:
    """What there is to see in the end. as_signed: the sidecar holds the very bytes that were signed off."""

    publication: Json
    show: Json
    sidecar: Path
    as_signed: bool
    words: ReadBack
    chapters: list[Json]
    captions_url: str
    page_url: str
    page_has_captions: bool

    @property
    def is_good(self) -> bool:
        published = self.publication["status"] == "published"
        shown = self.page_has_captions and self.words.equal and self.words.words_found > 0
        return published and self.as_signed and shown and bool(self.chapters)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.demo_publish", description=__doc__.partition("\n")[0])
    parser.add_argument("--short", action="store_true", help="twenty seconds of a meeting, not two minutes")
    parser.add_argument(
        "--keep",
        action=argparse.BooleanOptionalAction,
        default=sys.stdout.isatty(),
        help="stay up until Ctrl-C (default: in a terminal)",
    )
    parser.add_argument("--speed", type=float, default=30.0, help="its seconds in one of ours (default: 30)")
    options = parser.parse_args()
    try:
        return asyncio.run(_run(options))
    except (ArchivistError, NotDone) as exc:
        print(f"demo-publish: {exc}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


async def _run(options: argparse.Namespace) -> int:
    outcome: Outcome | None = None
    with tempfile.TemporaryDirectory(prefix="archivist-cablecast-") as made:
        folder = Path(made)
        seed = await asyncio.to_thread(_station, folder, SHORT if options.short else LONG)
        print("Starting a Cablecast of our own, and all of Archivist …", flush=True)
        given = {"stores": folder / "stores", "seed": seed, "speed": options.speed, "user": f"{USER}:{PASSWORD}"}
        try:
            async with (
                Simulator.start(**given) as station,
                run_files.running_stack(_settings(station), SERVICES) as hall,
            ):
                outcome = await _published(hall, station)
                _tell(outcome)
                if options.keep:
                    _tell_how_to_look(hall)
                    await hall.stack.wait()
        except StackInterrupted:
            if outcome is None:
                raise
    return 0 if outcome.is_good else 1


def _station(folder: Path, sample: str) -> Path:
    """A store with the recording, and what the server knows of it: the file to start it with."""
    store = folder / "stores" / STORE
    store.mkdir(parents=True)
    print(f"Making a recording with a picture out of {sample} …", flush=True)
    broadcast.write(store / NAME, config.demo_folder() / "samples" / sample, TITLE, "18 November 2026")
    shows = [
        _show(SHOW - 14, TITLE, "2026-11-04"),
        {**_show(SHOW, TITLE, DAY), "file": {"store": STORE, "name": NAME}},
        _show(SHOW + 1, "Harbor City Planning Commission", DAY),
    ]
    seed = folder / "station.json"
    seed.write_text(json.dumps({"shows": shows}))
    return seed


def _show(number: int, title: str, day: str) -> Json:
    at = f"{day}T00:00:00-06:00"
    return {"id": number, "title": title, "eventDate": at, "category": 3, "producer": 11, "project": 8}


def _settings(station: Simulator) -> dict[str, str]:
    """What Archivist is told, and nothing of what this machine's own Archivist is."""
    demo = config.demo_folder()
    return dict.fromkeys(environment.every_name(), "") | {
        "FLEX_SERVERS": config.storage_servers({STORAGE: station.store(STORE)}),
        "WHISPER_MODEL_PATH": str(demo),
        "DEFAULT_LANGUAGE": "en",
        "STATION_TIMEZONE": "America/Chicago",
        "RECORDING_SETTLED": "0",  # it was written a moment ago
        "CABLECAST_API_URL": station.url,
        "CABLECAST_USER_ID": USER,
        "CABLECAST_PASSWORD": PASSWORD,
        "CABLECAST_STORES": f"{STORE}={STORAGE}",
        "VOD_STATUS_CHECK_INTERVAL": "0.5",  # as the server's time runs
    }


async def _published(hall: RunningStack, station: Simulator) -> Outcome:
    """Submit the recording, watch it go all the way in one bar, and look at what a viewer gets."""
    gateway = hall.gateway
    with progress.bar(NAME) as feed:
        job = await gateway.submit(STORAGE, NAME)
        job = await run_files.followed(gateway, job, _part(feed, "captioning", 0, _CAPTIONED))
        publication = await _asked_for(hall, job["id"])
        try:
            async with asyncio.timeout(_PUBLISHED_S):
                told = _part(feed, "publishing", _CAPTIONED, 100)
                publication = await publish.followed(gateway, publication, told)
        except TimeoutError:
            publication = await gateway.request("GET", f"/publications/{publication['id']}")
    if publication["status"] != "published":
        raise StackError(
            "it was not published:\n" + "\n".join(publish.lines(publication, datetime.now().astimezone()))
        )
    scc = await gateway.output(job["id"], "scc")
    sidecar = station.store(STORE) / f"{Path(NAME).stem}.scc"
    captions_url = f"{publication['url'].rpartition('/')[0]}/captions.en.vtt"
    page_url = f"{station.url}/CablecastPublicSite/show/{SHOW}"
    async with httpx.AsyncClient(trust_env=False, timeout=30) as viewer:
        captions = await _fetched(viewer, captions_url)
        public = await _fetched(viewer, f"{station.url}/CablecastAPI/publicsitedata/shows/{SHOW}")
        page = await _fetched(viewer, page_url)
    wanted = caption_comparison.expected_from_scc(scc)
    return Outcome(
        publication=publication,
        show=await gateway.request("GET", f"/transcriptions/{job['id']}/show"),
        sidecar=sidecar,
        as_signed=sidecar.is_file() and sidecar.read_bytes() == scc,
        words=caption_comparison.compare(wanted, caption_comparison.parse_vtt(captions)),
        chapters=json.loads(public)["show"]["chapters"],
        captions_url=captions_url,
        page_url=page_url,
        page_has_captions=b'<track kind="captions"' in page,
    )


async def _asked_for(hall: RunningStack, job_id: str) -> Json:
    """The job's publication: what completes is asked for by the publisher itself."""
    try:
        async with asyncio.timeout(_ASKED_FOR_S):
            while True:
                page = await hall.gateway.request("GET", "/publications", transcription_id=job_id)
                if page["items"]:
                    return dict(page["items"][0])
                await asyncio.sleep(0.3)
    except TimeoutError as exc:
        said = children.since(hall.stack.data / "logs" / "vod.log", 0)
        raise StackError(f"nobody has asked for it to be published after {_ASKED_FOR_S:g} s:\n{said}") from exc


async def _fetched(viewer: httpx.AsyncClient, url: str) -> bytes:
    answer = await viewer.get(url)
    if answer.status_code != 200:
        raise StackError(f"{url}: HTTP {answer.status_code}, where a viewer should see something")
    return answer.content


def _part(feed: progress.Feed, what: str, first: int, last: int) -> progress.Feed:
    """One part of the whole bar."""

    def told(update: Mapping[str, Any]) -> None:
        done = first + (last - first) * (update.get("progress") or 0) // 100
        stage = update.get("stage") or update.get("status") or "waiting"
        feed({**update, "progress": done, "stage": f"{what}, {stage}"})

    return told


def _tell(outcome: Outcome) -> None:
    publication, show, words = outcome.publication, outcome.show, outcome.words
    print(f"\nFound      show {show['show_id']}, {show['title']} (score {show['score']} of 100)")
    for reason in show["reasons"]:
        print(f"             {reason}")
    size, signed = outcome.sidecar.stat().st_size, "as signed off" if outcome.as_signed else "NOT as signed off"
    print(f"Placed     {outcome.sidecar.name}, beside the video in {STORE}: {size} bytes, {signed}")
    print(f"VOD        {publication['vod_id']}, {publication['vendor']['state']}: {publication['url']}")
    equal = "equal" if words.equal else f"NOT EQUAL: {words.first_difference}"
    print(f"Read back  {words.words_found} of {words.words_expected} words, {equal}")
    print(f"             {outcome.captions_url}")
    print(f"Chapters   {len(outcome.chapters)}")
    for chapter in outcome.chapters:
        minutes, seconds = divmod(chapter["offset"], 60)
        print(f"             {minutes:>2}:{seconds:02}  {chapter['title']}")
    for warning in publication["warnings"]:
        print(f"Warning    {warning}")
    print(f"Page       {outcome.page_url}", flush=True)


def _tell_how_to_look(hall: RunningStack) -> None:
    print(f"\nThe API    {hall.stack.api_url}/docs")
    print(f"Look with  .venv/bin/archivist publish list --data {hall.stack.data}")
    print("Stop with Ctrl-C.", flush=True)


if __name__ == "__main__":
    sys.exit(main())
