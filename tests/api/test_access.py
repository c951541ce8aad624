"""Every operation with every kind of caller. A new operation without a row here fails."""

import re
from uuid import uuid4

import pytest
from fastapi import FastAPI

from archivist_api.app import create_app
from archivist_api.auth import check_policies
from archivist_common.jobs import lifecycle as jobs
from archivist_common.publishing import lifecycle as publishing
from archivist_common.publishing import options
from archivist_common.security.permissions import GRANTABLE, Permission
from archivist_common.settings import ApiSettings

CALLERS = ("nobody", "owner", "stranger", "operator", "admin", "key:read", "key:storage", "key:everything")
"""uma owns what the operation is about; the first two keys are hers, the last is the administrator's."""

OPEN = (200,) * 8
REFUSED_LOG_IN = (401,) * 8
PEOPLE = (401, 200, 200, 200, 200, 403, 403, 403)
WHOEVER = (401, 200, 200, 200, 200, 200, 200, 200)
ADMIN = (401, 403, 403, 403, 200, 403, 403, 200)
BROWSING = (401, 200, 200, 200, 200, 403, 200, 200)
READING = (401, 200, 200, 200, 200, 200, 403, 200)
ONE_OF_UMAS = (401, 200, 404, 200, 200, 200, 403, 200)
CHANGING_ONE_OF_UMAS = (401, 200, 404, 200, 200, 403, 403, 200)
WRITING = (401, 200, 200, 200, 200, 403, 403, 200)
ORDERING = (401, 403, 403, 200, 200, 403, 403, 200)


def but(row, status):
    """A row whose success is another status."""
    return tuple(status if cell == 200 else cell for cell in row)


EXPECTED = {
    "live": OPEN,
    "ready": OPEN,
    "metrics": OPEN,
    "version": OPEN,
    "logIn": REFUSED_LOG_IN,
    "refresh": REFUSED_LOG_IN,
    "logOut": but(PEOPLE, 204),
    "changePassword": but(PEOPLE, 422),  # the body is empty: who may not is told so first
    "readMe": WHOEVER,
    "listUsers": ADMIN,
    "createUser": but(ADMIN, 201),
    "readUser": ADMIN,
    "changeUser": ADMIN,
    "renewOneTimePassword": ADMIN,
    "createApiKey": but(PEOPLE, 201),
    "listApiKeys": PEOPLE,
    "revokeApiKey": (401, 204, 404, 404, 204, 403, 403, 403),
    "listStorage": BROWSING,
    "browseStorage": BROWSING,
    "submitTranscription": but(WRITING, 202),
    "listTranscriptions": READING,
    "readTranscription": ONE_OF_UMAS,
    "cancelTranscription": CHANGING_ONE_OF_UMAS,
    "retryTranscription": but(CHANGING_ONE_OF_UMAS, 202),
    "changeTranscription": CHANGING_ONE_OF_UMAS,
    "moveTranscription": ORDERING,
    "pauseTranscription": CHANGING_ONE_OF_UMAS,
    "resumeTranscription": CHANGING_ONE_OF_UMAS,
    "readQueue": READING,
    "pauseQueue": ORDERING,
    "resumeQueue": ORDERING,
    "cancelSeveral": WRITING,
    "retrySeveral": WRITING,
    "clearQueue": WRITING,
    "submitBatch": but(WRITING, 202),
    "listBatches": READING,
    "readBatch": ONE_OF_UMAS,
    "cancelBatch": CHANGING_ONE_OF_UMAS,
    "readTranscriptionLog": ONE_OF_UMAS,
    "watchTranscription": ONE_OF_UMAS,
    "downloadCaptions": ONE_OF_UMAS,
    "readSummary": ONE_OF_UMAS,
    "downloadMetadata": ONE_OF_UMAS,
    "downloadReport": ONE_OF_UMAS,
    "publish": but(CHANGING_ONE_OF_UMAS, 202),
    "publishSeveral": but(WRITING, 202),  # an answer each: a stranger's is that there is none
    "listPublications": READING,
    "readPublication": ONE_OF_UMAS,
    "listCaptionVersions": ONE_OF_UMAS,
    "listEffects": ORDERING,
    "approvePublication": but(ORDERING, 202),
    "retryPublication": but(CHANGING_ONE_OF_UMAS, 202),
    "withdrawPublication": CHANGING_ONE_OF_UMAS,  # it has changed nothing at its target yet
    "rollBackPublication": but(CHANGING_ONE_OF_UMAS, 202),
    "listTargets": READING,
    "readTarget": READING,
    "resumeTarget": ORDERING,
    "listShows": READING,
    "readShow": READING,
    "syncShows": but(ORDERING, 202),
    "readSyncs": READING,
    "suggestShows": ONE_OF_UMAS,
    "readRecordingShow": ONE_OF_UMAS,
    "linkShow": CHANGING_ONE_OF_UMAS,
    "unlinkShow": CHANGING_ONE_OF_UMAS,
    "readChapters": ONE_OF_UMAS,
    "editChapters": CHANGING_ONE_OF_UMAS,
    "resetChapters": CHANGING_ONE_OF_UMAS,
}

BODIES = {
    "logIn": {"username": "uma", "password": "wrong"},
    "refresh": {"refresh_token": "x" * 43},
    "changePassword": {},
    "createUser": {"username": "newcomer"},
    "changeUser": {},
    "createApiKey": {"name": "mine"},
    "changeTranscription": {"priority": 5},
    "moveTranscription": {"position": 1},
    "cancelSeveral": {"ids": [str(uuid4())]},
    "retrySeveral": {},
    "clearQueue": {},
    "rollBackPublication": {},
    "syncShows": {},
    "linkShow": {"show_id": 4120, "force": True},
    "editChapters": {"items": []},
}

RESTED = {"retryTranscription"}  # about a job that was cancelled; the others of a job about one that has completed
WAITING = {
    "cancelTranscription", "changeTranscription", "moveTranscription", "pauseTranscription", "resumeTranscription",
}  # fmt: skip
CHANGING = ("logIn", "refresh", "logOut", "changePassword", "createUser", "changeUser", "renewOneTimePassword",
    "createApiKey", "revokeApiKey", "submitTranscription", "cancelTranscription", "retryTranscription",
    "changeTranscription", "moveTranscription", "pauseTranscription", "resumeTranscription", "pauseQueue",
    "resumeQueue", "cancelSeveral", "retrySeveral", "clearQueue", "submitBatch", "cancelBatch", "publish",
    "publishSeveral", "approvePublication", "retryPublication", "withdrawPublication", "rollBackPublication",
    "resumeTarget", "syncShows", "linkShow", "unlinkShow", "editChapters", "resetChapters",
)  # fmt: skip
"""Operations that change something when they let a caller in; all others read, about one and the same job."""


def operations(app: FastAPI):
    for path, methods in app.openapi()["paths"].items():
        for method, operation in methods.items():
            yield operation["operationId"], method.upper(), path


async def credential_of(gateway, caller):
    match caller:
        case "nobody":
            return None
        case "owner":
            return await gateway.credential("uma")
        case "stranger":
            return await gateway.credential("stan")
        case "operator":
            return await gateway.credential("otto")
        case "admin":
            return await gateway.credential("ada")
        case "key:read":
            return await gateway.key("uma", Permission.TRANSCRIPTIONS_READ)
        case "key:storage":
            return await gateway.key("uma", Permission.STORAGE_READ)
        case "key:everything":
            return await gateway.key("ada", *GRANTABLE)


async def job_of_uma(gateway, name, operation):
    async with gateway.as_("uma") as uma:
        body = {"storage": "flex-1", "path": gateway.recording(name)}
        job_id = (await uma.post("/transcriptions", json=body)).json()["id"]
        if operation in RESTED:
            await uma.post(f"/transcriptions/{job_id}/cancel")
        elif operation not in WAITING:
            files = {"scc": b"scc", "summary": b"text", "metadata": b"{}", "report": b"{}"}
            await gateway.complete(await gateway.claim(), files, summary={"sentences": []})
    return job_id


async def publication_of_uma(gateway, name, operation):
    """One that waits; for what needs more, one with two versions, or one that is held for approval."""
    await gateway.target()
    async with gateway.as_("uma") as uma:
        for _ in range(2 if operation == "rollBackPublication" else 1):
            job_id = await gateway.captioned("uma", name)
            made = await uma.post("/publications", json={"transcription_id": job_id})
    if operation == "approvePublication":
        while str((held := await gateway.take()).id) != made.json()["id"]:
            pass  # one that an earlier caller approved
        async with gateway.db.transaction() as session:
            await publishing.hold(session, held, options.APPROVAL_NEEDED, "may it?")
    return made.json()["id"]


async def subjects_of(gateway, operation, needs, name):
    """What an operation is about, all of it uma's. needs: the parameters of its address."""
    values = {"server": "flex-1", "format": "scc"}
    if "user_id" in needs:
        values["user_id"] = await gateway.user_id("stan")
    if "job_id" in needs:
        values["job_id"] = await job_of_uma(gateway, name, operation)
    if "publication_id" in needs:
        values["publication_id"] = await publication_of_uma(gateway, f"published {name}", operation)
    if "batch_id" in needs:
        async with gateway.as_("uma") as uma:
            files = [{"storage": "flex-1", "path": gateway.recording(f"batched {name}")}]
            values["batch_id"] = (await uma.post("/batches", json={"files": files})).json()["id"]
    if "key_id" in needs:
        async with gateway.as_("uma") as uma:
            made = await uma.post("/api-keys", json={"name": "to be revoked"})
        values["key_id"] = made.json()["api_key"]["id"]
    if "show_id" in needs:
        values["show_id"] = await gateway.show(4120)
    if "target_name" in needs or operation == "syncShows":
        await gateway.target()
        values["target_name"] = "cablecast"
    return values


async def body_of(gateway, operation, name):
    match operation:
        case "publish" | "publishSeveral":
            await gateway.target()
            job_id = await gateway.captioned("uma", name)
            return {"transcription_id": job_id} if operation == "publish" else {"transcription_ids": [job_id]}
        case "submitTranscription":
            return {"storage": "flex-1", "path": gateway.recording(name)}
        case "submitBatch":
            return {"files": [{"storage": "flex-1", "path": gateway.recording(name)}]}
        case "createUser":
            return {"username": name.partition(".")[0].replace(" ", "-").lower()}
    return BODIES.get(operation)


def row_of(operation, statuses):
    return {f"{operation} as {caller}": status for caller, status in zip(CALLERS, statuses, strict=True)}


def test_the_table_has_a_row_for_every_operation_and_a_cell_for_every_caller():
    app = create_app(ApiSettings(_env_file=None, environment="testing", database_url="postgresql://nowhere/x"))
    found = list(operations(app))
    assert {operation for operation, _, _ in found} == set(EXPECTED)
    assert {len(row) for row in EXPECTED.values()} == {len(CALLERS)}
    assert {operation for operation, method, _ in found if method != "GET"} == set(CHANGING)


async def test_each_caller_may_read_what_is_theirs_to_read_and_nothing_else(gateway):
    await gateway.add("stan")
    reading = [found for found in operations(gateway.app) if found[0] not in CHANGING]
    needs = {name for _, _, path in reading for name in re.findall(r"{(\w+)}", path)}
    values = await subjects_of(gateway, "reading", needs, "council.mp4")
    got = {operation: [] for operation, _, _ in reading}
    for caller in CALLERS:
        async with gateway.client(await credential_of(gateway, caller)) as client:
            for operation, method, path in reading:
                answer = await client.request(method, f"http://gateway{path.format(**values)}")
                got[operation].append(answer.status_code)
    cells, expected = {}, {}
    for operation in got:
        cells |= row_of(operation, got[operation])
        expected |= row_of(operation, EXPECTED[operation])
    assert cells == expected


@pytest.mark.parametrize("operation", CHANGING)
async def test_each_caller_may_change_what_is_theirs_to_change_and_nothing_else(gateway, operation):
    _, method, path = next(found for found in operations(gateway.app) if found[0] == operation)
    await gateway.add("stan")
    got, values, body = [], None, None
    for number, caller in enumerate(CALLERS):
        if values is None:  # a caller who was let in has changed it: the next one needs another
            name = f"{operation} {number}.mp4"
            values = await subjects_of(gateway, operation, re.findall(r"{(\w+)}", path), name)
            body = await body_of(gateway, operation, name)
        async with gateway.client(await credential_of(gateway, caller)) as client:
            answer = await client.request(method, f"http://gateway{path.format(**values)}", json=body)
        got.append(answer.status_code)
        if answer.is_success:
            values = None
    assert row_of(operation, got) == row_of(operation, EXPECTED[operation])


def test_a_route_without_a_policy_keeps_the_gateway_from_starting():
    app = create_app(ApiSettings(_env_file=None, environment="testing", database_url="postgresql://nowhere/x"))
    check_policies(app)

    @app.get("/api/v1/forgotten")
    async def forgotten() -> None: ...

    with pytest.raises(RuntimeError, match="/api/v1/forgotten"):
        check_policies(app)


async def test_somebody_elses_job_reads_like_one_that_does_not_exist(gateway):
    await gateway.add("stan")
    job_id = await job_of_uma(gateway, "hers.mp4", "readTranscription")
    random_id = uuid4()
    async with gateway.as_("stan") as stan:
        for method, rest in [("GET", ""), ("POST", "/cancel"), ("GET", "/captions/scc"), ("GET", "/events")]:
            theirs = await stan.request(method, f"/transcriptions/{job_id}{rest}")
            none = await stan.request(method, f"/transcriptions/{random_id}{rest}")
            said = [answer.text.replace(str(id_), "ID") for answer, id_ in ((theirs, job_id), (none, random_id))]
            shape = [text.partition('"instance"')[0] for text in said]
            assert shape[0] == shape[1]
            assert theirs.status_code == none.status_code == 404
            assert theirs.headers.keys() == none.headers.keys()


async def test_a_list_holds_what_the_caller_may_see(gateway):
    await gateway.add("stan")
    await job_of_uma(gateway, "hers.mp4", "readTranscription")
    counts = {}
    for name in ("uma", "stan", "otto", "ada"):
        async with gateway.as_(name) as client:
            counts[name] = len((await client.get("/transcriptions")).json()["items"])
    assert counts == {"uma": 1, "stan": 0, "otto": 1, "ada": 1}


async def test_an_operators_key_sees_other_peoples_jobs_only_where_it_says_so(gateway):
    await job_of_uma(gateway, "hers.mp4", "readTranscription")
    plain = await gateway.key("otto", Permission.TRANSCRIPTIONS_READ)
    wide = await gateway.key("otto", Permission.TRANSCRIPTIONS_READ, Permission.TRANSCRIPTIONS_ALL)
    seen = []
    for key in (plain, wide):
        async with gateway.client(key) as client:
            seen.append(len((await client.get("/transcriptions")).json()["items"]))
    assert seen == [0, 1]


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"Authorization": "Basic dW1hOng="}, id="basic"),
        pytest.param({"Authorization": "Bearer"}, id="bearer-of-nothing"),
        pytest.param({"Authorization": "Bearer x.y.z"}, id="garbled-token"),
        pytest.param({"Authorization": "Bearer arc_test_xxxxxxxx_garbled"}, id="garbled-key"),
        pytest.param({"X-API-Key": "arc_test_xxxxxxxx_garbled"}, id="garbled-key-of-its-own"),
        pytest.param({"Authorization": f"Bearer {'x' * 9000}"}, id="nine-kilobytes"),
        pytest.param({"Authorization": b"Bearer \xe4\xf6\xfc"}, id="letters-beyond-ascii"),
    ],
)
async def test_what_is_no_credential_is_answered_401_as_a_problem(gateway, headers):
    async with gateway.client() as client:
        answer = await client.get("/transcriptions", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_a_key_is_taken_in_its_own_header_and_never_in_the_address(gateway):
    key = await gateway.key("uma", Permission.TRANSCRIPTIONS_READ)
    async with gateway.client() as client:
        assert (await client.get("/transcriptions", headers={"X-API-Key": key})).status_code == 200
        for name in ("api_key", "key", "X-API-Key", "access_token"):
            assert (await client.get("/transcriptions", params={name: key})).status_code == 401


async def test_being_shut_out_counts_from_the_next_request(gateway):
    key = await gateway.key("uma", Permission.TRANSCRIPTIONS_READ)
    async with gateway.as_("ada") as ada, gateway.as_("uma") as uma, gateway.client(key) as program:
        assert (await uma.get("/transcriptions")).status_code == 200
        uma_id = (await uma.get("/users/me")).json()["id"]
        assert (await ada.patch(f"/users/{uma_id}", json={"active": False})).status_code == 200
        assert (await uma.get("/transcriptions")).json()["code"] == "INVALID_TOKEN"
        assert (await program.get("/transcriptions")).json()["code"] == "INVALID_API_KEY"


async def test_a_job_that_runs_for_somebody_else_is_not_given_away(gateway):
    await gateway.add("stan")
    body = {"storage": "flex-1", "path": gateway.recording("council.mp4")}
    async with gateway.as_("uma") as uma, gateway.as_("stan") as stan, gateway.as_("otto") as otto:
        first = await uma.post("/transcriptions", json=body)
        assert (await stan.post("/transcriptions", json=body)).status_code == 409
        assert (await otto.post("/transcriptions", json=body)).json()["id"] == first.json()["id"]
    async with gateway.db.transaction() as session:
        assert await jobs.claim(session, "worker", gateway.settings.job_lease) is not None
        assert await jobs.claim(session, "worker", gateway.settings.job_lease) is None
