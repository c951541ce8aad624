"""The commands of the README, run as a person runs them, in a process and a folder of their own."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests import media_factory
from tests.e2e.conftest import reference

from archivist_captions import evaluation
from archivist_captions.cea608 import verifier

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]

MOST_ERRORS = 0.08
LENGTH_S = 59.2  # of a meeting: the end of its eighteenth sentence
CONTAINERS = ("wav", "mp3", "m4a", "mp4", "mkv", "mov", "ts", "mxf")


def _archivist(*arguments: str, cwd: Path, timeout: float = 300) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "archivist_cli.main", *arguments],
        cwd=cwd,
        timeout=timeout,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_demo_shows_captions_and_says_how_right_they_are(tmp_path: Path) -> None:
    done = _archivist("demo", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Word error rate" in done.stdout
    assert "Real-time factor" in done.stdout
    shown = [line for line in done.stdout.splitlines() if line.startswith(" │")]
    assert shown
    assert {len(line) for line in shown} == {32 + 5}
    assert verifier.verify((tmp_path / "archivist-demo/meeting-2min.scc").read_text("ascii")) == ()


@dataclass(frozen=True)
class Transcribed:
    """What one run made of the same meeting in every container, and of a file that is no recording."""

    done: subprocess.CompletedProcess[str]
    output: Path


@pytest.fixture(scope="module")
def transcribed(tmp_path_factory: pytest.TempPathFactory) -> Transcribed:
    folder = tmp_path_factory.mktemp("transcribed")
    sound = media_factory.sample("meeting-2min", LENGTH_S)
    with_picture = {"mp4", "mkv", "mov", "ts", "mxf"}
    # Base names of their own: one base name would be one set of captions.
    files = [
        media_factory.write(folder / f"of {ending}.{ending}", sound, video=59 if ending in with_picture else None)
        for ending in CONTAINERS
    ]
    bad = folder / "bad.mp4"
    bad.write_text("not a recording")
    asked = ("transcribe", "--model", "demo", "--format", "scc", "--format", "txt", "--output", "out")
    return Transcribed(_archivist(*asked, str(bad), *map(str, files), cwd=folder), folder / "out")


@pytest.mark.parametrize("ending", CONTAINERS)
def test_transcribe_gives_the_same_captions_for_every_container(transcribed: Transcribed, ending: str) -> None:
    spoken = [part["text"] for part in reference("meeting-2min.ogg")["segments"] if part["end"] <= LENGTH_S]
    said = evaluation.words_of(" ".join(spoken))
    assert len(said) > 90
    played = verifier.play((transcribed.output / f"of {ending}.scc").read_text("ascii"))
    assert played.findings == ()
    shown = evaluation.words_of(" ".join(screen.text for screen in played.screens))
    assert evaluation.word_error_rate(said, shown) <= MOST_ERRORS


def test_one_bad_file_does_not_keep_the_others_from_their_captions(transcribed: Transcribed) -> None:
    assert transcribed.done.returncode == 1
    assert "bad.mp4: MEDIA_UNREADABLE" in transcribed.done.stderr
    for ending in CONTAINERS:
        assert (transcribed.output / f"of {ending}.txt").read_text().split()
    assert not list(transcribed.output.glob("bad.*"))


def test_transcribe_never_writes_over_a_file_without_being_told(tmp_path: Path) -> None:
    recording = media_factory.write(tmp_path / "council.wav", media_factory.sample("short-20s"))
    (tmp_path / "council.srt").write_text("made by hand")
    asked = ("transcribe", "--model", "demo", "--format", "srt", str(recording))
    refused = _archivist(*asked, cwd=tmp_path)
    assert refused.returncode == 1
    assert "council.srt exists" in refused.stderr
    assert "%" not in refused.stderr + refused.stdout  # said before any work, not after
    assert (tmp_path / "council.srt").read_text() == "made by hand"
    assert _archivist(*asked, "--overwrite", cwd=tmp_path).returncode == 0
    assert "-->" in (tmp_path / "council.srt").read_text()


async def test_up_prints_where_it_is_and_stops_within_ten_seconds_without_orphans(tmp_path: Path) -> None:
    (tmp_path / "media").mkdir()
    running = await asyncio.create_subprocess_exec(
        *[sys.executable, "-m", "archivist_cli.main", "up", "--media", "media", "--data", "data", "--port", "0"],
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "WHISPER_MODEL_PATH": str(media_factory.DEMO)},
    )
    assert running.stdout is not None
    said = ""
    async with asyncio.timeout(60):
        while "Stop with Ctrl-C" not in said:
            line = (await running.stdout.readline()).decode()
            assert line, said
            said += line
    assert "/docs" in said
    assert "one-time password" in said
    assert "Publish nowhere: set CABLECAST_API_URL" in said
    notes = json.loads((tmp_path / "data/stack.json").read_text())
    assert notes["api_url"] in said
    running.send_signal(signal.SIGTERM)
    async with asyncio.timeout(10):
        assert await running.wait() == 0
    left = [
        entry.name
        for entry in Path("/proc").iterdir()
        if entry.name.isdigit() and str(tmp_path).encode() in _command_and_environment(entry)
    ]
    assert left == []


def _command_and_environment(process: Path) -> bytes:
    try:
        return (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return b""
