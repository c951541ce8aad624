"""Wake-up notifications over Redis (arq). Best effort: workers also poll. The only file that imports arq.

Nothing here is the record of anything. A lost wake-up costs one poll interval; an unavailable Redis is logged once.
Messages are JSON and carry an id, never work.
"""

import asyncio
import json
import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

from arq.connections import ArqRedis
from arq.worker import Worker, func
from redis.asyncio import ConnectionPool
from redis.exceptions import RedisError

from archivist_common.errors import DeadlineExceeded
from archivist_common.observability import metrics
from archivist_common.observability.outage import Outage

log = logging.getLogger(__name__)

TRANSCRIBE = "archivist:transcribe"
PUBLISH = "archivist:publish"
_WAKE = "wake"
_DEADLINE_S = 1.0  # Redis responds in well under a millisecond; after a second it is unavailable
_WAKE_UP_LIFE = timedelta(days=7)
_POLL_S = 0.1
_CANCEL_AGAIN_S = 0.2
_RECONNECT_S = 2.0


def _to_json(value: Any) -> bytes:
    return json.dumps(value, default=str).encode()


def _from_json(data: bytes) -> Any:
    return json.loads(data)


def _connect(dsn: str, socket_timeout: float | None = None) -> ArqRedis:
    """A client that connects when first used.

    socket_timeout: seconds, for a caller without a deadline of its own. With it redis-py waits in
    asyncio.wait_for, which before Python 3.12 loses a cancellation that comes as the wait ends.
    """
    pool: ConnectionPool = ConnectionPool.from_url(
        dsn, socket_timeout=socket_timeout, socket_connect_timeout=_DEADLINE_S, health_check_interval=30
    )
    return ArqRedis(pool, job_serializer=_to_json, job_deserializer=_from_json, default_queue_name=TRANSCRIBE)


class Notifier:
    """Wakes workers up. One per process, made in its lifespan."""

    def __init__(self, dsn: str) -> None:
        self._redis = _connect(dsn)
        self._outage = Outage(log, "Redis", meanwhile="workers poll the database")

    async def notify(self, transcription_id: UUID) -> bool:
        """Notify transcribers of possible work. False while Redis is unavailable, which is logged once."""
        return await self._notify(TRANSCRIBE, str(transcription_id))

    async def notify_publisher(self) -> bool:
        """Notify publishers of possible work. As `notify`; one wake-up is queued at a time."""
        return await self._notify(PUBLISH, "publisher")

    async def _notify(self, queue: str, what: str) -> bool:
        try:
            async with asyncio.timeout(_DEADLINE_S):
                await self._redis.enqueue_job(
                    _WAKE, what, _job_id=f"wake:{what}", _queue_name=queue, _expires=_WAKE_UP_LIFE
                )
        except (RedisError, OSError, TimeoutError) as exc:
            self._failed(exc)
            return False
        self._answered()
        return True

    async def info(self, section: str) -> dict[str, Any]:
        """A section of Redis' INFO. Raises DeadlineExceeded when it does not respond."""
        try:
            async with asyncio.timeout(_DEADLINE_S):
                found = dict(await self._redis.info(section))
        except (RedisError, OSError, TimeoutError) as exc:
            self._failed(exc)
            raise DeadlineExceeded("Redis is not responding") from exc
        self._answered()
        return found

    async def close(self) -> None:
        await self._redis.aclose(close_connection_pool=True)

    def _failed(self, exc: Exception) -> None:
        metrics.REDIS_UP.set(False)
        self._outage.failed(exc)

    def _answered(self) -> None:
        metrics.REDIS_UP.set(True)
        self._outage.recovered()


class Listener:
    """Listens for wake-ups and calls `wake`. Runs until cancelled, through any outage of Redis."""

    def __init__(self, dsn: str, name: str, wake: Callable[[], None], queue: str = TRANSCRIBE) -> None:
        self._dsn = dsn
        self._name = name
        self._queue = queue
        self._wake = wake
        self._worker: Worker | None = None
        self._wanted = True

    def accept(self, wanted: bool) -> None:
        """Whether to take wake-ups: a worker with no free slot leaves them to the others."""
        self._wanted = wanted
        if self._worker is not None:
            self._worker.allow_pick_jobs = wanted

    async def run(self) -> None:
        listening = asyncio.create_task(self._run())
        try:
            await asyncio.wait([listening])
            await listening
        finally:
            while not listening.done():  # one cancellation may be lost, see _connect
                listening.cancel()
                await asyncio.wait([listening], timeout=_POLL_S)

    async def _run(self) -> None:
        outage = Outage(log, "wake-up listener", meanwhile="the database is polled")
        while True:
            redis = _connect(self._dsn, socket_timeout=_DEADLINE_S)
            try:
                await redis.ping()
                outage.recovered()
                await self._listen(redis)
            except (RedisError, OSError, TimeoutError) as exc:
                outage.failed(exc)
            finally:
                self._worker = None
                await redis.aclose(close_connection_pool=True)
            await asyncio.sleep(_RECONNECT_S)

    async def _listen(self, redis: ArqRedis) -> None:
        async def wake(ctx: dict[Any, Any], *args: Any, **kwargs: Any) -> None:
            self._wake()

        self._worker = Worker(
            functions=[func(wake, name=_WAKE, keep_result=0, max_tries=1, timeout=10)],
            redis_pool=redis,
            queue_name=self._queue,
            max_jobs=1,
            poll_delay=_POLL_S,
            handle_signals=False,
            health_check_interval=10,
            health_check_key=f"{self._queue}:health:{self._name}",
            job_serializer=_to_json,
            job_deserializer=_from_json,
            log_results=False,
        )
        self._worker.allow_pick_jobs = self._wanted
        running = asyncio.create_task(self._worker.async_run())
        try:
            await asyncio.shield(running)
        finally:
            await self._end(running, self._worker)

    async def _end(self, running: "asyncio.Task[None]", worker: Worker) -> None:
        """End arq and what it had begun: it may be waiting for an unavailable Redis.

        A single cancel may be lost in it: redis-py takes one that meets a reply just read for its own time-out.
        """
        tasks = {running, *worker.tasks.values()}
        while any(not task.done() for task in tasks):
            for task in (*tasks, worker.main_task):
                if task is not None:
                    task.cancel()
            await asyncio.wait(tasks, timeout=_CANCEL_AGAIN_S)
        await asyncio.gather(*tasks, return_exceptions=True)
