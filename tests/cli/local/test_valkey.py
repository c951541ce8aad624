import os
import signal

import pytest_asyncio
import redis.asyncio
from arq.connections import RedisSettings, create_pool

from archivist_cli.local.valkey import Valkey


@pytest_asyncio.fixture(loop_scope="session")
async def valkey(place, sockets):
    server = Valkey(place / "valkey", runtime=sockets, log=place / "valkey.log")
    await server.start()
    yield server
    await server.stop()


async def _get(server: Valkey, key: str) -> bytes | None:
    async with redis.asyncio.from_url(server.url) as client:
        return await client.get(key)


async def _set(server: Valkey, key: str) -> None:
    async with redis.asyncio.from_url(server.url) as client:
        await client.set(key, "here")


async def test_arq_takes_the_address(valkey):
    pool = await create_pool(RedisSettings.from_dsn(valkey.url))
    try:
        assert await pool.enqueue_job("ring", _job_id="one")
        assert await pool.zscore("arq:queue", "one")
    finally:
        await pool.aclose()


async def test_what_was_written_is_there_after_a_stop(valkey):
    await _set(valkey, "key")
    await valkey.stop()
    await valkey.start()
    assert await _get(valkey, "key") == b"here"


async def test_a_killed_server_starts_again_on_the_same_data(valkey, look):
    await _set(valkey, "key")
    os.kill(valkey.pid, signal.SIGKILL)
    assert await look.until(lambda: valkey.exit_code() is not None, 5)
    await valkey.start()
    assert await _get(valkey, "key") == b"here"


async def test_a_damaged_file_is_set_aside_because_nothing_in_it_is_the_truth(valkey):
    await _set(valkey, "key")
    await valkey.stop()
    (file,) = (valkey.data / "appendonlydir").glob("*.incr.aof")
    file.write_bytes(b"\x00nonsense" * 100 + file.read_bytes())
    await valkey.start()
    assert await _get(valkey, "key") is None
    assert list(valkey.data.glob("appendonlydir.damaged-*"))


async def test_it_listens_on_no_port_and_refuses_writes_rather_than_forget(valkey):
    async with redis.asyncio.from_url(valkey.url) as client:
        asked = await client.config_get("port", "maxmemory-policy", "appendonly", "save", "unixsocketperm")
    assert asked == {
        "port": "0",
        "maxmemory-policy": "noeviction",
        "appendonly": "yes",
        "save": "",
        "unixsocketperm": "700",
    }


async def test_stopping_leaves_no_process_and_no_socket(valkey, look, place):
    assert look.mentioning(place)
    await valkey.stop()
    assert not look.mentioning(place)
    assert not valkey.socket.exists()
