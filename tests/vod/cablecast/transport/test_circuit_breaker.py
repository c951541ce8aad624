"""The gate, the breaker and the latch of a server, by a clock moved by hand."""

import logging
from datetime import UTC, datetime
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, Gauge

from archivist_common.errors import TargetDenied, TargetUnavailable
from archivist_vod.cablecast.transport.circuit_breaker import Circuit, CircuitBreaker, retry_after_s

_NOW = datetime(2026, 11, 27, 12, 0, 0, tzinfo=UTC)
_IN_2_MINUTES = "Fri, 27 Nov 2026 12:02:00 GMT"


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def gauge() -> Gauge:
    return Gauge("circuit_open", "For a test.", registry=CollectorRegistry())


@pytest.fixture
def host(clock: Clock, gauge: Gauge) -> CircuitBreaker:
    return CircuitBreaker("cablecast", clock=clock, gauge=gauge)


def _fail(host: CircuitBreaker, times: int) -> None:
    for _ in range(times):
        host.failed("HTTP 500", deciding=host.admit("GET shows"))


@pytest.mark.parametrize(
    ("value", "date", "seconds"),
    [
        pytest.param("120", None, 120.0, id="seconds"),
        pytest.param(" 7 ", None, 7.0, id="seconds-with-blanks"),
        pytest.param("0", None, 0.0, id="zero"),
        pytest.param("999999", None, 999_999.0, id="absurd"),
        pytest.param("9" * 400, None, 3_600.0, id="past-counting"),
        pytest.param(_IN_2_MINUTES, None, 120.0, id="date"),
        pytest.param(_IN_2_MINUTES, "Fri, 27 Nov 2026 12:01:30 GMT", 30.0, id="date-by-the-servers-own-clock"),
        pytest.param("Fri, 27 Nov 2026 11:00:00 GMT", None, 0.0, id="date-gone-by"),
        pytest.param("Friday, 27-Nov-26 12:02:00 GMT", None, 120.0, id="date-of-rfc-850"),
        pytest.param(_IN_2_MINUTES, "nonsense", 120.0, id="date-beside-a-bad-date-header"),
        pytest.param(None, None, None, id="absent"),
        pytest.param("", None, None, id="empty"),
        pytest.param("soon", None, None, id="garbage"),
        pytest.param("-5", None, None, id="negative"),
        pytest.param("1.5", None, None, id="fraction"),
        pytest.param("१२", None, None, id="digits-of-another-script"),
        pytest.param("Fri, 99 Nov 2026 12:00:00 GMT", None, None, id="no-such-day"),
    ],
)
def test_retry_after_is_read_as_seconds_or_a_date(value: str | None, date: str | None, seconds: float | None) -> None:
    assert retry_after_s(value, date, _NOW) == seconds


@pytest.mark.parametrize(
    ("asked", "pause"),
    [
        pytest.param(120.0, 120.0, id="as-asked"),
        pytest.param(999_999.0, 3_600.0, id="capped-at-an-hour"),
        pytest.param(0.0, 0.0, id="none"),
        pytest.param(None, 5.0, id="not-said"),
    ],
)
def test_a_pause_holds_every_call_and_then_no_more(
    host: CircuitBreaker, clock: Clock, asked: float | None, pause: float
) -> None:
    assert host.asked_to_wait(asked) == pause
    if pause:
        clock.now = pause - 0.5
        with pytest.raises(TargetUnavailable, match="responded with Retry-After") as caught:
            host.admit("GET shows")
        assert caught.value.retry_after_s == 1
        assert host.state.paused_s == 0.5
    clock.now = pause
    assert host.admit("GET shows") is False


def test_a_pause_nobody_named_grows_while_they_keep_coming(host: CircuitBreaker) -> None:
    assert [host.asked_to_wait(None) for _ in range(8)] == [5, 10, 20, 40, 80, 160, 300, 300]
    host.succeeded()
    assert host.asked_to_wait(None) == 5


def test_a_shorter_pause_does_not_cut_a_longer_one(host: CircuitBreaker) -> None:
    host.asked_to_wait(100)
    host.asked_to_wait(1)
    assert host.state.paused_s == 100


def test_the_circuit_opens_after_five_failures_in_a_row(host: CircuitBreaker, gauge: Gauge) -> None:
    _fail(host, 4)
    assert host.state.circuit is Circuit.CLOSED
    host.succeeded()
    _fail(host, 4)
    assert host.state.circuit is Circuit.CLOSED
    _fail(host, 1)
    assert (host.state.circuit, gauge._value.get()) == (Circuit.OPEN, 1)
    with pytest.raises(TargetUnavailable, match="circuit breaker open after 5 failures in a row") as caught:
        host.admit("GET shows")
    assert caught.value.retry_after_s == 30


def test_a_half_open_circuit_lets_one_call_through_and_closes_on_its_success(
    host: CircuitBreaker, clock: Clock, gauge: Gauge
) -> None:
    _fail(host, 5)
    clock.now = 30
    assert host.state.circuit is Circuit.HALF_OPEN
    assert host.admit("GET shows") is True
    with pytest.raises(TargetUnavailable, match="half-open, one request is out"):
        host.admit("GET vods")
    host.succeeded()
    assert (host.state.circuit, gauge._value.get()) == (Circuit.CLOSED, 0)
    assert host.admit("GET vods") is False


def test_an_open_circuit_rests_twice_as_long_each_time_up_to_five_minutes(host: CircuitBreaker, clock: Clock) -> None:
    _fail(host, 5)
    rests = []
    for _ in range(6):
        rests.append(host.state.paused_s)
        clock.now += host.state.paused_s
        _fail(host, 1)
    assert rests == [30, 60, 120, 240, 300, 300]


def test_a_deciding_call_given_up_leaves_the_next_one_to_decide(host: CircuitBreaker, clock: Clock) -> None:
    _fail(host, 5)
    clock.now = 30
    host.abandoned(deciding=host.admit("GET shows"))
    assert host.admit("GET shows") is True


def test_a_call_from_before_it_opened_neither_prolongs_the_rest_nor_lets_a_second_one_decide(
    host: CircuitBreaker, clock: Clock
) -> None:
    late = host.admit("GET slow")
    _fail(host, 5)
    clock.now = 30
    host.admit("GET shows")
    host.failed("timed out", deciding=late)
    host.abandoned(deciding=late)
    assert host.state.paused_s == 0
    with pytest.raises(TargetUnavailable, match="half-open"):
        host.admit("GET vods")


def test_after_a_refusal_nothing_goes_out_until_somebody_has_looked(host: CircuitBreaker) -> None:
    host.denied(TargetDenied("GET shows: HTTP 401", status=401, body="no"))
    with pytest.raises(TargetDenied, match="not sent, because GET shows: HTTP 401") as caught:
        host.admit("GET vods")
    assert (caught.value.status, caught.value.body) == (401, "no")
    assert host.state.denied == "GET shows: HTTP 401"
    host.reset()
    assert host.admit("GET vods") is False


def _messages(records: Any) -> list[tuple[int, str]]:
    return [(record.levelno, record.message) for record in records]


def test_trouble_is_logged_when_it_begins_and_when_it_ends(
    host: CircuitBreaker, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    _fail(host, 5)
    for _ in range(3):
        clock.now += host.state.paused_s
        _fail(host, 1)
    host.succeeded()
    host.succeeded()
    assert _messages(caplog.records) == [
        (logging.WARNING, "circuit breaker open: server keeps failing"),
        (logging.INFO, "server available again"),
    ]
    assert caplog.records[-1].__dict__["after_s"] == 210
