"""An outage is logged once when it begins and once when it ends."""

import asyncio
import logging
import threading

import pytest

from archivist_common.errors import DatabaseUnavailable
from archivist_common.observability.outage import Outage

log = logging.getLogger("tests.outage")


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def database(clock: Clock, caplog: pytest.LogCaptureFixture) -> Outage:
    caplog.set_level(logging.INFO, log.name)
    return Outage(log, "database", meanwhile="jobs wait", fields={"slot": 3}, clock=clock)


def lines(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    return [(record.levelname, record.getMessage()) for record in caplog.records]


def test_an_outage_is_logged_once_and_its_end_once(
    database: Outage, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(3):
        database.failed(DatabaseUnavailable("connection refused"))
        clock.now += 20
    database.recovered()
    database.recovered()
    assert lines(caplog) == [("WARNING", "database unavailable; jobs wait"), ("INFO", "database available again")]
    began, ended = (vars(record) for record in caplog.records)
    assert (began["reason"], began["slot"]) == ("connection refused", 3)
    assert (ended["outage_s"], ended["failures"], ended["slot"]) == (60.0, 3, 3)


def test_what_was_never_unavailable_is_not_available_again(
    database: Outage, caplog: pytest.LogCaptureFixture
) -> None:
    database.recovered()
    assert not lines(caplog)
    assert not database.is_active


def test_the_next_outage_is_logged_anew(database: Outage, clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    database.failed("refused")
    database.recovered()
    clock.now += 1_000
    database.failed("refused again")
    clock.now += 5
    database.recovered()
    assert [level for level, _ in lines(caplog)] == ["WARNING", "INFO"] * 2
    assert vars(caplog.records[2])["reason"] == "refused again"
    assert (vars(caplog.records[3])["outage_s"], vars(caplog.records[3])["failures"]) == (5.0, 1)


def test_a_block_that_fails_is_an_outage_and_one_that_ends_is_its_end(
    database: Outage, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(2):
        with database.tolerated(DatabaseUnavailable, OSError):
            raise ConnectionResetError("by peer")
    assert database.is_active
    with database.tolerated(DatabaseUnavailable, OSError):
        pass
    assert not database.is_active
    assert vars(caplog.records[0])["reason"] == "ConnectionResetError('by peer')"
    assert len(caplog.records) == 2


def test_another_error_passes_and_neither_begins_nor_ends_an_outage(
    database: Outage, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(ZeroDivisionError), database.tolerated(DatabaseUnavailable):
        raise ZeroDivisionError
    assert not database.is_active
    database.failed("refused")
    with pytest.raises(ZeroDivisionError), database.tolerated(DatabaseUnavailable):
        raise ZeroDivisionError
    assert database.is_active
    assert len(caplog.records) == 1


async def test_a_cancelled_block_neither_begins_nor_ends_an_outage(database: Outage) -> None:
    async def block() -> None:
        with database.tolerated(DatabaseUnavailable, TimeoutError):
            await asyncio.sleep(60)

    database.failed("refused")
    task = asyncio.create_task(block())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert database.is_active


def test_many_threads_log_one_beginning_and_one_end(database: Outage, caplog: pytest.LogCaptureFixture) -> None:
    ready = threading.Barrier(16)

    def fail() -> None:
        ready.wait()
        database.failed("refused")

    threads = [threading.Thread(target=fail) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    database.recovered()
    assert len(caplog.records) == 2
    assert vars(caplog.records[1])["failures"] == 16
