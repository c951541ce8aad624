"""The queue in a terminal, and jobs named by how their ids begin."""

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from archivist_cli.commands.job_queue import lines
from archivist_cli.connection import found
from archivist_cli.local.errors import StackError
from archivist_cli.main import main

STATION = timezone(timedelta(hours=-5))
NOW = datetime(2026, 6, 1, 21, 0, tzinfo=STATION)


def job(number: int, **more: Any) -> dict[str, Any]:
    plain = {
        "id": f"{number:08x}-0000-4000-8000-000000000000",
        "status": "pending",
        "stage": None,
        "progress": 0,
        "position": number,
        "priority": 1,
        "paused": False,
        "cancel_requested": False,
        "start_at": None,
        "estimated_start": None,
        "estimated_finish": None,
        "storage": "flex-1",
        "path": f"Council {number}.mp4",
    }
    return plain | more


def queue(**more: Any) -> dict[str, Any]:
    plain = {
        "paused": False,
        "paused_since": None,
        "paused_by": None,
        "length": 0,
        "slots": 2,
        "speed": None,
        "estimated_finish": None,
        "running": [],
        "waiting": [],
    }
    return plain | more


def at(hour: int, minute: int = 0, day: int = 1) -> str:
    return datetime(2026, 6, day, hour, minute, tzinfo=STATION).astimezone(UTC).isoformat()


def test_the_queue_is_a_table_with_places_and_times_of_here() -> None:
    running = job(
        9,
        status="processing",
        stage="transcribe",
        progress=45,
        position=None,
        estimated_finish=at(21, 30),
        priority=5,
    )
    waiting = [
        job(1, estimated_start=at(21, 30), estimated_finish=at(22, 10)),
        job(2, paused=True),
        job(3, start_at=at(23)),
        job(4, cancel_requested=True, estimated_start=at(22, 10), estimated_finish=at(1, day=2)),
    ]
    told = queue(
        running=[running], waiting=waiting, length=6, speed=12.34, estimated_finish=at(1, day=2), paused_by="otto"
    )
    assert list(lines(told, NOW)) == [
        "1 running, 6 waiting; 2 slots, 12.3 times as fast as spoken; all done about 2026-06-02 01:00",
        "#  JOB       PRIO  STATE            STARTS  ENDS              RECORDING",
        "-  00000009  5     transcribe 45 %  -       21:30             flex-1/Council 9.mp4",
        "1  00000001  1     waiting          21:30   22:10             flex-1/Council 1.mp4",
        "2  00000002  1     waiting, paused  -       -                 flex-1/Council 2.mp4",
        "3  00000003  1     waiting          23:00   -                 flex-1/Council 3.mp4",
        "4  00000004  1     stopping         22:10   2026-06-02 01:00  flex-1/Council 4.mp4",
        "… and 2 more",
    ]


def test_an_empty_queue_is_a_line_and_a_paused_one_says_since_when() -> None:
    assert list(lines(queue(), NOW)) == ["0 running, 0 waiting; 2 slots, speed not measured yet"]
    paused = queue(paused=True, paused_since=at(20, 15), paused_by="otto")
    assert next(lines(paused, NOW)) == "The queue is paused since 20:15 by otto."


def test_a_job_is_named_by_its_id_or_how_that_begins() -> None:
    jobs = [job(0xABCD1234), job(0xABCD5678)]
    assert found("abcd1", jobs) == found("ABCD1234", jobs) == jobs[0]["id"]
    assert found(job(7)["id"], jobs) == job(7)["id"]
    with pytest.raises(StackError, match="2 jobs begin like that"):
        found("abcd", jobs)
    for name in ("abc", "beef", "", "../abcd1"):
        with pytest.raises(StackError, match="no such job"):
            found(name, jobs)


def test_without_a_gateway_or_a_key_it_says_what_to_give(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("ARCHIVIST_URL", "ARCHIVIST_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    assert main(["queue", "--data", str(tmp_path / "none")]) == 1
    assert "which gateway?" in capsys.readouterr().err
    assert main(["queue", "list", "--url", "http://127.0.0.1:1", "--data", str(tmp_path / "none")]) == 1
    assert "set ARCHIVIST_API_KEY" in capsys.readouterr().err


async def test_the_log_of_a_job_that_has_ended_is_printed_oldest_first(gateway, archivist) -> None:
    job_id = await gateway.captioned("otto", "Council (20220412).mp4")
    code, printed, _ = await archivist("queue", "log", job_id[:8])
    messages = [line.split(maxsplit=3)[2:] for line in printed.splitlines()]
    assert code == 0
    assert messages == [["INFO", "queued"], ["INFO", "started, attempt 1"], ["INFO", "completed, attempt 1"]]
    assert (await archivist("queue", "log", "beefbeef"))[0] == 1
