"""The command line's way into the gateway: refusals keep their code, events are read as they come."""

import httpx
import pytest

from archivist_cli.gateway import Gateway
from archivist_common import errors
from archivist_common.errors import ArchivistError, FileMissing


def _gateway(answer: httpx.Response) -> Gateway:
    gateway = Gateway("http://gateway.test", "arc_key")
    gateway._http = httpx.AsyncClient(
        base_url="http://gateway.test/api/v1", transport=httpx.MockTransport(lambda _: answer)
    )
    return gateway


async def test_a_refusal_is_raised_as_the_error_its_code_names() -> None:
    problem = {"code": "FILE_NOT_FOUND", "detail": "flex-1 has no file 'x.mp4'"}
    async with _gateway(httpx.Response(404, json=problem)) as gateway:
        with pytest.raises(FileMissing, match="flex-1 has no file"):
            await gateway.submit("flex-1", "x.mp4")


@pytest.mark.parametrize("code", sorted(errors._CODES))
async def test_a_refusal_of_any_kind_keeps_its_code_and_its_words(code: str) -> None:
    async with _gateway(httpx.Response(409, json={"code": code, "detail": "what, which one"})) as gateway:
        with pytest.raises(ArchivistError) as caught:
            await gateway.read("some-id")
    assert (caught.value.code, caught.value.message) == (code, "what, which one")


async def test_an_answer_that_is_no_problem_document_still_says_what_came_back() -> None:
    async with _gateway(httpx.Response(502, text="<html>bad gateway</html>")) as gateway:
        with pytest.raises(ArchivistError, match="HTTP 502"):
            await gateway.read("some-id")


async def test_events_are_read_one_by_one_and_comments_passed_over() -> None:
    stream = (
        ': ping\n\nevent: progress\ndata: {"progress": 40}\n\n'
        'id: 7\nevent: state\ndata: {"status":\ndata:  "completed"}\n\n'
    )
    async with _gateway(httpx.Response(200, text=stream)) as gateway:
        updates = [update async for update in gateway.events("some-id")]
    assert [(update.event, update.data) for update in updates] == [
        ("progress", {"progress": 40}),
        ("state", {"status": "completed"}),
    ]
