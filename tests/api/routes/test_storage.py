"""Browsing: names, sizes, dates, pages, and nothing beyond the mount."""

import os
import time

import pytest


async def browse(client, **query):
    return (await client.get("/storage/flex-1/files", params=query)).json()


async def test_recordings_come_newest_first_with_size_date_and_captions(gateway):
    now = time.time()
    for age, name in enumerate(("Mayor's Q&A – José.mp4", "old.mov", "folder/inside.mp4")):
        gateway.recording(name, b"x" * (age + 1))
        os.utime(gateway.media / name, (now - age, now - age))
    for name in ("old.scc", "notes.docx", ".hidden.mp4", "copy_captioned.mp4"):
        gateway.recording(name)
    async with gateway.as_("uma") as uma:
        top = await browse(uma)
        inside = await browse(uma, path="folder")
    assert [item["name"] for item in top["items"]] == ["folder", "Mayor's Q&A – José.mp4", "old.mov"]
    assert [item["is_folder"] for item in top["items"]] == [True, False, False]
    assert [item["size_bytes"] for item in top["items"]] == [None, 1, 2]
    assert [item["has_captions"] for item in top["items"]] == [False, False, True]
    assert [item["path"] for item in inside["items"]] == ["folder/inside.mp4"]
    assert (top["total"], top["truncated"], top["next"]) == (3, False, None)


@pytest.mark.parametrize("order", ["newest", "name"])
async def test_pages_hold_every_recording_once(gateway, order):
    names = {gateway.recording(f"{number:02}.mp4") for number in range(25)}
    async with gateway.as_("uma") as uma:
        seen, query = [], {"limit": 10, "order": order}
        while True:
            page = await browse(uma, **query)
            seen += [item["name"] for item in page["items"]]
            if page["next"] is None:
                break
            query["cursor"] = page["next"]
    assert (len(seen), set(seen)) == (25, names)


async def test_what_is_browsed_can_be_submitted(gateway):
    gateway.recording("two\nlines 🎉.mp4")
    async with gateway.as_("uma") as uma:
        (item,) = (await browse(uma))["items"]
        answer = await uma.post("/transcriptions", json={"storage": "flex-1", "path": item["path"]})
    assert answer.status_code == 202


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        pytest.param({"path": ".."}, 422, "PATH_REFUSED", id="up"),
        pytest.param({"path": "folder/../.."}, 422, "PATH_REFUSED", id="down-and-up"),
        pytest.param({"path": "/etc"}, 422, "PATH_REFUSED", id="absolute"),
        pytest.param({"path": "link"}, 422, "PATH_REFUSED", id="a-link-leading-out"),
        pytest.param({"path": "a\0b"}, 422, "PATH_REFUSED", id="nul"),
        pytest.param({"path": "missing"}, 404, "FILE_NOT_FOUND", id="missing"),
        pytest.param({"path": "a.mp4"}, None, None, id="a-file"),
        pytest.param({"limit": 201}, 422, "VALIDATION_FAILED", id="too-large-a-page"),
        pytest.param({"order": "size"}, 422, "VALIDATION_FAILED", id="no-order"),
        pytest.param({"cursor": "x"}, 422, "VALIDATION_FAILED", id="no-cursor"),
        pytest.param({"cursor": "/etc"}, 422, "VALIDATION_FAILED", id="a-path-for-a-cursor"),
    ],
)
async def test_what_is_not_beneath_the_mount_is_refused(gateway, tmp_path, query, status, code):
    gateway.recording("folder/a.mp4")
    gateway.recording("a.mp4")
    (gateway.media / "link").symlink_to(tmp_path)
    async with gateway.as_("uma") as uma:
        answer = await uma.get("/storage/flex-1/files", params=query)
    if status is None:
        assert 400 <= answer.status_code < 500
    else:
        assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert str(gateway.media) not in answer.text


async def test_a_cursor_of_one_folder_is_refused_in_another(gateway):
    for folder in ("one", "two"):
        for number in range(3):
            gateway.recording(f"{folder}/{number}.mp4")
    async with gateway.as_("uma") as uma:
        cursor = (await browse(uma, path="one", limit=1))["next"]
        answer = await uma.get("/storage/flex-1/files", params={"path": "two", "cursor": cursor})
    assert answer.status_code == 422


async def test_servers_say_how_they_are(gateway):
    async with gateway.as_("uma") as uma:
        (server,) = (await uma.get("/storage")).json()["items"]
    assert (server["name"], server["mounted"], server["readable"], server["hung"]) == ("flex-1", True, True, False)
    assert (server["writable"], server["full"], server["reason"]) == (True, False, None)
    assert 0 < server["free_bytes"] <= server["total_bytes"]
    assert "path" not in server
