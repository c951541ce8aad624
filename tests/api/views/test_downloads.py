"""What a client gets is what was committed, under the recording's name."""

from pathlib import Path

import pytest

from archivist_api.routes.outputs import attachment

ALL = {
    "scc": b"Scenarist_SCC V1.0\n",
    "vtt": b"WEBVTT\n",
    "srt": b"1\n",
    "txt": "Grüß Gott\n".encode(),
    "json": b"{}",
    "summary": b"They met.\n",
    "metadata": b'{"duration_s": 60}',
    "report": b"{}",
    "report_page": b"<!doctype html>",
}


async def completed(gateway, client, files=None, name="Council (20220412).mp4"):
    body = {"storage": "flex-1", "path": gateway.recording(name)}
    job = (await client.post("/transcriptions", json=body)).json()
    await gateway.complete(await gateway.claim(), files or ALL)
    return job["id"]


async def test_every_file_comes_as_its_kind_under_the_recordings_name(gateway):
    types = {
        "scc": "text/x-scc",
        "vtt": "text/vtt",
        "srt": "application/x-subrip",
        "txt": "text/plain",
        "json": "application/json",
    }
    async with gateway.as_("uma") as uma:
        here = f"/transcriptions/{await completed(gateway, uma)}"
        for kind, media_type in types.items():
            answer = await uma.get(f"{here}/captions/{kind}")
            assert answer.content == ALL[kind]
            assert answer.headers["content-type"].split(";")[0] == media_type
            assert f'filename="Council (20220412).{kind}"' in answer.headers["content-disposition"]
            assert answer.headers["cache-control"] == "no-store"
        assert (await uma.get(f"{here}/metadata")).json() == {"duration_s": 60}
        outputs = (await uma.get(here)).json()["outputs"]
        for output in outputs:
            assert (await uma.get(f"http://gateway{output['href']}")).status_code in {200, 404}
    assert {output["kind"] for output in outputs} == set(ALL)


async def test_a_file_that_was_changed_on_the_disk_is_not_released(gateway):
    async with gateway.as_("uma") as uma:
        here = f"/transcriptions/{await completed(gateway, uma)}"
        path = next(Path(gateway.output).rglob("captions.scc"))
        for content in (b"Scenarist_SCC V1.1\n", b"", ALL["scc"] + b"more"):
            path.write_bytes(content)
            answer = await uma.get(f"{here}/captions/scc")
            assert (answer.status_code, answer.json()["code"]) == (500, "CAPTIONS_INVALID")
        path.unlink()
        answer = await uma.get(f"{here}/captions/scc")
    assert (answer.status_code, answer.json()["code"]) == (404, "FILE_NOT_FOUND")
    assert str(gateway.output) not in answer.text


async def test_nothing_is_given_before_the_job_has_completed(gateway):
    async with gateway.as_("uma") as uma:
        body = {"storage": "flex-1", "path": gateway.recording("a.mp4")}
        here = f"/transcriptions/{(await uma.post('/transcriptions', json=body)).json()['id']}"
        for rest in ("captions/scc", "summary", "summary?as=text", "metadata", "report"):
            answer = await uma.get(f"{here}/{rest}")
            assert (answer.status_code, answer.json()["code"]) == (409, "NOT_COMPLETED")


async def test_what_the_job_has_not_made_is_not_found(gateway):
    async with gateway.as_("uma") as uma:
        here = f"/transcriptions/{await completed(gateway, uma, {'scc': b'x'})}"
        for rest in ("captions/vtt", "summary", "summary?as=text", "metadata", "report?as=page"):
            assert (await uma.get(f"{here}/{rest}")).status_code == 404
        assert (await uma.get(f"{here}/captions/docx")).status_code == 422
        assert (await uma.get(f"{here}/summary?as=docx")).status_code == 422


async def test_head_is_get_without_the_body(gateway):
    async with gateway.as_("uma") as uma:
        here = f"/transcriptions/{await completed(gateway, uma)}"
        for path in (here, f"{here}/captions/scc", "/storage", "http://gateway/version"):
            asked, told = await uma.head(path), await uma.get(path)
            assert (asked.status_code, asked.content) == (200, b"")
            assert asked.headers["content-type"] == told.headers["content-type"]
        assert (await uma.head(f"{here}/captions/scc")).headers["content-length"] == str(len(ALL["scc"]))
        assert (await uma.head(f"{here}/events")).status_code == 405
    async with gateway.client() as nobody:
        assert (await nobody.head(here)).status_code == 401


@pytest.mark.parametrize(
    ("name", "header"),
    [
        pytest.param("a.scc", "attachment; filename=\"a.scc\"; filename*=UTF-8''a.scc", id="plain"),
        pytest.param(
            "Mayor's José.scc",
            "attachment; filename=\"Mayor's Jos_.scc\"; filename*=UTF-8''Mayor%27s%20Jos%C3%A9.scc",
            id="accent",
        ),
        pytest.param(
            'a"\\\r\nX: y%41;/.scc',
            "attachment; filename=\"a____X: y_41__.scc\"; filename*=UTF-8''a%22%5C%0D%0AX%3A%20y%2541%3B%2F.scc",
            id="hostile",
        ),
        pytest.param("🎉.scc", "attachment; filename=\"_.scc\"; filename*=UTF-8''%F0%9F%8E%89.scc", id="emoji"),
    ],
)
def test_a_name_is_kept_whole_and_cannot_forge_a_header(name, header):
    assert attachment(name) == header
