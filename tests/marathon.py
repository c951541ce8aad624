"""A recording of twelve hours through the whole system, its transcriber killed three times: `make marathon`.

Prints what the transcriber and everything it started took of memory beyond what they take at rest with the model
loaded, the largest file in the temporary folder, and whether all that was said was heard once. Goal: memory within
300 MB of the model, three kills survived, no temporary file above 200 MB.
"""

import argparse
import asyncio
import os
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import psutil

from archivist_captions.formats import FORMATS
from archivist_cli import accounts, config, progress
from archivist_cli.gateway import Gateway
from archivist_cli.local.ports import Ports
from archivist_cli.local.stack import Stack
from tests import media_factory

PIECE_S = 300
SAMPLE = "short-20s"
MEMORY_MB, TEMPORARY_MB = 300, 200
KILLS_AT = (0.02, 0.35, 0.8)  # of the recording heard
LEASE_S = 10
DEADLINE_S = 3600


def recording(path: Path, hours: float) -> int:
    """A meeting with long recesses: twenty seconds of speech in every five minutes; how many times they are said.

    One piece is encoded, and its packets are written again and again: twelve hours in seconds.
    """
    times = round(hours * 3600 / PIECE_S)
    said = media_factory.sample(SAMPLE)
    piece = path.with_name("piece.flac")
    media_factory.write(
        piece, np.concatenate([said, media_factory.silence(PIECE_S - len(said) / media_factory.RATE)])
    )
    with av.open(piece) as one, av.open(path, "w", format="matroska") as whole:
        stream = whole.add_stream_from_template(one.streams.audio[0])
        base = one.streams.audio[0].time_base or Fraction(1, media_factory.RATE)
        packets = [(bytes(each), each.pts or 0, each.duration or 0) for each in one.demux(audio=0) if each.size]
        for n in range(times):
            for data, pts, duration in packets:
                packet = av.Packet(data)
                packet.pts = packet.dts = pts + round(n * PIECE_S / base)
                packet.duration, packet.time_base, packet.stream = duration, base, stream
                whole.mux(packet)
    piece.unlink()
    return times


def resident_mb(pid: int) -> float:
    """What a process and everything it started hold in memory."""
    try:
        root = psutil.Process(pid)
        return sum(_rss(process) for process in [root, *root.children(recursive=True)]) / 1e6
    except psutil.NoSuchProcess:
        return 0.0


def _rss(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0


@asynccontextmanager
async def system(folder: Path, slots: int) -> AsyncIterator[tuple[Stack, Gateway]]:
    media, output, temporary = folder / "media", folder / "output", folder / "temporary"
    for made in (media, output, temporary):
        made.mkdir(exist_ok=True)
    settings = config.settings() | {
        "FLEX_SERVERS": config.storage_servers({"flex-1": media}),
        "DEFAULT_OUTPUT_PATH": str(output),
        "TEMP_DIRECTORY": str(temporary),
        "WHISPER_MODEL_PATH": str(media_factory.DEMO),
        "DEFAULT_LANGUAGE": "en",
        "WORKER_CONCURRENCY": str(slots),
        "JOB_LEASE": str(LEASE_S),
        "MAX_FILE_SIZE": "20GB",
    }
    async with Stack(folder / "data", settings=settings, ports=Ports(api=0)) as stack:
        key = await accounts.working_key(stack.database_url)
        async with Gateway(stack.api_url, key) as gateway:
            yield stack, gateway


async def run(hours: float, slots: int) -> int:
    with tempfile.TemporaryDirectory(prefix="archivist-marathon-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        (folder / "media").mkdir()
        print(f"Making a recording of {hours:g} hours …", flush=True)
        said = recording(folder / "media" / "meeting.mkv", hours)
        recording(folder / "media" / "short.mkv", PIECE_S / 3600)
        async with system(folder, slots) as (stack, gateway):
            once = await gateway.submit("flex-1", "short.mkv")
            while (await gateway.read(once["id"]))["status"] != "completed":
                await asyncio.sleep(0.5)
            rest = resident_mb(stack.pids()["transcriber"])
            began, kills, most, largest = time.monotonic(), list(KILLS_AT), 0.0, 0
            job = await gateway.submit("flex-1", "meeting.mkv")
            with progress.bar("meeting.mkv") as feed:
                while True:
                    if time.monotonic() - began > DEADLINE_S:
                        raise TimeoutError(f"not done within {DEADLINE_S} s")
                    pid = stack.pids().get("transcriber")
                    most = max(most, resident_mb(pid) if pid else 0.0)
                    files = [file for file in (folder / "temporary").rglob("*") if file.is_file()]
                    largest = max([largest, *(file.stat().st_size for file in files)])
                    now = await gateway.read(job["id"])
                    feed(now)
                    if now["status"] in {"completed", "failed", "cancelled"}:
                        break
                    if kills and pid and now["audio_done_s"] >= kills[0] * hours * 3600:
                        os.kill(pid, signal.SIGKILL)
                        kills.pop(0)
                    await asyncio.sleep(0.25)
            took = time.monotonic() - began
            words = await _words(gateway, now["id"]) if now["status"] == "completed" else []
            phrase = await _words(gateway, once["id"])
    wanted = said * len(phrase)
    survived = len(KILLS_AT) - len(kills)
    held = {
        f"completed ({now['status']}, attempt {now['attempt']})": now["status"] == "completed",
        f"kills survived: {survived} of {len(KILLS_AT)}": survived == len(KILLS_AT),
        f"memory beyond rest: {most - rest:.0f} MB ({rest:.0f} MB at rest, {slots} slots), bound {MEMORY_MB}":
            most - rest <= MEMORY_MB,
        f"largest temporary file: {largest / 1e6:.0f} MB, bound {TEMPORARY_MB}": largest <= TEMPORARY_MB * 1e6,
        f"words heard: {len(words)}; {wanted} were said, bound 1 %": abs(len(words) - wanted) <= wanted // 100,
    }  # fmt: skip
    print(f"\n{hours:g} hours in {took:.0f} s, {hours * 3600 / took:.0f} times real time")
    for sentence, kept in held.items():
        print(f"  {'kept    ' if kept else 'NOT KEPT'}  {sentence}")
    return 0 if all(held.values()) else 1


async def _words(gateway: Gateway, job_id: str) -> list[str]:
    captions = FORMATS["json"].read(await gateway.output(job_id, "json"))  # type: ignore[misc]
    return [word.text for word in captions.words]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.marathon", description=__doc__)
    parser.add_argument("--hours", type=float, default=12.0)
    parser.add_argument("--slots", type=int, default=2)
    options = parser.parse_args()
    return asyncio.run(run(options.hours, options.slots))


if __name__ == "__main__":
    sys.exit(main())
