"""The supervisor, with small real programs in the place of our services."""

import os
import signal
import sys
import time

import httpx
import pytest
import pytest_asyncio

from archivist_cli.local.errors import StackError
from archivist_cli.local.ports import Reserved
from archivist_cli.local.processes import Service, Supervisor, kill_tagged

WEB = """
import http.server, os, signal, subprocess, sys, time
mode, port = sys.argv[1], int(sys.argv[2])
if mode == "dies":
    print("the model is made of cheese")
    sys.exit(3)
if mode == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if mode == "parent":
    # A grandchild with a session of its own, deaf to SIGTERM.
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(300)"
    subprocess.Popen([sys.executable, "-c", deaf], start_new_session=True)

class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        ready = self.path == "/health/live" or (self.path == "/health/ready" and mode != "never")
        self.send_response(200 if ready else 503)
        self.end_headers()
        self.wfile.write(b"up" if ready else b"still thinking")

http.server.ThreadingHTTPServer(("127.0.0.1", port), Answer).serve_forever()
"""


@pytest_asyncio.fixture(loop_scope="session")
async def service(place):
    """Makes services; whatever is left of them is ended."""
    made, ports = [], []

    def make(mode: str, name: str = "web", **options) -> Service:
        ports.append(Reserved("127.0.0.1", 0))
        command = [sys.executable, "-c", WEB, mode, str(ports[-1].port)]
        url = f"http://127.0.0.1:{ports[-1].port}"
        log = place / f"{name}.log"
        made.append(Service(name, command, url=url, env=os.environ, log=log, cwd=place, tag=str(place), **options))
        return made[-1]

    yield make
    for each in made:
        await each.stop(0)
    for port in ports:
        port.release()


@pytest_asyncio.fixture(loop_scope="session")
async def supervisor():
    keeper = Supervisor()
    yield keeper
    await keeper.stop()


async def test_a_service_is_ready_when_it_says_so(supervisor, service):
    web = service("good")
    await supervisor.start(web)
    async with httpx.AsyncClient() as client:
        assert (await client.get(f"{web.url}/health/ready")).text == "up"
    assert supervisor.pids() == {"web": web.pid}


async def test_a_service_that_dies_before_it_is_ready_is_reported_with_its_last_words(supervisor, service):
    with pytest.raises(StackError, match=r"web ended with code 3 before it was ready:\n.*made of cheese"):
        await supervisor.start(service("dies"), service("good", "other"))


async def test_last_words_of_an_earlier_start_are_not_repeated(supervisor, service, place):
    (place / "web.log").write_text("an old sorrow\n")
    with pytest.raises(StackError) as caught:
        await supervisor.start(service("dies"))
    assert "sorrow" not in str(caught.value)


async def test_a_service_that_is_never_ready_is_reported_with_its_reason(supervisor, service):
    with pytest.raises(StackError, match=r"not ready within 1 s \(still thinking\)"):
        await supervisor.start(service("never", ready_within_s=1))


async def test_a_service_that_is_only_to_live_is_not_waited_for_until_it_is_ready(supervisor, service):
    web = service("never", wait_for="live", ready_within_s=5)
    await supervisor.start(web)
    assert supervisor.pids() == {"web": web.pid}


async def test_a_killed_service_is_started_again_at_the_same_address(supervisor, service, look):
    web = service("good")
    await supervisor.start(web)
    killed = web.pid
    os.kill(killed, signal.SIGKILL)
    assert await look.until(lambda: web.pid != killed and web.exit_code() is None, 5)

    def answers() -> bool:
        try:
            return httpx.get(f"{web.url}/health/ready").status_code == 200
        except httpx.TransportError:
            return False

    assert await look.until(answers, 5)


async def test_what_a_killed_service_had_started_is_ended_before_it_starts_again(supervisor, service, look, place):
    web = service("parent")
    await supervisor.start(web)
    family = set(look.mentioning(place))
    assert len(family) == 2
    os.kill(web.pid, signal.SIGKILL)
    assert await look.until(lambda: not any(look.alive(pid) for pid in family), 5)


async def test_stopping_ends_grandchildren_that_left_the_group(supervisor, service, look, place):
    await supervisor.start(service("parent"))
    assert len(look.mentioning(place)) == 2
    await supervisor.stop()
    assert await look.until(lambda: not look.mentioning(place), 1)


async def test_services_of_a_folder_within_the_folder_are_another_stacks(supervisor, service, place, look):
    web = service("good")  # marked with `place`
    await supervisor.start(web)
    kill_tagged(str(place.parent))
    kill_tagged(f"{place}//we")
    assert web.exit_code() is None
    pid = web.pid
    kill_tagged(str(place))
    assert await look.until(lambda: not look.alive(pid), 5)


async def test_a_service_deaf_to_sigterm_is_killed_when_its_time_is_over(supervisor, service, look):
    web = service("stubborn")
    await supervisor.start(web)
    pid, began = web.pid, time.monotonic()
    await web.stop(0.5)
    assert 0.5 <= time.monotonic() - began < 2
    assert not look.alive(pid)


async def test_tiers_are_stopped_last_first(supervisor, service):
    order = []

    class Noted(Service):
        async def stop(self, within_s: float = 1) -> None:
            order.append(self.name)
            await super().stop(within_s)

    below, above = service("good", "below"), service("good", "above")
    below.__class__ = above.__class__ = Noted
    await supervisor.start(below)
    await supervisor.start(above)
    await supervisor.stop()
    assert order == ["above", "below"]
