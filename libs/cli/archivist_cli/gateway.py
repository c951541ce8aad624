"""Archivist's own REST API as the command line uses it: with an API key, over HTTP, like anybody else."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import httpx

from archivist_common.errors import ArchivistError, by_code

_TIMEOUT = httpx.Timeout(10.0, connect=5.0)
_LONG = httpx.Timeout(60.0, connect=5.0)  # a hundred publications, or a watcher who waits for half a minute
_WHERE = {
    "summary": "summary?as=text",
    "metadata": "metadata",
    "report": "report",
    "report_page": "report?as=page",
}
_QUIET_S = 60.0  # an event stream sends a comment every fifteen seconds


@dataclass(frozen=True, slots=True)
class Update:
    """One server-sent event. event: `state`, `captions` or `progress`; data: its JSON."""

    event: str
    data: dict[str, Any]


class Gateway:
    """Every refusal is raised as the ArchivistError its code names, with the gateway's own sentence."""

    def __init__(self, url: str, api_key: str) -> None:
        self._http = httpx.AsyncClient(
            base_url=f"{url}/api/v1",
            headers={"Authorization": f"Bearer {api_key}"},
            timeout=_TIMEOUT,
            trust_env=False,  # the gateway is on this machine: a proxy has no part in it
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def submit(self, storage: str, path: str, **options: Any) -> dict[str, Any]:
        """Queue a recording; the job as the gateway answers it."""
        body = {
            "storage": storage,
            "path": path,
            **{key: value for key, value in options.items() if value is not None},
        }
        return dict(_checked(await self._http.post("/transcriptions", json=body)).json())

    async def read(self, job_id: str) -> dict[str, Any]:
        return dict(_checked(await self._http.get(f"/transcriptions/{job_id}")).json())

    async def queue(self, limit: int) -> dict[str, Any]:
        """What runs, and the first waiting jobs."""
        return dict(_checked(await self._http.get("/queue", params={"limit": limit})).json())

    async def listed(self, status: str, limit: int) -> list[dict[str, Any]]:
        """The newest jobs in a state."""
        answer = await self._http.get("/transcriptions", params={"status": status, "limit": limit})
        return list(_checked(answer).json()["items"])

    async def change(self, job_id: str, **fields: Any) -> dict[str, Any]:
        return dict(_checked(await self._http.patch(f"/transcriptions/{job_id}", json=fields)).json())

    async def act(self, job_id: str, action: str, **body: Any) -> dict[str, Any]:
        """Do something to a job: move, pause, resume."""
        answer = await self._http.post(f"/transcriptions/{job_id}/{action}", json=body or None)
        return dict(_checked(answer).json())

    async def several(self, action: str, **body: Any) -> dict[str, Any]:
        """Do something to the queue, or to many jobs of it: pause, resume, cancel, retry, clear."""
        return dict(_checked(await self._http.post(f"/queue/{action}", json=body)).json())

    async def request(self, method: str, path: str, body: Any = None, **params: Any) -> dict[str, Any]:
        """Any other operation. path: behind /api/v1. params: of the query; what is None is left out."""
        given = {name: value for name, value in params.items() if value is not None}
        answer = await self._http.request(method, path, json=body, params=given, timeout=_LONG)
        return dict(_checked(answer).json())

    async def output(self, job_id: str, kind: str) -> bytes:
        """A file the job made: a caption format by its name, `summary` as text, or `metadata`."""
        where = _WHERE.get(kind, f"captions/{kind}")
        return _checked(await self._http.get(f"/transcriptions/{job_id}/{where}")).content

    async def summary(self, job_id: str) -> dict[str, Any]:
        return dict(_checked(await self._http.get(f"/transcriptions/{job_id}/summary")).json())

    async def events(self, job_id: str) -> AsyncIterator[Update]:
        """What happens to a job, as it happens, until it has ended."""
        timeout = httpx.Timeout(_QUIET_S, connect=5.0)
        async with self._http.stream("GET", f"/transcriptions/{job_id}/events", timeout=timeout) as response:
            if response.is_error:
                await response.aread()
            _checked(response)
            event, data = "message", ""
            async for line in response.aiter_lines():
                name, _, value = line.partition(":")
                if name == "event":
                    event = value.strip()
                elif name == "data":
                    data += value.strip()
                elif not line and data:
                    yield Update(event, json.loads(data))
                    event, data = "message", ""


def _checked(response: httpx.Response) -> httpx.Response:
    if not response.is_error:
        return response
    try:
        problem = response.json()
        error: ArchivistError = by_code(problem["code"])(problem["detail"])
    except (ValueError, KeyError, TypeError) as exc:
        raise ArchivistError(f"{response.request.url}: HTTP {response.status_code}") from exc
    raise error
