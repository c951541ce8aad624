"""A gateway behind a real HTTP server, and the command line run against it."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio
import uvicorn
from tests.api.conftest import Gateway, gateway_of

from archivist_cli.main import main
from archivist_common.security.permissions import Permission
from archivist_common.states import Role

Command = Callable[..., Awaitable[tuple[int, str, str]]]
_ORDERING = (Permission.TRANSCRIPTIONS_READ, Permission.TRANSCRIPTIONS_WRITE, Permission.TRANSCRIPTIONS_ALL)


@pytest_asyncio.fixture(loop_scope="session")
async def gateway(own_database, redis_url, tmp_path) -> AsyncIterator[Gateway]:
    async with gateway_of(own_database, redis_url, tmp_path) as running:
        await running.add("otto", Role.OPERATOR)
        await running.add("olga", Role.OPERATOR)
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def archivist(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path
) -> AsyncIterator[Command]:
    """Runs `archivist …` as otto would; its exit code, what it printed and what it complained of."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(gateway.app, lifespan="off", log_config=None))
    serving = asyncio.create_task(server.serve([listener]))
    while not server.started:
        await asyncio.sleep(0.01)
    monkeypatch.setenv("ARCHIVIST_URL", f"http://127.0.0.1:{listener.getsockname()[1]}")
    monkeypatch.setenv("ARCHIVIST_API_KEY", await gateway.key("otto", *_ORDERING))
    monkeypatch.chdir(tmp_path)

    async def run(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = await asyncio.to_thread(_code, arguments)
        said = capsys.readouterr()
        return code, said.out, said.err

    yield run
    server.should_exit = True
    await serving
    listener.close()


def _code(arguments: tuple[str, ...]) -> int:
    try:
        return main(arguments)
    except SystemExit as exc:  # wrong usage
        return int(exc.code or 0)
