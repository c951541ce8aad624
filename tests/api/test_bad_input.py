"""What cannot be right is answered with a code and a sentence, and leaves nothing behind."""

import json
import os
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import func, select

from archivist_common.database.models import Base
from archivist_common.errors import MediaUnreadable, NoAudioTrack
from archivist_common.jobs import lifecycle


def problem(answer, status, code):
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert (body["code"], body["status"]) == (code, status)
    assert body["type"] == f"urn:archivist:problem:{code.lower().replace('_', '-')}"
    assert body["instance"] == f"urn:archivist:request:{answer.headers['x-request-id']}"
    assert body["detail"]
    return body


async def everything(gateway):
    """How many rows each table has."""
    async with gateway.db.transaction() as session:
        return {
            name: await session.scalar(select(func.count()).select_from(table))
            for name, table in Base.metadata.tables.items()
        }


async def rows(gateway):
    async with gateway.as_("ada") as ada:
        return (await ada.get("/transcriptions")).json()["items"]


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        pytest.param("missing.mp4", 404, "FILE_NOT_FOUND", id="missing-file"),
        pytest.param("folder/missing.mp4", 404, "FILE_NOT_FOUND", id="missing-in-a-folder"),
        pytest.param("nowhere/council.mp4", 404, "FILE_NOT_FOUND", id="missing-folder"),
        pytest.param("folder", 422, "INVALID_FILE_FORMAT", id="a-folder"),
        pytest.param("folder.mp4", 422, "INVALID_FILE_FORMAT", id="a-folder-named-like-a-recording"),
        pytest.param("fifo.mp4", 422, "INVALID_FILE_FORMAT", id="a-fifo"),
        pytest.param("minutes.docx", 422, "INVALID_FILE_FORMAT", id="no-recording"),
        pytest.param("council_captioned.mp4", 422, "INVALID_FILE_FORMAT", id="our-own-output"),
        pytest.param("../secret.mp4", 422, "PATH_REFUSED", id="climbing-out"),
        pytest.param("folder/../../secret.mp4", 422, "PATH_REFUSED", id="climbing-out-of-a-folder"),
        pytest.param("..", 422, "PATH_REFUSED", id="dots"),
        pytest.param("./council.mp4", 422, "PATH_REFUSED", id="a-dot"),
        pytest.param("folder//council.mp4", 422, "PATH_REFUSED", id="an-empty-part"),
        pytest.param("/etc/passwd", 422, "PATH_REFUSED", id="absolute"),
        pytest.param("C:\\council.mp4", 422, "PATH_REFUSED", id="absolute-on-windows"),
        pytest.param("link.mp4", 422, "PATH_REFUSED", id="a-link-leading-out"),
        pytest.param("linked/secret.mp4", 422, "PATH_REFUSED", id="a-folder-link-leading-out"),
        pytest.param("council\0.mp4", 422, "PATH_REFUSED", id="nul"),
        pytest.param("", 422, "VALIDATION_FAILED", id="empty"),
        pytest.param("é" * 300 + ".mp4", 422, "PATH_REFUSED", id="over-500-bytes"),
        pytest.param("x" * 600 + ".mp4", 422, "VALIDATION_FAILED", id="over-500-characters"),
        pytest.param("x" * 300 + ".mp4", 422, "PATH_REFUSED", id="a-name-no-file-system-holds"),
    ],
)
async def test_a_path_that_leads_to_no_recording_is_refused(gateway, tmp_path, path, status, code):
    (tmp_path / "secret.mp4").write_bytes(b"secret")
    gateway.recording("folder/council.mp4")
    gateway.recording("minutes.docx")
    gateway.recording("council_captioned.mp4")
    (gateway.media / "folder.mp4").mkdir()
    os.mkfifo(gateway.media / "fifo.mp4")
    (gateway.media / "link.mp4").symlink_to(tmp_path / "secret.mp4")
    (gateway.media / "linked").symlink_to(tmp_path)
    async with gateway.as_("uma") as uma:
        answer = await uma.post("/transcriptions", json={"storage": "flex-1", "path": path})
    body = problem(answer, status, code)
    assert str(gateway.media.parent) not in body["detail"]
    assert await rows(gateway) == []


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("Mayor's Q&A – José.mp4", id="apostrophe-ampersand-accent"),
        pytest.param("[Grant] City Council (04_01_2025).mov", id="brackets"),
        pytest.param("Fête 🎉 été.mkv", id="emoji"),
        pytest.param("two\nlines.mp4", id="newline"),
        pytest.param("50% off; rm -rf *.mp4", id="signs-of-a-shell"),
        pytest.param("--help.mp4", id="an-option"),
        pytest.param('quo"ted.mp4', id="a-quotation-mark"),
        pytest.param("back\\slash.mp4", id="a-backslash"),
        pytest.param("é" * 120 + ".mp4", id="a-long-name"),
        pytest.param("16380 - Lake Elmo  11092020.MOV", id="capitals"),
    ],
)
async def test_any_name_a_file_may_have_is_taken_and_comes_back_whole(gateway, name):
    async with gateway.as_("uma") as uma:
        answer = await uma.post("/transcriptions", json={"storage": "flex-1", "path": gateway.recording(name)})
        assert answer.status_code == 202, answer.text
        job = answer.json()
        assert (job["path"], job["filename"]) == (name, name)
        await gateway.complete(await gateway.claim())
        download = await uma.get(f"/transcriptions/{job['id']}/captions/scc")
    assert download.content == b"Scenarist_SCC V1.0\n"
    assert "\n" not in download.headers["content-disposition"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        pytest.param({"priority": 9}, "body.priority", id="priority-9"),
        pytest.param({"priority": 0}, "body.priority", id="priority-0"),
        pytest.param({"priority": "high"}, "body.priority", id="priority-in-words"),
        pytest.param({"audio_track": -1}, "body.audio_track", id="track-below-0"),
        pytest.param({"language": "English"}, "body.language", id="a-language-in-words"),
        pytest.param({"language": "e'n"}, "body.language", id="a-language-with-a-quote"),
        pytest.param({"output_format": "docx"}, "body.output_format", id="a-format-we-do-not-write"),
        pytest.param({"model": ""}, "body.model", id="an-empty-model"),
        pytest.param({"model": "x" * 51}, "body.model", id="a-long-model"),
        pytest.param({"model": "a\0b"}, "body.model", id="a-model-with-nul"),
        pytest.param({"storage": "x" * 65}, "body.storage", id="a-long-server"),
        pytest.param({"storage": None}, "body.storage", id="no-server"),
        pytest.param({"path": None}, "body.path", id="no-path"),
        pytest.param({"path": ["a.mp4"]}, "body.path", id="a-list-of-paths"),
        pytest.param({"path": "\ud83d.mp4"}, "body.path", id="half-an-emoji"),
        pytest.param({"\ud83d": 1}, "body", id="half-an-emoji-for-a-name"),
        pytest.param({"status": "completed"}, "body.status", id="status"),
        pytest.param({"user_id": 1}, "body.user_id", id="user"),
        pytest.param({"attempt": 5}, "body.attempt", id="attempt"),
        pytest.param({"role": "admin"}, "body.role", id="role"),
        pytest.param({"vod_id": "1"}, "body.vod_id", id="vod-id"),
        pytest.param({"scc_file_path": "/etc/passwd"}, "body.scc_file_path", id="a-path-of-ours"),
    ],
)
async def test_a_field_that_cannot_be_right_is_named(gateway, submission, change, field):
    async with gateway.as_("uma") as uma:
        content = json.dumps({**submission(), **change})
        answer = await uma.post("/transcriptions", content=content, headers={"Content-Type": "application/json"})
    body = problem(answer, 422, "VALIDATION_FAILED")
    assert [error["field"] for error in body["errors"]] == [field]
    assert await rows(gateway) == []


@pytest.mark.parametrize(
    ("content", "status"),
    [
        pytest.param(b"", 422, id="empty"),
        pytest.param(b"{", 422, id="cut-off"),
        pytest.param(b"[]", 422, id="a-list"),
        pytest.param(b'"text"', 422, id="a-string"),
        pytest.param(b"\xe9\xe9\xe9", 400, id="not-utf-8"),
        pytest.param(b'{"priority": ' + b"9" * 5000 + b"}", 400, id="a-number-of-5000-digits"),
        pytest.param(b'{"priority": NaN}', 422, id="nan"),
        pytest.param(b"[" * 100_000, 400, id="nested-100000-deep"),
        pytest.param(b'{"path": "' + b"x" * 300_000 + b'"}', 413, id="over-256-kB"),
    ],
)
async def test_a_body_that_is_no_request_is_a_problem_too(gateway, content, status):
    async with gateway.as_("uma") as uma:
        answer = await uma.post("/transcriptions", content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_server_that_does_not_exist_is_not_found(gateway):
    async with gateway.as_("uma") as uma:
        answer = await uma.post("/transcriptions", json={"storage": "flex-99", "path": "a.mp4"})
        problem(answer, 404, "NOT_FOUND")
        problem(await uma.get("/storage/flex-99/files"), 404, "NOT_FOUND")


async def test_too_large_a_recording_is_refused_with_both_sizes(start_gateway, own_database, redis_url, tmp_path):
    async with start_gateway(own_database, redis_url, tmp_path, max_file_size=10) as small:
        await small.add("uma")
        async with small.as_("uma") as uma:
            body = {"storage": "flex-1", "path": small.recording("council.mp4", b"x" * 11)}
            answer = await uma.post("/transcriptions", json=body)
            said = problem(answer, 422, "FILE_TOO_LARGE")
            assert "11 bytes" in said["detail"]
            assert "10 is the limit" in said["detail"]
            body["path"] = small.recording("short.mp4", b"x" * 10)
            assert (await uma.post("/transcriptions", json=body)).status_code == 202


async def test_an_unknown_model_is_answered_with_those_that_exist(gateway, submission):
    async with gateway.as_("uma") as uma:
        answer = await uma.post("/transcriptions", json=submission(model="huge-v9"))
        assert "demo" in problem(answer, 422, "UNKNOWN_MODEL")["detail"]
        for name in ("../demo", "/etc", "models/standard"):
            problem(await uma.post("/transcriptions", json=submission(model=name)), 422, "UNKNOWN_MODEL")
        for name in ("demo", "standard"):
            answer = await uma.post("/transcriptions", json=submission(name=f"{name}.mp4", model=name))
            assert answer.json()["model"] == name


async def test_a_model_that_is_published_but_not_here_is_said_to_be_missing(gateway, submission):
    async with gateway.as_("uma") as uma:
        answer = await uma.post("/transcriptions", json=submission(model="large-v3"))
    body = problem(answer, 503, "MODEL_MISSING")
    assert "model.bin" in body["detail"]
    assert str(gateway.settings.model_directory) not in body["detail"]


async def test_a_complete_folder_of_a_model_can_be_named(gateway, submission):
    folder = gateway.settings.model_directory / "large-v3"
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("config.json", "model.bin", "tokenizer.json", "vocabulary.json"):
        (folder / name).write_bytes(b"x")
    async with gateway.as_("uma") as uma:
        answer = await uma.post("/transcriptions", json=submission(model="large-v3"))
        assert answer.json()["model"] == "large-v3"
        (folder / "model.bin").write_bytes(b"")
        answer = await uma.post("/transcriptions", json=submission(name="other.mp4", model="large-v3"))
        problem(answer, 503, "MODEL_MISSING")


async def test_no_model_at_all_is_said(start_gateway, own_database, redis_url, tmp_path):
    async with start_gateway(own_database, redis_url, tmp_path, whisper_model_path=None) as bare:
        await bare.add("uma")
        async with bare.as_("uma") as uma:
            body = {"storage": "flex-1", "path": bare.recording("council.mp4")}
            problem(await uma.post("/transcriptions", json=body), 503, "MODEL_MISSING")
            assert (await uma.post("/transcriptions", json={**body, "model": "demo"})).status_code == 202


async def test_a_full_queue_says_come_again(start_gateway, own_database, redis_url, tmp_path):
    async with start_gateway(own_database, redis_url, tmp_path, max_queue_size=2) as full:
        await full.add("uma")
        async with full.as_("uma") as uma:
            answers = [
                await uma.post("/transcriptions", json={"storage": "flex-1", "path": full.recording(f"{n}.mp4")})
                for n in range(2)
            ]
            before = await everything(full)
            body = {"storage": "flex-1", "path": full.recording("2.mp4")}
            answers.append(await uma.post("/transcriptions", json=body, headers={"Idempotency-Key": "k"}))
            assert await everything(full) == before, "a refusal writes nothing"
    assert [answer.status_code for answer in answers] == [202, 202, 429]
    problem(answers[2], 429, "QUEUE_FULL")
    assert int(answers[2].headers["retry-after"]) > 0


async def test_an_unknown_job_is_not_found_and_a_garbled_one_is_refused(gateway):
    async with gateway.as_("ada") as ada:
        for rest in ("", "/log", "/events", "/summary", "/metadata", "/captions/scc"):
            problem(await ada.get(f"/transcriptions/{uuid4()}{rest}"), 404, "NOT_FOUND")
            problem(await ada.get(f"/transcriptions/17{rest}"), 422, "VALIDATION_FAILED")
        for rest in ("/cancel", "/retry"):
            problem(await ada.post(f"/transcriptions/{uuid4()}{rest}"), 404, "NOT_FOUND")


async def test_an_unknown_address_and_an_undeclared_method_are_problems(gateway):
    async with gateway.as_("ada") as ada:
        problem(await ada.get("/nothing"), 404, "NOT_FOUND")
        problem(await ada.delete("/transcriptions"), 405, "METHOD_NOT_ALLOWED")
        problem(await ada.request("TRACE", "/transcriptions"), 405, "METHOD_NOT_ALLOWED")


@pytest.mark.parametrize(
    "query",
    [
        "limit=0", "limit=201", "limit=99999999999999999999", "status=done", "storage=%00", "cursor=x", "cursor=%00",
        "cursor=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", f"cursor={'x' * 3000}",
    ],
)  # fmt: skip
async def test_a_question_that_cannot_be_right_is_refused(gateway, query):
    async with gateway.as_("uma") as uma:
        problem(await uma.get(f"/transcriptions?{query}"), 422, "VALIDATION_FAILED")


@pytest.mark.parametrize("wait", ["-1", "31", "x"])
async def test_a_wait_has_bounds(gateway, submission, wait):
    async with gateway.as_("uma") as uma:
        job = (await uma.post("/transcriptions", json=submission())).json()
        problem(await uma.get(f"/transcriptions/{job['id']}?wait={wait}"), 422, "VALIDATION_FAILED")


@pytest.mark.parametrize("error", [MediaUnreadable, NoAudioTrack])
async def test_what_the_worker_refused_is_told_with_its_code_and_without_our_folders(gateway, submission, error):
    async with gateway.as_("uma") as uma:
        job = (await uma.post("/transcriptions", json=submission())).json()
        held = await gateway.claim()
        async with gateway.db.transaction() as session:
            await lifecycle.fail(session, held, error(f"{gateway.media}/Council.mp4 cannot be captioned"))
        body = (await uma.get(f"/transcriptions/{job['id']}")).json()
        told = (await uma.get(f"/transcriptions/{job['id']}/log")).text
        stream = (await uma.get(f"/transcriptions/{job['id']}/events")).text
    assert body["status"] == "failed"
    assert body["error"] == {"code": error.code, "message": "[flex-1]/Council.mp4 cannot be captioned"}
    assert str(gateway.media) not in told + stream
    assert error.code in stream


async def test_a_sentence_the_worker_coped_with_is_passed_on(gateway, submission):
    async with gateway.as_("uma") as uma:
        job = (await uma.post("/transcriptions", json=submission())).json()
        await gateway.complete(await gateway.claim(), warnings=("NO_SPEECH: no speech was found",))
        body = (await uma.get(f"/transcriptions/{job['id']}")).json()
    assert (body["status"], body["warnings"]) == ("completed", ["NO_SPEECH: no speech was found"])


async def test_no_answer_speaks_of_leases_hashes_or_folders(gateway, submission):
    async with gateway.as_("ada") as ada:
        job = (await ada.post("/transcriptions", json=submission())).json()
        await gateway.complete(await gateway.claim(), {"scc": b"x", "metadata": b"{}"})
        key = (await ada.post("/api-keys", json={"name": "k"})).json()["key"]
        addresses = [
            "/transcriptions", f"/transcriptions/{job['id']}", f"/transcriptions/{job['id']}/log",
            f"/transcriptions/{job['id']}/events", "/users", "/users/me", "/api-keys", "/storage",
            "/storage/flex-1/files",
        ]  # fmt: skip
        said = "".join([(await ada.get(address)).text for address in addresses])
    for word in ("lease", "sha256", "password_hash", "key_hash", "$argon2", "dedupe", key, str(gateway.media.parent)):
        assert word not in said


async def test_a_revoked_and_an_expired_key_are_refused_over_http(gateway):
    async with gateway.as_("uma") as uma:
        made = (await uma.post("/api-keys", json={"name": "web team", "expires_in_days": 1})).json()
        async with gateway.client(made["key"]) as program:
            assert (await program.get("/transcriptions")).status_code == 200
            assert (await uma.delete(f"/api-keys/{made['api_key']['id']}")).status_code == 204
            problem(await program.get("/transcriptions"), 401, "INVALID_API_KEY")
    short = await gateway.key("uma", *made["api_key"]["permissions"], life=timedelta(microseconds=1))
    async with gateway.client(short) as program:
        problem(await program.get("/transcriptions"), 401, "INVALID_API_KEY")


async def test_speech_without_words_is_told_once_a_job_is_completed(gateway, submission):
    async with gateway.as_("uma") as uma:
        job = (await uma.post("/transcriptions", json=submission())).json()
        await gateway.complete(await gateway.claim(), unheard=((1_000, 4_500),))
        body = (await uma.get(f"/transcriptions/{job['id']}")).json()
    assert job["unheard"] is None
    assert body["unheard"] == [{"start_ms": 1_000, "end_ms": 4_500}]
