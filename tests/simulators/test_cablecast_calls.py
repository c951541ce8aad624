"""The simulator's API: prefix, rights, caches, content types, and what each call checks, does and answers."""

import asyncio
from typing import Any

import httpx
import pytest
from tests.simulators.cablecast import Simulator
from tests.simulators.conftest import SHOW, VIEWER, Caller, Stations

ADVANCED = "shows/search/advanced"


def search(field: str, operator: str = "equals", value: str = "", **more: Any) -> dict[str, Any]:
    one = {"field": field, "operator": operator, "searchValue": value}
    query = {"groups": [{"orAnd": "and", "filters": [one]}], "sortOptions": [], **more}
    return {"savedShowSearch": {"name": "", "query": query}}


async def new_show(api: httpx.AsyncClient, **fields: Any) -> dict[str, Any]:
    answer = await api.post("shows", json={"show": {"title": "Harbor Council", "location": 1, **fields}})
    assert answer.status_code == 201, answer.text
    return answer.json()["show"]  # type: ignore[no-any-return]


# Routing


@pytest.mark.parametrize("prefix", ["/CablecastAPI/v1", "/cablecastapi/v1", "/CABLECASTapi/V1"])
async def test_the_prefix_is_matched_without_case(sim: Simulator, api: httpx.AsyncClient, prefix: str) -> None:
    assert (await api.get(f"{sim.url}{prefix}/locations")).status_code == 200


@pytest.mark.parametrize("path", ["/api/v1/shows", "/CablecastAPI/v1/nothing", "/CablecastAPI/shows", "/"])
async def test_an_unknown_path_is_a_page_of_the_web_server(sim: Simulator, api: httpx.AsyncClient, path: str) -> None:
    answer = await api.get(sim.url + path)
    assert (answer.status_code, answer.headers["content-type"]) == (404, "text/html")


async def test_an_unknown_id_is_said_in_json(api: httpx.AsyncClient) -> None:
    answer = await api.get("shows/1")
    assert (answer.status_code, answer.json()) == (404, {"message": "There is no show 1."})


@pytest.mark.parametrize(
    ("method", "path"), [("DELETE", "locations"), ("PUT", "shows"), ("POST", "assets"), ("PATCH", "vods/900")]
)
async def test_a_wrong_method_is_405(api: httpx.AsyncClient, method: str, path: str) -> None:
    assert (await api.request(method, path, json={})).status_code == 405


async def test_a_query_too_long_for_the_web_server_is_not_found(api: httpx.AsyncClient) -> None:
    assert (await api.get(f"shows?{'&'.join(['ids[]=4120'] * 100)}")).status_code == 200
    assert (await api.get(f"shows?{'&'.join(['ids[]=4120'] * 250)}")).status_code == 404


# Who may


@pytest.mark.parametrize(
    "auth", [("operator", "wrong"), ("nobody", "secret"), ("disabled", "secret"), ("disabled", "*")]
)
async def test_bad_credentials_are_401_even_for_what_anybody_may_read(caller: Caller, auth: tuple[str, str]) -> None:
    answer = await caller(auth).get("locations")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Basic realm="Cablecast"'


@pytest.mark.parametrize(
    "path", ["assets", "assetreellinks", "filestores", "fileuploads", "usersession", "recordevents"]
)
async def test_some_reads_need_credentials(caller: Caller, path: str) -> None:
    assert (await caller(None).get(path)).status_code == 401


@pytest.mark.parametrize("path", ["shows", "vods", "systeminfo", "systemtime", "vodconfigurations", "digitalfiles"])
async def test_other_reads_do_not(caller: Caller, path: str) -> None:
    assert (await caller(None).get(path)).status_code == 200


async def test_writing_needs_the_right_to(sim: Simulator, caller: Caller) -> None:
    body = {"show": {"title": "x", "location": 1}}
    assert (await caller(None).post("shows", json=body)).status_code == 401
    assert (await caller(VIEWER).post("shows", json=body)).status_code == 403
    assert (await caller(VIEWER).get("shows")).json()["shows"] == []
    assert (await caller().post("shows", json=body)).status_code == 201


async def test_anybody_may_search_for_shows(caller: Caller) -> None:
    assert (await caller(None).post(ADVANCED, json=search("localId"))).status_code == 200


async def test_the_session_says_who_and_what_rights(caller: Caller) -> None:
    for auth, verbs in ((("operator", "secret"), ["read", "write", "delete"]), (VIEWER, ["read"])):
        session = (await caller(auth).get("usersession")).json()["userSession"]
        assert (session["user"], session["permissions"]["cablecast"]["shows"]) == (auth[0], verbs)


async def test_an_anonymous_read_stays_frozen_until_its_age_is_over(sim: Simulator, caller: Caller) -> None:
    nobody, operator = caller(None), caller()
    first = await nobody.get("shows")
    assert first.headers["cache-control"] == "public, max-age=300"
    await new_show(operator)
    await sim.control.advance(299)
    assert (await nobody.get("shows")).json()["shows"] == []
    fresh = await operator.get("shows")
    assert (len(fresh.json()["shows"]), fresh.headers["cache-control"]) == (1, "no-cache")
    await sim.control.advance(2)
    assert len((await nobody.get("shows")).json()["shows"]) == 1


async def test_everything_is_cached_and_nothing_written_on_the_cdn(stations: Stations, caller: Caller) -> None:
    reflect = await stations("reflect")
    await reflect.control.seed(shows=[SHOW])
    operator = caller(of=reflect)
    before = (await operator.get("shows")).json()
    assert (await operator.post("shows", json={"show": {"title": "x", "location": 1}})).status_code == 405
    await reflect.control.seed(shows=[{"id": 4121, "title": "Later"}])
    assert (await operator.get("shows")).json() == before


# Bodies


async def test_xml_is_not_acceptable_unless_it_is_switched_on(sim: Simulator, api: httpx.AsyncClient) -> None:
    wants = {"Accept": "application/xml"}
    assert (await api.get("shows", headers=wants)).status_code == 406
    await sim.control.switch(xml=True)
    assert (await api.get("shows", headers=wants)).headers["content-type"] == "application/xml"


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        pytest.param(b"{}", "text/plain", 415, id="no-json-type"),
        pytest.param(b"{}", None, 415, id="no-type"),
        pytest.param(b"{", "application/json", 400, id="no-json"),
        pytest.param(b"[]", "application/json", 422, id="a-list"),
        pytest.param(b"{}", "application/json", 422, id="no-root"),
        pytest.param(b'{"Show":{"title":"x","location":1}}', "application/json", 422, id="wrong-root"),
        pytest.param(b'{"show":null}', "application/json", 422, id="null-root"),
        pytest.param(b'{"show":{"title":"x","location":1}}', "application/json; charset=utf-8", 201, id="good"),
    ],
)
async def test_a_body_has_its_type_and_its_root(
    sim: Simulator, api: httpx.AsyncClient, content: bytes, kind: str | None, status: int
) -> None:
    await sim.control.switch(validation_status=422)
    answer = await api.post("shows", content=content, headers={"Content-Type": kind} if kind else {})
    assert answer.status_code == status


async def test_objects_have_a_property_nobody_knows_until_that_is_switched_off(
    sim: Simulator, api: httpx.AsyncClient
) -> None:
    assert (await new_show(api))["stationNote"]
    await sim.control.switch(extra_fields=False)
    assert "stationNote" not in await new_show(api)


async def test_fields_without_a_value_can_be_left_out(sim: Simulator, api: httpx.AsyncClient) -> None:
    assert (await new_show(api))["category"] is None
    await sim.control.switch(omit_nulls=True)
    assert "category" not in await new_show(api)


async def test_a_deprecated_call_warns_when_it_is_switched_on(sim: Simulator, api: httpx.AsyncClient) -> None:
    assert "warning" not in (await api.get("digitalfiles")).headers
    await sim.control.switch(warning_header=True)
    assert (await api.get("digitalfiles")).headers["warning"].startswith("299 ")


async def test_a_switch_that_is_not_there_is_refused(sim: Simulator) -> None:
    from tests.simulators.cablecast import NotDone

    for switches in ({"nothing": 1}, {"put": "sometimes"}, {"default_page": -1}, {"extra_fields": 3}):
        with pytest.raises(NotDone, match="switch"):
            await sim.control.switch(**switches)


# The station


@pytest.mark.parametrize(("profile", "version"), [("modern", "7.8"), ("mid", "7.4"), ("legacy", "6.9")])
async def test_the_version_is_that_of_the_profile(
    stations: Stations, caller: Caller, profile: str, version: str
) -> None:
    info = (await caller(of=await stations(profile)).get("systeminfo")).json()["systemInfo"]
    assert info["cablecastVersion"].startswith(version)


@pytest.mark.parametrize(
    ("profile", "missing"),
    [
        ("mid", ["assets", "assetreellinks", "fileuploads"]),
        ("legacy", ["assets", "assetreellinks", "fileuploads", "filestores", "vodstatuses/900"]),
    ],
)
async def test_an_older_server_lacks_what_came_later(
    stations: Stations, caller: Caller, profile: str, missing: list[str]
) -> None:
    sim = await stations(profile)
    await sim.control.seed(shows=[{**SHOW, "vods": [{"id": 900}]}])
    client = caller(of=sim)
    assert [(await client.get(path)).status_code for path in missing] == [404] * len(missing)
    assert (await client.get("digitalfiles")).json()["meta"]["count"] == 1


async def test_a_legacy_vod_has_no_state_but_its_last_transaction(stations: Stations, caller: Caller) -> None:
    sim = await stations("legacy")
    await sim.control.seed(shows=[{**SHOW, "vods": [{"id": 900, "state": "complete"}]}])
    client = caller(of=sim)
    vod = (await client.get("vods/900")).json()["vod"]
    assert "vodState" not in vod
    assert vod["transactionType"] == 5
    last = (await client.get(f"vodtransactions/{vod['lastTransaction']}")).json()["vodTransaction"]
    assert (last["vod"], last["transactionType"]) == (900, 5)


async def test_the_time_is_local_and_carries_its_offset(stations: Stations, caller: Caller) -> None:
    sim = await stations(start="2026-11-01T06:59:59+00:00")  # the night clocks go back in Chicago, an hour before
    client = caller(of=sim)
    before = (await client.get("systemtime")).json()["systemTime"]
    await sim.control.advance(3600)
    after = (await client.get("systemtime", params={"client_time": "2026-11-01T02:00:00-06:00"})).json()["systemTime"]
    assert (before["gmtOffset"], after["gmtOffset"], after["ianaTimeZone"]) == (-5.0, -6.0, "America/Chicago")
    assert before["time"].endswith("-05:00")
    assert after["clientOffset"] == -1.0


@pytest.mark.parametrize(
    ("path", "plural", "singular"),
    [
        ("locations", "locations", "location"),
        ("formats", "formats", "format"),
        ("categories", "categories", "category"),
        ("producers", "producers", "producer"),
        ("projects", "projects", "project"),
        ("showfields", "showFields", "showField"),
        ("filestores", "fileStores", "fileStore"),
        ("vodconfigurations", "vodConfigurations", "vodConfiguration"),
        ("vodtranscodequalities", "vodTranscodeQualities", "vodTranscodeQuality"),
    ],
)
async def test_lookups_are_listed_without_meta_and_one_by_one(
    api: httpx.AsyncClient, path: str, plural: str, singular: str
) -> None:
    listed = (await api.get(path)).json()
    assert "meta" not in listed
    first = listed[plural][0]
    assert (await api.get(f"{path}/{first['id']}")).json()[singular] == first


async def test_lookups_can_be_asked_for_one_location(api: httpx.AsyncClient) -> None:
    listed = (await api.get("vodconfigurations", params={"location": 2})).json()["vodConfigurations"]
    assert [row["id"] for row in listed] == [3]


async def test_a_project_needs_a_name_and_a_location_that_exists(api: httpx.AsyncClient) -> None:
    for body in ({"name": ""}, {"name": "New"}, {"name": "New", "location": 9}):
        assert (await api.post("projects", json={"project": body})).status_code == 400
    made = await api.post("projects", json={"project": {"name": "New", "location": 1}})
    assert (made.status_code, made.json()["project"]["name"]) == (201, "New")


# Shows


@pytest.mark.parametrize("count", [0, 1, 50, 51])
async def test_shows_come_in_pages_newest_first(sim: Simulator, api: httpx.AsyncClient, count: int) -> None:
    await sim.control.seed(shows=[{"title": f"Show {n}"} for n in range(count)])
    listed = (await api.get("shows")).json()
    assert listed["meta"] == {"offset": 0, "pageSize": 50, "count": count}
    ids = [show["id"] for show in listed["shows"]]
    assert ids == sorted(ids, reverse=True)
    assert len(ids) == min(50, count)
    rest = (await api.get("shows", params={"offset": 50})).json()
    assert len(rest["shows"]) == max(0, count - 50)


async def test_1310_shows_are_read_whole_in_pages_of_500(sim: Simulator, api: httpx.AsyncClient) -> None:
    shows = [
        {"title": "Council", "file": {"store": "Flex 2", "name": f"{n}-1-Council.mp4"}, "id": n}
        for n in range(1, 1311)
    ]
    await sim.control.seed(shows=shows)
    seen: list[int] = []
    for offset in range(0, 1310, 500):
        page = (await api.get("shows", params={"offset": offset, "page_size": 500})).json()
        seen += [show["id"] for show in page["shows"]]
    assert seen == list(range(1310, 0, -1))


@pytest.mark.parametrize(
    "query", ["offset=-1", "offset=x", "page_size=0", "page_size=5001", "ids[]=x", "since=monday"]
)
async def test_a_page_that_cannot_be_is_refused(api: httpx.AsyncClient, query: str) -> None:
    assert (await api.get(f"shows?{query}")).status_code == 400


@pytest.mark.parametrize(
    "query", ["limit=1", "page=2", "pageSize=1", "location=2", "eventDateFrom=2030-01-01", "sort=x"]
)
async def test_what_nobody_documents_is_passed_over(sim: Simulator, api: httpx.AsyncClient, query: str) -> None:
    await sim.control.seed(shows=[{"title": "a"}, {"title": "b"}])
    assert len((await api.get(f"shows?{query}")).json()["shows"]) == 2


async def test_shows_are_found_by_ids_and_by_words(sim: Simulator, api: httpx.AsyncClient) -> None:
    await sim.control.seed(
        shows=[{"id": 1, "title": "Harbor"}, {"id": 2, "title": "Grant"}, {"id": 3, "title": "Elmo"}]
    )

    async def found(query: str) -> list[int]:
        return [show["id"] for show in (await api.get(f"shows?{query}")).json()["shows"]]

    assert await found("ids[]=1&ids[]=3&ids[]=77") == [3, 1]
    assert await found("search=GRANT") == [2]
    await sim.control.switch(search_param="ignored")
    assert await found("search=GRANT") == [3, 2, 1]


async def test_shows_changed_since_a_moment(sim: Simulator, api: httpx.AsyncClient) -> None:
    await new_show(api, title="old")
    await sim.control.advance(60)
    new = await new_show(api, title="new")
    listed = (await api.get("shows", params={"since": new["lastModified"]})).json()["shows"]
    assert [show["title"] for show in listed] == ["new"]


async def test_what_belongs_to_a_show_comes_beside_it(sim: Simulator, api: httpx.AsyncClient) -> None:
    await sim.control.seed(shows=[{**SHOW, "category": 3, "project": 8, "vods": [{"id": 900}]}])
    names = "reel,vod,media,category,project,producer,digitalfile,thumbnail,webfile,nonsense"
    one = (await api.get("shows/4120", params={"include": names})).json()
    assert one["show"]["reels"] == [row["id"] for row in one["reels"]]
    assert [row["id"] for row in one["vods"]] == one["show"]["vods"] == [900]
    assert [row["id"] for row in one["media"]] == [row["media"] for row in one["reels"]]
    assert [row["id"] for row in one["categories"]] == [3]
    assert [row["fileName"] for row in one["digitalFiles"]] == ["4120-1-Harbor Council.mp4"]
    assert "nonsense" not in one
    listed = (await api.get("shows", params={"include": "reel"})).json()
    assert listed["reels"] == one["reels"]


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"title": ""}, "title"),
        ({"title": "   "}, "title"),
        ({"title": None}, "title"),
        ({"title": "x" * 256}, "255"),
        ({"title": 7}, "title"),
        ({"location": 9}, "location"),
        ({"location": "1"}, "location"),
        ({"category": 99}, "category"),
        ({"producer": 99}, "producer"),
        ({"project": 99}, "project"),
        ({"localId": "x" * 256}, "localId"),
        ({"eventDate": "yesterday"}, "eventDate"),
        ({"cgExempt": "no"}, "cgExempt"),
        ({"customFields": [{"showField": 99, "value": "x"}]}, "showField"),
        ({"customFields": ["x"]}, "showField"),
    ],
)
async def test_a_show_that_cannot_be_is_refused(
    sim: Simulator, api: httpx.AsyncClient, fields: dict[str, Any], said: str
) -> None:
    await sim.control.switch(validation_status=422)
    answer = await api.post("shows", json={"show": {"title": "x", "location": 1, **fields}})
    assert answer.status_code == 422
    assert said in answer.json()["message"]
    assert (await sim.control.counts())["shows"] == 0


@pytest.mark.parametrize("title", ['„Straße“ "quoted"\nand a second line', "a" * 255, "日本語 ♪"])
async def test_any_title_up_to_its_length_comes_back_as_it_was(api: httpx.AsyncClient, title: str) -> None:
    made = await new_show(api, title=title)
    assert (await api.get(f"shows/{made['id']}")).json()["show"]["title"] == title


async def test_a_new_show_is_whole_and_two_may_have_one_local_id(sim: Simulator, api: httpx.AsyncClient) -> None:
    one, other = await new_show(api, localId="arc-1"), await new_show(api, localId="arc-1")
    assert one["id"] != other["id"]
    assert (one["reels"], one["vods"], one["totalRunTime"], one["hasCaptions"]) == ([], [], 0, False)
    await sim.control.switch(show_post_status=200)
    assert (await api.post("shows", json={"show": {"title": "x", "location": 1}})).status_code == 200


async def test_a_caller_cannot_write_what_the_server_works_out(api: httpx.AsyncClient) -> None:
    made = await new_show(api, id=1, totalRunTime=5, hasCaptions=True, reels=[7], created="2020-01-01T00:00:00-06:00")
    assert (made["totalRunTime"], made["hasCaptions"], made["reels"]) == (0, False, [])
    assert made["id"] != 1
    assert not made["created"].startswith("2020")


async def test_custom_fields_are_kept_with_their_names(api: httpx.AsyncClient) -> None:
    made = await new_show(api, customFields=[{"showField": 6, "value": "2026-11-18"}])
    assert made["customFields"][0]["fieldName"] == "Meeting date"
    again = (await api.put(f"shows/{made['id']}", json={"show": made})).json()["show"]
    assert again["customFields"] == made["customFields"]


async def test_a_put_replaces_or_merges_by_the_switch(sim: Simulator, api: httpx.AsyncClient) -> None:
    made = await new_show(api, comments="Regular meeting.", category=3)
    await sim.control.advance(5)
    replaced = (await api.put(f"shows/{made['id']}", json={"show": {"title": "New"}})).json()["show"]
    assert (replaced["title"], replaced["comments"], replaced["category"]) == ("New", "", None)
    assert replaced["lastModified"] > made["lastModified"]
    assert replaced["created"] == made["created"]
    await sim.control.switch(put="merge")
    made = await new_show(api, comments="Regular meeting.", category=3)
    merged = (await api.put(f"shows/{made['id']}", json={"show": {"title": "New"}})).json()["show"]
    assert (merged["title"], merged["comments"], merged["category"]) == ("New", "Regular meeting.", 3)


async def test_a_deleted_show_takes_its_vods_with_it(sim: Simulator, api: httpx.AsyncClient) -> None:
    await sim.control.seed(shows=[{**SHOW, "vods": [{"id": 900}]}])
    assert (await api.delete("shows/4120")).status_code == 204
    assert (await api.get("shows/4120")).status_code == 404
    assert (await api.get("vods/900")).status_code == 404


# Advanced search


@pytest.mark.parametrize(
    ("field", "operator", "value", "found"),
    [
        ("localId", "equals", "arc-1", [1]),
        ("localId", "equals", "ARC-1", [1]),
        ("localId", "notEquals", "arc-1", [2, 3]),
        ("localId", "empty", "", [3]),
        ("localId", "notEmpty", "", [1, 2]),
        ("showId", "greaterThan", "1", [2, 3]),
        ("showId", "notGreaterThan", "2", [1, 2]),
        ("showId", "lessThanOrEqual", "2", [1, 2]),
        ("trt", "equals", "600", [1]),
        ("hasVod", "equals", "true", [1]),
        ("hasValidFile", "equals", "true", [1]),
        ("closedCaptions", "equals", "false", [1, 2, 3]),
        ("eventDate", "greaterThanOrEqual", "2026-11-01", [1]),
        ("customField", "equals", "water", [2]),
    ],
)
async def test_an_advanced_search_answers_ids(
    sim: Simulator, api: httpx.AsyncClient, field: str, operator: str, value: str, found: list[int]
) -> None:
    first = {"id": 1, "title": "a", "localId": "arc-1", "eventDate": "2026-11-18T00:00:00-06:00", "vods": [{}]}
    first["file"] = {"store": "Flex 1", "name": "1-1-a.mp4", "length_s": 600}
    second = {"id": 2, "title": "b", "localId": "arc-2", "customFields": [{"showField": 5, "value": "water"}]}
    await sim.control.seed(shows=[first, second, {"id": 3, "title": "c"}])
    body = search(field, operator, value)
    body["savedShowSearch"]["query"]["groups"][0]["filters"][0]["showField"] = 5
    answer = await api.post(ADVANCED, json=body)
    assert answer.json()["savedShowSearch"]["results"] == found
    stored = await api.get(f"{ADVANCED}/{answer.json()['savedShowSearch']['id']}")
    assert stored.json()["savedShowSearch"]["results"] == found


async def test_a_search_has_groups_and_an_order(sim: Simulator, api: httpx.AsyncClient) -> None:
    await sim.control.seed(shows=[{"id": 1, "title": "b"}, {"id": 2, "title": "a"}, {"id": 3, "title": "c"}])
    either = [{"field": "title", "operator": "equals", "searchValue": title} for title in "ab"]
    body = search("title", sortOptions=[{"field": "title", "descending": False}])
    body["savedShowSearch"]["query"]["groups"] = [{"orAnd": "or", "filters": either}]
    assert (await api.post(ADVANCED, json=body)).json()["savedShowSearch"]["results"] == [2, 1]
    body["savedShowSearch"]["query"]["groups"][0]["orAnd"] = "and"
    assert (await api.post(ADVANCED, json=body)).json()["savedShowSearch"]["results"] == []


@pytest.mark.parametrize(
    "body",
    [
        search("name"),
        search("localId", "like"),
        {"savedShowSearch": {}},
        search("localId", sortOptions=[{"field": "x"}]),
    ],
)
async def test_a_search_for_what_is_not_there_is_refused(api: httpx.AsyncClient, body: dict[str, Any]) -> None:
    assert (await api.post(ADVANCED, json=body)).status_code == 400


# Media, reels, chapters


async def chain(api: httpx.AsyncClient, **reel: Any) -> httpx.Response:
    show = (await new_show(api))["id"]
    medium = await api.post("media", json={"media": {"location": 1, "format": 2, "mediaName": "Harbor Council"}})
    assert medium.status_code == 201
    body = {"show": show, "media": medium.json()["media"]["id"], "reelNumber": 1, "length": 60, **reel}
    return await api.post("reels", json={"reel": body})


async def test_a_reel_ties_a_show_to_media(api: httpx.AsyncClient) -> None:
    reel = (await chain(api)).json()["reel"]
    show = (await api.get(f"shows/{reel['show']}")).json()["show"]
    assert (show["reels"], show["totalRunTime"]) == ([reel["id"]], 60)
    assert [row["id"] for row in (await api.get("reels", params={"show": show["id"]})).json()["reels"]] == [
        reel["id"]
    ]
    assert (await api.get("media")).json()["meta"]["count"] == 1


@pytest.mark.parametrize(
    "bad",
    [{"show": 1}, {"media": 1}, {"reelNumber": 0}, {"length": -1}, {"cue": -1}, {"length": 1.5}, {"length": None}],
)
async def test_a_reel_that_cannot_be_is_refused(api: httpx.AsyncClient, bad: dict[str, Any]) -> None:
    assert (await chain(api, **bad)).status_code == 400


async def test_a_format_has_to_exist(api: httpx.AsyncClient) -> None:
    assert (await api.post("media", json={"media": {"location": 1, "format": 77}})).status_code == 400


async def test_a_batch_of_reels_is_stored_whole_or_not_at_all(sim: Simulator, api: httpx.AsyncClient) -> None:
    first = (await chain(api)).json()["reel"]
    good = {"show": first["show"], "media": first["media"], "reelNumber": 2, "length": 10}
    assert (await api.post("reels/batch", json={"reels": [good, {**good, "show": 1}]})).status_code == 400
    assert (await sim.control.counts())["reels"] == 1
    made = await api.post("reels/batch", json={"reels": [good, {**good, "reelNumber": 3}]})
    assert [row["reelNumber"] for row in made.json()["reels"]] == [2, 3]


async def test_chapters_are_checked_listed_and_softly_deleted(sim: Simulator, api: httpx.AsyncClient) -> None:
    await sim.control.seed(shows=[{**SHOW, "vods": [{"id": 900, "state": "complete"}]}])
    for bad in ({"vod": 1}, {"title": "x" * 256}, {"title": ""}, {"offset": -1}, {"offset": 601}):
        body = {"vod": 900, "title": "Call to order", "offset": 35, **bad}
        assert (await api.post("chapters", json={"chapter": body})).status_code == 400, bad
    made = await api.post("chapters", json={"chapter": {"vod": 900, "title": "Call to order", "offset": 35}})
    chapter = made.json()["chapter"]
    assert (
        await api.put(f"chapters/{chapter['id']}", json={"chapter": {**chapter, "offset": 601}})
    ).status_code == 400
    moved = await api.put(f"chapters/{chapter['id']}", json={"chapter": {**chapter, "offset": 40}})
    assert moved.json()["chapter"]["offset"] == 40
    assert (await api.get("vods/900")).json()["vod"]["chapters"] == [chapter["id"]]
    assert (await api.delete(f"chapters/{chapter['id']}")).status_code == 204

    async def listed(query: str) -> int:
        return len((await api.get(f"chapters?{query}")).json()["chapters"])

    assert [await listed(q) for q in ("vod=900", "vod=900&deleted=false", "vod=900&deleted=true", "vod=1")] == [
        1,
        0,
        1,
        0,
    ]
    assert (await api.get("vods/900")).json()["vod"]["chapters"] == []


async def test_chapters_are_shown_once_they_are_published(sim: Simulator, api: httpx.AsyncClient) -> None:
    await sim.control.seed(shows=[{**SHOW, "vods": [{"id": 900, "state": "complete"}]}])
    for offset, title in ((35, "Call to order"), (80, "Roll & call")):
        await api.post("chapters", json={"chapter": {"vod": 900, "title": title, "offset": offset}})
    hidden = {"vod": 900, "title": "Hidden", "offset": 50, "hidden": True}
    await api.post("chapters", json={"chapter": hidden})
    assert (await api.get("vods/900/chapters")).text == "WEBVTT\n"
    vod = (await api.get("vods/900")).json()["vod"]
    await api.put("vods/900", json={"vod": {**vod, "chaptersPublished": True}})
    shown = await api.get("vods/900/chapters")
    assert shown.headers["content-type"] == "text/vtt"
    assert shown.text == (
        "WEBVTT\n\n00:00:35.000 --> 00:01:20.000\nCall to order\n\n00:01:20.000 --> 00:10:00.000\nRoll &amp; call\n"
    )


# The schedule


async def test_a_long_window_of_the_schedule_hangs_for_a_minute_and_then_times_out(
    sim: Simulator, api: httpx.AsyncClient
) -> None:
    item = {"channel": 5, "show": 4120, "runDateTime": "2026-11-20T19:00:00-06:00"}
    await sim.control.seed(scheduleitems=[item])
    short = {"start": "2026-11-01T00:00:00-06:00", "end": "2026-11-30T00:00:00-06:00", "channel": "5"}
    assert (await api.get("scheduleitems", params=short)).json()["scheduleItems"][0]["show"] == 4120
    assert (await api.get("scheduleitems", params={**short, "channel": "6"})).json()["scheduleItems"] == []
    asked = asyncio.ensure_future(api.get("scheduleitems", params={**short, "end": "2026-12-30T00:00:00-06:00"}))
    await asyncio.sleep(0.1)
    await sim.control.advance(59)
    await asyncio.sleep(0.1)
    assert not asked.done()
    await sim.control.advance(2)
    assert (await asked).status_code == 504
