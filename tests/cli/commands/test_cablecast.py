"""The server behind publishing in a terminal: shows searched and said, chapters written, targets resumed, syncs."""

import asyncio
import sys
from datetime import date

import pytest
from sqlalchemy import func, select, update
from tests.api.routes.test_chapters import spoken

from archivist_cli.commands.cablecast import chapter_lines, read_chapters
from archivist_cli.local.errors import StackError
from archivist_common.database.models import SyncRun
from archivist_common.publishing import targets
from archivist_common.shows import links

COUNCIL = "17837-1-Birchwood City Council (20220412).mp4"
DAY = date(2022, 4, 12)


async def test_shows_are_searched_suggested_and_said(gateway, archivist):
    await gateway.show(17_837, "Birchwood City Council", event_date=DAY, vods=[913], has_captions=True)
    await gateway.show(17_838, "Oakdale Park Board", event_date=DAY)
    job_id = await gateway.captioned("otto", COUNCIL)
    code, said, _ = await archivist("cablecast", "shows", "birchwood", "--from", "2022-04-01")
    assert (code, said.split()) == (
        0, ["17837", "2022-04-12", "Birchwood", "City", "Council", "1", "VODs", "captions"],
    )  # fmt: skip
    code, said, _ = await archivist("cablecast", "suggest", job_id[:8])
    assert (code, said.splitlines()[0]) == (0, "It is the first of these:")
    assert "number 17837 stands in the file name" in said
    code, _, complained = await archivist("cablecast", "link", job_id[:8], "4")
    assert (code, "no sync has seen a show 4" in complained) == (1, True)
    code, said, _ = await archivist("cablecast", "link", job_id[:8], "17838")
    assert (code, said.strip()) == (0, f"flex-1/{COUNCIL}: show 17838, Oakdale Park Board (chosen by a user)")
    async with gateway.db.transaction() as session:
        assert (await links.of_recording(session, "flex-1", COUNCIL)).show_id == 17_838
    code, said, _ = await archivist("cablecast", "unlink", job_id[:8])
    assert (code, "not linked to a show" in said) == (0, True)


async def test_a_target_that_is_stopped_says_why_and_what_to_do_and_is_resumed(gateway, archivist):
    code, said, _ = await archivist("cablecast", "targets")
    assert (code, "CABLECAST_API_URL" in said) == (1, True)
    await gateway.target()
    async with gateway.db.transaction() as session:
        await targets.describe(session, "cablecast", {"version": "7.8"})
        await targets.stop(session, "cablecast", "CREDENTIALS_REFUSED", "it answered 401")
    code, said, _ = await archivist("cablecast", "targets")
    assert (code, said.splitlines()[1:]) == (
        1, ["  it answered 401", "  once that is repaired: archivist cablecast resume cablecast", "  version: 7.8"],
    )  # fmt: skip
    code, said, _ = await archivist("cablecast", "resume", "cablecast")
    assert (code, said.splitlines()[0]) == (0, "cablecast (cablecast): ok, 0 waiting")
    assert (await archivist("cablecast", "targets"))[0] == 0


async def _both_are_asked_for_whole(db):
    async with db.transaction() as session:
        return await session.scalar(select(func.count()).where(SyncRun.mode == "full")) == 2


async def test_a_sync_is_asked_for_and_waited_for(gateway, archivist):
    await gateway.target()
    code, said, _ = await archivist("cablecast", "sync")
    assert (code, said.count("pending")) == (0, 2)
    waiting = asyncio.create_task(archivist("cablecast", "sync", "--full", "--wait"))
    async with asyncio.timeout(30):
        while not await _both_are_asked_for_whole(gateway.db):
            await asyncio.sleep(0.05)
    async with gateway.db.transaction() as session:
        done = {"status": "completed", "position": 1310, "total": 1310, "added": 12, "finished_date": func.now()}
        await session.execute(update(SyncRun).where(SyncRun.kind == "shows").values(**done))
        failed = {"status": "failed", "error_code": "TARGET_AWAY", "error_message": "no answer"}
        await session.execute(update(SyncRun).where(SyncRun.kind == "vods").values(**failed))
    code, said, _ = await waiting
    assert code == 1
    assert "shows full    completed 1310 of 1310, 100 %; 12 new, 0 changed, 0 gone" in said
    assert "TARGET_AWAY: no answer" in said


async def test_chapters_are_shown_written_from_a_file_and_found_again(gateway, archivist, tmp_path):
    body = {"storage": "flex-1", "path": gateway.recording("Council.mp4")}
    async with gateway.as_("otto") as otto:
        job_id = (await otto.post("/transcriptions", json=body)).json()["id"]
    await gateway.complete(await gateway.claim(), {"scc": b"scc", "json": spoken()})
    code, found, _ = await archivist("cablecast", "chapters", job_id[:8])
    assert (code, [line.split()[0][:7] for line in found.splitlines()]) == (0, ["0:00:00", "0:00:25", "0:00:50"])
    file = tmp_path / "chapters.txt"
    file.write_text("# mine\n\n0:00 Start\n0:30.5 Water tower\n", "utf-8")
    code, said, _ = await archivist("cablecast", "chapters", job_id[:8], "--edit", str(file))
    assert (code, said.splitlines()) == (0, ["0:00:00 Start", "0:00:30.500 Water tower"])
    file.write_text("0:01 Late\n0:00 Early\n", "utf-8")
    code, _, complained = await archivist("cablecast", "chapters", job_id[:8], "--edit", str(file))
    assert (code, "is not after" in complained) == (1, True)
    code, said, _ = await archivist("cablecast", "chapters", job_id[:8], "--reset")
    assert (code, said) == (0, found)
    code, _, complained = await archivist("cablecast", "chapters", job_id[:8], "--edit", str(tmp_path / "none"))
    assert (code, "none" in complained) == (1, True)


def test_chapters_are_read_as_they_are_shown():
    items = [
        {"start_ms": 0, "title": "Start"},
        {"start_ms": 61_050, "title": "Roll call: 5 of 5"},
        {"start_ms": 36_000_000, "title": "Still here"},
    ]
    assert read_chapters("\n".join(chapter_lines({"items": items}))) == items


@pytest.mark.parametrize("line", ["Start", "0:61 x", "1:2:3:4 x", "0:10", "0:10  ", "-0:10 x", "0:10x y"])
def test_a_line_that_is_no_chapter_is_named(line):
    with pytest.raises(StackError, match="line 2"):
        read_chapters(f"0:00 Start\n{line}")


def test_the_probe_is_run_in_the_publishers_room_with_this_environment(tmp_path, monkeypatch):
    """A stand-in for Python writes down what it was called with: the probe itself has tests of its own."""
    python, told = tmp_path / "python", tmp_path / "told"
    python.write_text(f'#!/bin/sh\necho "$CABLECAST_API_URL $@" > "{told}"\nexit 7\n')
    python.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(python))
    monkeypatch.setenv("CABLECAST_API_URL", "http://127.0.0.1:9")
    monkeypatch.chdir(tmp_path)
    from archivist_cli.main import main

    assert main(["cablecast", "probe", "--json"]) == 7
    assert told.read_text() == "http://127.0.0.1:9 -m archivist_vod.cablecast.probe --json\n"
