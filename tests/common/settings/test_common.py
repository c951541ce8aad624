"""Settings that every process reads: names, forms, what cannot be meant, and addresses."""

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from redis.asyncio import ConnectionPool
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine

from archivist_common.settings import ApiSettings, CommonSettings, MonitorSettings, TranscriberSettings, VodSettings
from archivist_common.storage.client import StorageServer
from archivist_common.storage.mounts import MountKind

Make = Callable[..., Any]
EVERY = [CommonSettings, ApiSettings, TranscriberSettings, VodSettings, MonitorSettings]
SECRET = "Zk3v9Qm1Xr7Tn5Wb2Yc8Jd4Hf6Lg0Ps_"


@pytest.mark.parametrize(
    ("cls", "name", "value", "field", "expected"),
    [
        (CommonSettings, "FLASK_ENV", "development", "environment", "development"),
        (CommonSettings, "ENVIRONMENT", "testing", "environment", "testing"),
        (CommonSettings, "CELERY_TASK_TIMEOUT", "7200  # 2 hours", "job_timeout", timedelta(hours=2)),
        (CommonSettings, "JOB_TIMEOUT", "90.5", "job_timeout", timedelta(seconds=90.5)),
        (CommonSettings, "JOB_LEASE", "PT1M", "job_lease", timedelta(minutes=1)),
        (CommonSettings, "MAX_FILE_SIZE", "10737418240  # 10GB", "max_file_size", 10 * 1024**3),
        (CommonSettings, "MAX_FILE_SIZE", "10GB", "max_file_size", 10 * 1024**3),
        (CommonSettings, "LOG_MAX_SIZE", "100MB", "log_max_size", 100 * 1024**2),
        (CommonSettings, "LOG_MAX_SIZE", "64k", "log_max_size", 64 * 1024),
        (CommonSettings, "LOG_MAX_SIZE", "512", "log_max_size", 512),
        (CommonSettings, "LOG_FILE", "", "log_file", None),
        (TranscriberSettings, "CELERY_WORKER_CONCURRENCY", "4", "worker_concurrency", 4),
        (TranscriberSettings, "WORKER_CONCURRENCY", "3", "worker_concurrency", 3),
        (TranscriberSettings, "WORKER_CONCURRENCY", "", "worker_concurrency", None),
        (ApiSettings, "SESSION_TIMEOUT", "3600", "session_timeout", timedelta(hours=1)),
        (MonitorSettings, "CHECK_INTERVAL", "5", "check_interval", timedelta(seconds=5)),
    ],
)
def test_a_name_and_a_form(settings: Make, cls: Any, name: str, value: str, field: str, expected: object) -> None:
    given = {"SECRET_KEY": SECRET} if cls is ApiSettings else {}
    assert getattr(settings(cls, **given | {name: value}), field) == expected


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MAX_FILE_SIZE", "10 bananas"),
        ("MAX_FILE_SIZE", "-1"),
        ("JOB_LEASE", "soon"),
        ("MAX_QUEUE_SIZE", "0"),
        ("DATABASE_POOL_SIZE", "0"),
        ("LOG_LEVEL", "LOUD"),
        ("ENVIRONMENT", "staging"),
        ("DATABASE_URL", "mysql://u:p@db/archivist"),
        ("DATABASE_URL", "archivist"),
        ("FLEX_SERVERS", "mnt/flex-1"),
        ("FLEX_SERVERS", "a b=/mnt/flex-1"),
        ("FLEX_SERVERS", "/mnt/a/flex,/mnt/b/flex"),
        ("FLEX_SERVERS", "[{"),
        ("FLEX_SERVERS", '[{"name": "a"}]'),
        ("FLEX_SERVERS", '[{"name": "a", "path": "/a", "kind": "tape"}]'),
    ],
)
def test_what_cannot_be_meant_is_refused(settings: Make, name: str, value: str) -> None:
    with pytest.raises(ValidationError):
        settings(**{name: value})


@pytest.mark.parametrize(
    ("written", "servers"),
    [
        pytest.param("", [], id="none"),
        pytest.param("/mnt/flex-1", [StorageServer("flex-1", Path("/mnt/flex-1"))], id="path"),
        pytest.param("birchwood=/mnt/flex-1", [StorageServer("birchwood", Path("/mnt/flex-1"))], id="name"),
        pytest.param(
            " /mnt/a , b=/mnt/x=y+beside ,",
            [StorageServer("a", Path("/mnt/a")), StorageServer("b", Path("/mnt/x=y"), beside=True)],
            id="spaces-flags-and-a-comma-too-many",
        ),
        pytest.param(
            "/mnt/a+mount+beside,/mnt/b+folder",
            [
                StorageServer("a", Path("/mnt/a"), beside=True, kind=MountKind.MOUNT),
                StorageServer("b", Path("/mnt/b"), kind=MountKind.FOLDER),
            ],
            id="kinds",
        ),
        pytest.param(
            '[{"name": "a", "path": "/mnt/a, b", "beside": true}]',
            [StorageServer("a", Path("/mnt/a, b"), beside=True)],
            id="json-for-a-comma",
        ),
    ],
)
def test_storage_servers(settings: Make, written: str, servers: list[StorageServer]) -> None:
    found = settings(FLEX_SERVERS=written)
    assert list(found.flex_servers) == servers
    for server in servers:
        assert found.storage(server.name) == server
    assert found.storage("nowhere") is None


@pytest.mark.parametrize(
    ("url", "password", "expected"),
    [
        ("redis://localhost:6379/0", None, {"host": "localhost", "port": 6379, "db": 0}),
        ("redis://redis/1", "p@ss:w/ord%", {"host": "redis", "db": 1, "password": "p@ss:w/ord%"}),
        ("redis://:own@redis/1", "other", {"host": "redis", "db": 1, "password": "own"}),
        ("rediss://user:own@redis:6380", "other", {"host": "redis", "port": 6380, "password": "own"}),
        ("unix:///run/valkey.sock", "secret", {"path": "/run/valkey.sock", "password": "secret"}),
    ],
)
def test_the_address_of_redis(settings: Make, url: str, password: str | None, expected: dict[str, Any]) -> None:
    found = settings(REDIS_URL=url, **({"REDIS_PASSWORD": password} if password else {}))
    understood = ConnectionPool.from_url(found.redis_dsn).connection_kwargs
    assert {name: understood.get(name) for name in expected} == expected


@pytest.mark.parametrize(
    ("given", "number"),
    [
        pytest.param({"REDIS_DB": "3"}, 3, id="alone"),
        pytest.param({"REDIS_DB": "3", "REDIS_URL": "redis://redis"}, 3, id="address-without-one"),
        pytest.param({"REDIS_DB": "3", "REDIS_URL": "redis://redis:6379/"}, 3, id="address-that-ends-in-a-slash"),
        pytest.param({"REDIS_DB": "3", "REDIS_URL": "redis://redis/1"}, 1, id="address-with-one"),
        pytest.param({"REDIS_DB": "3", "REDIS_URL": "redis://redis?db=2"}, 2, id="address-with-one-behind-db"),
        pytest.param({"REDIS_DB": "3", "REDIS_URL": "unix:///run/valkey.sock"}, 3, id="socket"),
        pytest.param({"REDIS_DB": "3", "REDIS_URL": "unix:///run/valkey.sock?db=4"}, 4, id="socket-with-one"),
        pytest.param({"REDIS_DB": "3", "REDIS_URL": "redis://redis", "REDIS_PASSWORD": "pw"}, 3, id="password-too"),
    ],
)
def test_redis_db_is_the_database_where_the_address_names_none(
    settings: Make, given: dict[str, str], number: int
) -> None:
    understood = ConnectionPool.from_url(settings(**given).redis_dsn).connection_kwargs
    assert understood["db"] == number
    assert understood.get("password") == given.get("REDIS_PASSWORD")


@pytest.mark.parametrize(
    ("written", "understood"),
    [
        ("postgresql://u:p@db/archivist", "postgresql+asyncpg://u:p@db/archivist"),
        ("postgres://u:p@db:5433/archivist", "postgresql+asyncpg://u:p@db:5433/archivist"),
        ("postgresql+psycopg2://u:p%40ss@db/archivist", "postgresql+asyncpg://u:p%40ss@db/archivist"),
        (
            "postgresql://u@/archivist?host=/run/pg&port=5432",
            "postgresql+asyncpg://u@/archivist?host=/run/pg&port=5432",
        ),
        ("postgresql://u@db/a?sslmode=require", "postgresql+asyncpg://u@db/a?ssl=require"),
        ("postgresql://u@db/a?port=1&sslmode=require", "postgresql+asyncpg://u@db/a?port=1&ssl=require"),
    ],
)
def test_the_address_of_the_database(settings: Make, written: str, understood: str) -> None:
    found = settings(DATABASE_URL=written)
    assert found.database_dsn == understood
    engine = create_async_engine(found.database_dsn)
    _, arguments = engine.dialect.create_connect_args(make_url(found.database_dsn))
    assert "sslmode" not in arguments, "asyncpg does not know it"


def test_no_secret_shows_when_settings_are_printed(settings: Make) -> None:
    found = settings(ApiSettings, SECRET_KEY=SECRET, REDIS_PASSWORD="hunter2", DATABASE_URL="postgresql://u:pw1@d/a")
    assert not re.search(rf"{SECRET}|hunter2|pw1", f"{found!r} {found} {found.model_dump()}")


@pytest.mark.parametrize("cls", EVERY, ids=lambda cls: cls.__name__)
def test_settings_do_not_change_and_each_says_what_it_means(settings: Make, cls: type[CommonSettings]) -> None:
    found = settings(cls, SECRET_KEY=SECRET)
    with pytest.raises(ValidationError, match="frozen"):
        found.max_queue_size = 1
    assert cls.__doc__
