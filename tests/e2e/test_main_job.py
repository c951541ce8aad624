"""A recording in, captions out, through every process; and what is said of recordings that cannot be captioned."""

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

import asyncpg
import httpx
import pytest
from tests import media_factory
from tests.e2e.conftest import System, reference

from archivist_captions import evaluation
from archivist_captions.cea608 import verifier
from archivist_captions.timecode import ms_at
from archivist_common.errors import FileMissing, InvalidFileFormat, ModelUnknown, PathRefused

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

MOST_ERRORS = 0.08


async def test_a_submitted_recording_becomes_captions_where_the_settings_say(system: System) -> None:
    name = system.recording("17837-1-Birchwood City Council (20220412).ogg")
    job = await system.gateway.submit("flex-1", name)
    assert job["status"] == "pending"
    seen = [update async for update in system.gateway.events(job["id"])]
    progress = [update.data["progress"] for update in seen if update.event == "progress"]
    assert progress == sorted(progress)
    states = [update.data["status"] for update in seen if update.event == "state"]
    assert states == ["pending", "processing", "completed"]
    base = name.removesuffix(".ogg")
    endings = (".json", ".scc", ".srt", ".txt", ".vtt", "_metadata.json", "_summary.txt")
    assert set(await system.placed(job["id"])) >= {base + ending for ending in endings}
    on_disk = (system.output / "flex-1" / f"{base}.scc").read_bytes()
    assert await system.gateway.output(job["id"], "scc") == on_disk
    database = system.stack.database_url.replace("postgresql+asyncpg", "postgresql")
    connection = await asyncpg.connect(database)
    try:
        row = await connection.fetchrow("SELECT * FROM transcriptions WHERE filename = $1", name)
    finally:
        await connection.close()
    assert (row["status"], row["attempt"], row["duration"]) == ("completed", 1, 120)
    assert Path(row["scc_file_path"]).read_bytes() == on_disk


@pytest.mark.parametrize("sample", ["meeting-2min.ogg", pytest.param("meeting-10min.ogg", marks=pytest.mark.slow)])
async def test_the_captions_say_what_was_said_when_it_was_said(system: System, sample: str) -> None:
    job = await system.gateway.submit("flex-1", system.recording(f"as said {sample}", sample))
    assert (await system.ended(job["id"], 240))["status"] == "completed"
    played = verifier.play((await system.gateway.output(job["id"], "scc")).decode("ascii"))
    assert [finding for finding in played.findings if finding.severity == "error"] == []
    said = reference(sample)["segments"]
    words = [
        (word, spoken["start"])
        for part in said
        for spoken in part["words"]
        for word in evaluation.words_of(spoken["word"])
    ]
    shown = evaluation.words_of(" ".join(screen.text for screen in played.screens))
    assert evaluation.word_error_rate([word for word, _ in words], shown) <= MOST_ERRORS
    # A cue's first word, found among the spoken ones near its time.
    near = []
    for screen in played.screens:
        first = next(iter(evaluation.words_of(screen.text)), None)
        starts = [abs(start - ms_at(screen.start) / 1000) for word, start in words if word == first]
        near.append(min(starts, default=99) <= 0.5)
    assert sum(near) / len(near) >= 0.9


async def test_the_summary_is_made_of_sentences_with_their_times(system: System) -> None:
    job = await system.gateway.submit("flex-1", system.recording("summary.ogg"))
    assert (await system.ended(job["id"]))["status"] == "completed"
    sentences = (await system.gateway.summary(job["id"]))["sentences"]
    text = " ".join((await system.gateway.output(job["id"], "txt")).decode().split())
    assert sentences
    assert all(sentence["text"] in text for sentence in sentences)
    starts = [sentence["start_ms"] for sentence in sentences]
    assert starts == sorted(starts)


async def test_a_silent_recording_completes_with_a_warning_and_a_valid_empty_scc(system: System) -> None:
    media_factory.write(system.media / "silent.wav", media_factory.silence(20))
    job = await system.gateway.submit("flex-1", "silent.wav")
    ended = await system.ended(job["id"])
    assert ended["status"] == "completed"
    assert any(warning.startswith("NO_SPEECH") for warning in ended["warnings"])
    scc = (await system.gateway.output(job["id"], "scc")).decode("ascii")
    assert scc.startswith("Scenarist_SCC V1.0")
    assert verifier.verify(scc) == ()
    assert not verifier.play(scc).screens


def _nothing(path: Path) -> None:
    path.touch()


def _text(path: Path) -> None:
    path.write_text("These are the minutes of the meeting, not a recording of it.\n" * 200)


def _cut(path: Path) -> None:
    """An mp4 as a recorder leaves it that lost its power: its index, written last, is not there."""
    media_factory.write(path, media_factory.sample("short-20s"), video=20)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize("spoil", [_nothing, _text, _cut], ids=["zero-bytes", "text-renamed", "cut-off"])
async def test_a_recording_that_cannot_be_read_fails_with_a_code_and_a_sentence(
    system: System, spoil: Callable[[Path], None]
) -> None:
    name = f"spoilt {spoil.__name__}.mp4"
    spoil(system.media / name)
    job = await system.gateway.submit("flex-1", name)
    ended = await system.ended(job["id"])
    assert (ended["status"], ended["error"]["code"]) == ("failed", "MEDIA_UNREADABLE")
    assert len(ended["error"]["message"].split()) > 3
    assert not (system.output / ".archivist" / job["id"]).exists() or not system.attempts_on_disk(job["id"])


async def test_a_video_without_sound_says_so(system: System) -> None:
    media_factory.write(system.media / "mute.mp4", video=5)
    job = await system.gateway.submit("flex-1", "mute.mp4")
    assert (await system.ended(job["id"]))["error"]["code"] == "NO_AUDIO_TRACK"


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("nobody.mp4", FileMissing),
        ("../etc/passwd", PathRefused),
        ("/etc/passwd", PathRefused),
        ("folder", InvalidFileFormat),
        ("out.mp4", PathRefused),
    ],
)
async def test_a_path_that_leads_nowhere_or_out_is_refused(system: System, path: str, error: type[Exception]) -> None:
    (system.media / "folder").mkdir(exist_ok=True)
    link = system.media / "out.mp4"
    link.unlink(missing_ok=True)
    link.symlink_to("/etc/passwd")
    with pytest.raises(error):
        await system.gateway.submit("flex-1", path)


async def test_an_unknown_model_is_refused_with_the_known_ones(system: System) -> None:
    with pytest.raises(ModelUnknown, match="demo"):
        await system.gateway.submit("flex-1", system.recording("model.ogg"), model="enormous-v9")


async def test_every_process_answers_for_its_health(system: System) -> None:
    async with httpx.AsyncClient(timeout=5, trust_env=False) as http:
        for name, url in system.stack.urls.items():
            version = (await http.get(f"{url}/version")).json()
            assert version["service"] == name
            assert (await http.get(f"{url}/health/live")).status_code == 200
            assert (await http.get(f"{url}/health/ready")).status_code == 200
            assert "archivist_build_info" in (await http.get(f"{url}/metrics")).text
        async with asyncio.timeout(30):
            while (report := (await http.get(f"{system.stack.urls['monitor']}/health"))).status_code != 200:
                await asyncio.sleep(1)
    components = report.json()["components"]
    assert {"database", "redis", "storage", "system", "transcription"} <= set(components)


async def test_the_queue_is_ordered_from_the_command_line(system: System) -> None:
    async def queue(*arguments: str) -> str:
        command = [sys.executable, "-m", "archivist_cli.main", "queue", *arguments, "--data", str(system.stack.data)]
        running = await asyncio.create_subprocess_exec(
            *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        async with asyncio.timeout(60):
            said, _ = await running.communicate()
        assert running.returncode == 0, said.decode()
        return said.decode()

    assert "The queue is paused" in await queue("pause")
    jobs = [
        await system.gateway.submit("flex-1", system.recording(f"ordered {n}.ogg", f"meeting-{n}min.ogg"))
        for n in (2, 10)
    ]
    first, last = (job["id"] for job in jobs)
    listed = (await queue("front", last[:12])).splitlines()
    assert [line.split()[1] for line in listed if "ordered" in line] == [last[:8], first[:8]]
    assert (await queue("cancel", first, last)).splitlines() == [f"{first}: cancelled", f"{last}: cancelled"]
    log = [line.split(maxsplit=3)[2:] for line in (await queue("log", first[:12])).splitlines()]
    assert log[0] == ["INFO", "queued"]
    assert "cancelled" in log[-1][1]
    assert "jobs taken out of the list" in await queue("clear", "--cancelled")
    assert "paused" not in await queue("resume")
    assert (await system.gateway.read(first))["cleared"]
