"""Shows over HTTP: searched, synced, suggested for a recording, and said by a person to be the one."""

from datetime import date

import pytest
from sqlalchemy import func, insert, update

from archivist_common.database.models import SyncRun, VodContent
from archivist_common.publishing import lifecycle

COUNCIL = "17837-1-Birchwood City Council (20220412).mp4"
DAY = date(2022, 4, 12)


async def test_shows_are_searched_paged_and_read(gateway):
    for number in (1, 2, 3):
        await gateway.show(number, f"Birchwood City Council {number}", event_date=DAY.replace(day=number))
    await gateway.show(4, "Parade", cg_title="Oakdale 100%", has_captions=True, vods=[913], files=["p.mp4"])
    async with gateway.db.transaction() as session:
        await session.execute(insert(VodContent).values(vod_id="913", title="Parade", show=4, status="published"))
    async with gateway.as_("uma") as uma:
        page = (await uma.get("/shows", params={"search": "birchwood council", "limit": 2})).json()
        rest = await uma.get("/shows", params={"search": "birchwood council", "limit": 2, "cursor": page["next"]})
        assert [one["id"] for one in page["items"] + rest.json()["items"]] == [3, 2, 1]
        other = await uma.get("/shows", params={"search": "parade", "cursor": page["next"]})
        assert other.json()["code"] == "VALIDATION_FAILED"
        (show,) = (await uma.get("/shows", params={"search": "100%", "has_vod": True})).json()["items"]
        assert (show["id"], show["vod_ids"], show["files"]) == (4, [913], ["p.mp4"])
        whole = (await uma.get("/shows/4")).json()
        assert [(vod["vod_id"], vod["status"]) for vod in whole["vods"]] == [("913", "published")]
        for params, status in (
            ({"date_from": "12.4.2022"}, 422),
            ({"search": "x\0"}, 422),
            ({"location": -1}, 422),
            ({"search": "'; --"}, 200),
        ):
            assert (await uma.get("/shows", params=params)).status_code == status
        for path, status in (("/shows/5", 404), ("/shows/x", 422), (f"/shows/{2**31}", 422)):
            assert (await uma.get(path)).status_code == status


async def test_undated_shows_are_paged_too(gateway):
    for number in range(1, 6):
        await gateway.show(number)
    async with gateway.as_("uma") as uma:
        got, cursor = [], None
        while True:
            params = {"limit": 2} | ({} if cursor is None else {"cursor": cursor})
            page = (await uma.get("/shows", params=params)).json()
            got += [one["id"] for one in page["items"]]
            if (cursor := page["next"]) is None:
                break
    assert got == [5, 4, 3, 2, 1]


async def test_a_sync_is_asked_for_once_and_followed(gateway):
    async with gateway.as_("otto") as otto, gateway.as_("uma") as uma:
        assert (await otto.post("/shows/sync", json={})).json()["code"] == "CONFLICT"
        await gateway.target("folder")
        assert "has no shows" in (await otto.post("/shows/sync", json={})).json()["detail"]
        await gateway.target()
        answer = await otto.post("/shows/sync", json={})
        assert (answer.status_code, answer.headers["location"]) == (202, "/api/v1/shows/sync")
        first = answer.json()["items"]
        assert [(run["kind"], run["mode"], run["status"]) for run in first] == [
            ("shows", "changes", "pending"), ("vods", "changes", "pending"),
        ]  # fmt: skip
        again = await otto.post("/shows/sync", json={"kinds": ["shows"], "mode": "full"})
        assert [run["id"] for run in again.json()["items"]] == [first[0]["id"]]
        async with gateway.db.transaction() as session:
            given = {"status": "running", "position": 50, "total": 200, "added": 3}
            await session.execute(update(SyncRun).where(SyncRun.kind == "shows").values(**given))
            done = {"status": "failed", "error_code": "TARGET_AWAY", "error_message": "no answer"}
            await session.execute(
                update(SyncRun).where(SyncRun.kind == "vods").values(**done, finished_date=func.now())
            )
        told = (await uma.get("/shows/sync")).json()
        runs = {run["kind"]: run for run in told["items"]}
        assert (runs["shows"]["percent"], runs["shows"]["added"], runs["shows"]["total"]) == (25, 3, 200)
        assert runs["vods"]["error"] == {"code": "TARGET_AWAY", "message": "no answer"}
        assert told["last_good"] == {"shows": None, "vods": None}
        for body in ({"kinds": []}, {"kinds": ["reels"]}, {"mode": "half"}):
            assert (await otto.post("/shows/sync", json=body)).status_code == 422


async def test_a_recordings_own_number_makes_the_winner_where_title_and_day_agree(gateway):
    await gateway.show(17_837, "Birchwood City Council", event_date=DAY, runtime=60)
    await gateway.show(17_838, "Birchwood Planning Commission", event_date=DAY)
    job_id = await gateway.captioned("uma", COUNCIL)
    async with gateway.as_("uma") as uma:
        told = (await uma.get(f"/transcriptions/{job_id}/suggestions")).json()
    assert (told["verdict"], told["items"][0]["show_id"]) == ("match", 17_837)
    assert told["items"][0]["event_date"] == "2022-04-12"
    assert "number 17837 stands in the file name" in told["items"][0]["reasons"]
    assert any("length agrees" in reason for reason in told["items"][0]["reasons"])
    assert [one["score"] for one in told["items"]] == sorted((one["score"] for one in told["items"]), reverse=True)


@pytest.mark.parametrize(
    ("shows", "verdict"),
    [
        pytest.param([(17_837, "Oakdale Park Board")], "ambiguous", id="number-of-another-show"),
        pytest.param(
            [(1, "Birchwood City Council"), (2, "Birchwood City Council")], "ambiguous", id="two-equal-candidates"
        ),
        pytest.param([], "nothing", id="no-show"),
    ],
)
async def test_what_is_not_clear_is_left_to_a_person(gateway, shows, verdict):
    for number, title in shows:
        await gateway.show(number, title, event_date=DAY)
    job_id = await gateway.captioned("uma", COUNCIL)
    async with gateway.as_("uma") as uma:
        told = (await uma.get(f"/transcriptions/{job_id}/suggestions")).json()
    assert told["verdict"] == verdict
    assert {one["show_id"] for one in told["items"]} == {number for number, _ in shows}


async def test_a_person_says_which_show_it_is_and_what_waited_for_that_goes_on(gateway):
    await gateway.target()
    await gateway.show(4120, "Council", cg_title="Birchwood Council, April 12")
    job_id = await gateway.captioned("uma", "Council.mp4")
    here = f"/transcriptions/{job_id}/show"
    async with gateway.as_("uma") as uma:
        assert (await uma.get(here)).json()["show_id"] is None
        publication = (await uma.post("/publications", json={"transcription_id": job_id})).json()["id"]
        held = await gateway.take()
        async with gateway.db.transaction() as session:
            await lifecycle.hold(session, held, "SHOW_UNKNOWN", "which show is it?")
        answer = await uma.put(here, json={"show_id": 4121})
        assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")
        assert (await uma.get(f"/publications/{publication}")).json()["status"] == "held"
        told = (await uma.put(here, json={"show_id": 4120})).json()
        assert (told["show_id"], told["by_person"], told["score"]) == (4120, True, None)
        assert told["title"] == "Birchwood Council, April 12"
        assert (await uma.get(f"/publications/{publication}")).json()["status"] == "pending"
        (linked,) = (await uma.get("/shows/4120")).json()["recordings"]
        assert (linked["path"], linked["score"]) == ("Council.mp4", None)
        forced = (await uma.put(here, json={"show_id": 4121, "force": True})).json()
        assert (forced["show_id"], forced["title"]) == (4121, None)
        for _ in range(2):
            answer = await uma.delete(here)
            assert (answer.status_code, answer.json()["show_id"]) == (200, None)
        for body in ({"show_id": 0}, {"show_id": 2**31}, {}, {"show_id": 4120, "why": "x"}):
            assert (await uma.put(here, json=body)).status_code == 422
        said = [entry["message"] for entry in (await uma.get(f"/transcriptions/{job_id}/log")).json()["items"]]
    assert "its recording was linked to show 4120" in said
    assert said.count("its recording was unlinked from its show") == 1
