"""The people at the gateway: they submit over HTTP, cancel, read what stands under public names, and note it all."""

import asyncio
import hashlib
import random
import time
from typing import Any, Self

import httpx

from tests.chaos.history import History
from tests.chaos.world import STORAGE, World

_PATIENCE_S = 90.0
_AGAIN_S = 0.25
_READ_EVERY_S = 0.5
_IMPATIENT = 0.1
_DEADLINE_S = 10.0


class Client:
    """A client of the gateway. Answers, refusals and silence all go into the history."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._history: History = world.history.of("client")
        self._http = httpx.AsyncClient(
            base_url=f"{world.gateway.url}/api/v1",
            headers={"Authorization": f"Bearer {world.key}"},
            timeout=_DEADLINE_S,
            trust_env=False,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def submit(self, path: str, *, patient: bool = True, key: str | None = None, **options: Any) -> str | None:
        """Submit a recording: the job's id, None without an answer.

        patient: ask again with the same Idempotency-Key until there is one; else once.
        """
        key = key or f"{path}-{random.getrandbits(64):x}"
        self._history.note("submit", path=path, key=key)
        body = {"storage": STORAGE, "path": path, **options}
        answer = await self._ask("/transcriptions", body, {"Idempotency-Key": key}, patient=patient)
        if answer is None:
            self._history.note("unanswered", path=path, key=key)
            return None
        if answer.status_code not in {200, 202}:
            self._history.note("refused", path=path, key=key, status=answer.status_code, said=answer.text[:300])
            return None
        job_id = str(answer.json()["id"])
        self._history.note("acknowledged", path=path, job=job_id, status=answer.status_code)
        return job_id

    async def cancel(self, job_id: str, path: str) -> int | None:
        """Cancel a job: 200 it has ended, 202 it will, 409 it had ended otherwise; None without an answer."""
        self._history.note("cancel", job=job_id, path=path)
        answer = await self._ask(f"/transcriptions/{job_id}/cancel", None, {}, patient=True)
        if answer is None:
            return None
        if answer.status_code == 409:
            self._history.note("cancel-refused", job=job_id, said=answer.text[:300])
        elif answer.status_code == 202:
            self._history.note("cancel-accepted", job=job_id)
        elif answer.status_code == 200:
            self._history.note("told", job=job_id, state=answer.json()["status"])
        return answer.status_code

    async def retry(self, job_id: str, path: str) -> None:
        """Queue a failed or cancelled job again, as an operator does."""
        self._history.note("retried", job=job_id)
        self._history.note("cancel", job=job_id, path=path)
        await self._ask(f"/transcriptions/{job_id}/retry", None, {}, patient=True)

    async def read(self, job_id: str) -> dict[str, Any] | None:
        """A job as the gateway tells it; an end it tells of must stay."""
        try:
            answer = await self._http.get(f"/transcriptions/{job_id}")
        except httpx.HTTPError:
            return None
        if answer.status_code != 200:
            return None
        job: dict[str, Any] = answer.json()
        if job["status"] in {"completed", "failed", "cancelled"}:
            self._history.note("told", job=job_id, state=job["status"])
        return job

    async def _ask(
        self, url: str, body: dict[str, Any] | None, headers: dict[str, str], *, patient: bool
    ) -> httpx.Response | None:
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            try:
                answer = await self._http.post(url, json=body, headers=headers)
                if answer.status_code < 500 and answer.status_code != 429:
                    return answer
            except httpx.HTTPError:
                answer = None
            if not patient or time.monotonic() > deadline:
                return answer
            await asyncio.sleep(_AGAIN_S * random.uniform(0.5, 1.5))


async def submit_until(
    world: World, name: str, jobs: int, per_second: float, over: asyncio.Event, rng: random.Random
) -> None:
    """Submit recordings at a steady rate, whoever is away: so many at least, and on until `over`.

    One in ten asks once and gives up without an answer.
    """
    number = 0
    async with Client(world) as client, asyncio.TaskGroup() as group:
        while number < jobs or not over.is_set():
            path = world.record(f"{name}-{number}")
            patient = rng.random() >= _IMPATIENT
            group.create_task(client.submit(path, patient=patient, priority=rng.randint(1, 5)))
            number += 1
            await asyncio.sleep(rng.expovariate(per_second))


class Reader:
    """Reads every public file as it appears or changes: half a file would be seen."""

    def __init__(self, world: World) -> None:
        self._folder = world.output / STORAGE
        self._history = world.history.of("reader")
        self._seen: dict[str, tuple[int, int]] = {}

    async def run(self) -> None:
        while True:
            await asyncio.to_thread(self.look)
            await asyncio.sleep(_READ_EVERY_S)

    def look(self) -> None:
        for path in sorted(self._folder.iterdir()) if self._folder.is_dir() else ():
            if path.name.startswith("."):
                continue
            try:
                found = path.stat()
                if self._seen.get(path.name) == (found.st_ino, found.st_mtime_ns):
                    continue
                data = path.read_bytes()
            except FileNotFoundError:
                continue
            self._seen[path.name] = (found.st_ino, found.st_mtime_ns)
            self._history.note("read", name=path.name, size_bytes=len(data), sha256=hashlib.sha256(data).hexdigest())
