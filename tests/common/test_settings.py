"""Settings: the documentation's names and forms, the old frameworks' names, no placeholder in production."""

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

from archivist_common.settings import (
    ApiSettings,
    CommonSettings,
    MonitorSettings,
    TranscriberSettings,
    VodSettings,
    check_secret,
    scc_options_of,
)
from archivist_common.storage.client import StorageServer
from archivist_common.storage.mounts import MountKind

Make = Callable[..., Any]
EVERY = [CommonSettings, ApiSettings, TranscriberSettings, VodSettings, MonitorSettings]
SECRET = "Zk3v9Qm1Xr7Tn5Wb2Yc8Jd4Hf6Lg0Ps_"

# The .env of the technical documentation, word for word.
DOCUMENTED = """
# Flask Configuration
FLASK_ENV=production
FLASK_DEBUG=false
FLASK_SECRET_KEY=your-secret-key-here

# Database Configuration
DATABASE_URL=postgresql://user:password@localhost/archivist_db
DATABASE_POOL_SIZE=20
DATABASE_MAX_OVERFLOW=30

# Redis Configuration
REDIS_URL=redis://localhost:6379/0
REDIS_PASSWORD=your-redis-password
REDIS_DB=0

# Transcription Configuration
WHISPER_MODEL_PATH=/opt/models/whisper-large-v2
WHISPER_DEVICE=cpu
WHISPER_BATCH_SIZE=16
WHISPER_COMPUTE_TYPE=int8
DEFAULT_LANGUAGE=en
OUTPUT_FORMAT=scc
INCLUDE_SUMMARY=true

# Storage Configuration
FLEX_SERVERS=/mnt/flex-1,/mnt/flex-2,/mnt/flex-3,/mnt/flex-4,/mnt/flex-5
DEFAULT_OUTPUT_PATH=/mnt/flex-1/transcriptions
TEMP_DIRECTORY=/tmp/archivist
MAX_FILE_SIZE=10737418240  # 10GB

# Queue Configuration
CELERY_BROKER_URL=redis://localhost:6379/1
CELERY_RESULT_BACKEND=redis://localhost:6379/1
CELERY_WORKER_CONCURRENCY=4
CELERY_TASK_TIMEOUT=7200  # 2 hours
MAX_QUEUE_SIZE=100

# VOD Configuration
CABLECAST_API_URL=https://your-cablecast-server.com/api
CABLECAST_API_KEY=your-api-key
CABLECAST_LOCATION_ID=1
AUTO_PUBLISH_TO_VOD=true
VOD_DEFAULT_QUALITY=1080
VOD_TIMEOUT=300

# Security Configuration
JWT_SECRET_KEY=your-jwt-secret
SESSION_TIMEOUT=3600
API_RATE_LIMIT=100
WEBHOOK_TIMEOUT=30

# Logging Configuration
LOG_LEVEL=INFO
LOG_FILE=/var/log/archivist/archivist.log
LOG_MAX_SIZE=100MB
LOG_BACKUP_COUNT=5
"""


@pytest.mark.parametrize("how", ["env-file", "environment"])
@pytest.mark.parametrize("cls", EVERY, ids=lambda cls: cls.__name__)
def test_the_documentations_env_is_understood(
    settings: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cls: type[CommonSettings], how: str
) -> None:
    """In a file the comments are cut by its reader; systemd and docker hand them on as part of the value."""
    settings(cls, **({"ENVIRONMENT": "testing"} if cls is ApiSettings else {}))
    for name in ("ENVIRONMENT", "DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    text = re.sub(r"your-(jwt-secret|secret-key-here)", SECRET, DOCUMENTED)
    file = tmp_path / ".env"
    if how == "env-file":
        file.write_text(text)
    else:
        for name, value in re.findall(r"^(\w+)=(.*)$", text, re.MULTILINE):
            monkeypatch.setenv(name, value)
    found: Any = cls(_env_file=file)  # type: ignore[call-arg]
    assert found.environment == "production"
    assert found.database_dsn == "postgresql+asyncpg://user:password@localhost/archivist_db"
    assert (found.database_pool_size, found.database_max_overflow) == (20, 30)
    assert found.redis_dsn == "redis://:your-redis-password@localhost:6379/0"
    assert [(server.name, str(server.path)) for server in found.flex_servers] == [
        (f"flex-{n}", f"/mnt/flex-{n}") for n in range(1, 6)
    ]
    assert found.default_output_path == Path("/mnt/flex-1/transcriptions")
    assert found.max_file_size == 10 * 1024**3
    assert found.job_timeout == timedelta(hours=2)
    assert found.max_queue_size == 100
    assert (found.log_level, found.log_file) == ("INFO", Path("/var/log/archivist/archivist.log"))
    assert (found.log_max_size, found.log_backup_count) == (100 * 1024**2, 5)
    if cls is TranscriberSettings:
        assert found.whisper_model_path == Path("/opt/models/whisper-large-v2")
        assert (found.whisper_device, found.whisper_batch_size, found.whisper_compute_type) == ("cpu", 16, "int8")
        assert (found.default_language, found.worker_concurrency) == ("en", 4)
        assert found.temp_directory == Path("/tmp/archivist")
    if cls is ApiSettings:
        assert found.secret_key.get_secret_value() == SECRET
        assert found.session_timeout == timedelta(hours=1)
        assert (found.output_format, found.include_summary) == ("scc", True)


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


@pytest.mark.parametrize(
    "secret",
    [
        pytest.param("your-secret-key-here-your-secret-key-here", id="documentation"),
        pytest.param("change-me-change-me-change-me-change-me", id="change-me"),
        pytest.param("CHANGEME" * 5, id="changeme"),
        pytest.param("an example of thirty-two bytes or more", id="example"),
        pytest.param("placeholder" * 4, id="placeholder"),
        pytest.param("a" * 31, id="short"),
        pytest.param("secret", id="secret"),
    ],
)
@pytest.mark.parametrize("name", ["SECRET_KEY", "FLASK_SECRET_KEY", "JWT_SECRET_KEY"])
def test_production_refuses_a_placeholder(settings: Make, name: str, secret: str) -> None:
    with pytest.raises(ValidationError, match="SECRET_KEY") as told:
        settings(ApiSettings, **{name: secret})
    assert "production" not in str(told.value.errors()[0]["msg"])
    assert settings(ApiSettings, ENVIRONMENT="development", **{name: secret}).secret_key.get_secret_value() == secret


def test_production_needs_a_secret_and_development_makes_one(settings: Make) -> None:
    with pytest.raises(ValidationError, match="must be set in production"):
        settings(ApiSettings)
    made = [settings(ApiSettings, FLASK_ENV="development").secret_key.get_secret_value() for _ in range(2)]
    assert made[0] != made[1]
    check_secret("SECRET_KEY", made[0])


def test_the_old_name_and_the_new_are_one_and_the_particular_one_wins(settings: Make) -> None:
    other = SECRET[::-1]
    assert settings(ApiSettings, FLASK_SECRET_KEY=SECRET).secret_key.get_secret_value() == SECRET
    both = settings(ApiSettings, JWT_SECRET_KEY=other, FLASK_SECRET_KEY=SECRET)
    assert both.secret_key.get_secret_value() == other


def test_no_secret_shows_when_settings_are_printed(settings: Make) -> None:
    found = settings(ApiSettings, SECRET_KEY=SECRET, REDIS_PASSWORD="hunter2", DATABASE_URL="postgresql://u:pw1@d/a")
    assert not re.search(rf"{SECRET}|hunter2|pw1", f"{found!r} {found} {found.model_dump()}")


@pytest.mark.parametrize("cls", EVERY, ids=lambda cls: cls.__name__)
def test_settings_do_not_change_and_each_says_what_it_means(settings: Make, cls: type[CommonSettings]) -> None:
    found = settings(cls, SECRET_KEY=SECRET)
    with pytest.raises(ValidationError, match="frozen"):
        found.max_queue_size = 1
    assert cls.__doc__


@pytest.mark.parametrize(
    ("servers", "usual", "drop_frame", "label"),
    [
        pytest.param("/mnt/a", {}, True, "", id="as-usual"),
        pytest.param("/mnt/a+non-drop", {}, False, "", id="non-drop"),
        pytest.param("/mnt/a+beside+drop-frame", {"SCC_DROP_FRAME": "false"}, True, "", id="drop-frame"),
        pytest.param(
            "/mnt/a+non-drop", {"SCC_START_TIMECODE": "01:00:00;00"}, False, "", id="label-of-the-other-kind"
        ),
        pytest.param(
            '[{"name": "a", "path": "/mnt/a", "drop_frame": false, "start_timecode": "01:00:00:00"}]',
            {},
            False,
            "01:00:00:00",
            id="a-label-of-its-own",
        ),
    ],
)
def test_a_server_has_its_own_scc_labels(settings, servers, usual, drop_frame, label) -> None:
    found = settings(TranscriberSettings, FLEX_SERVERS=servers, **usual)
    options = scc_options_of(found.flex_servers[0], found.scc_options)
    assert (options.drop_frame, options.start_label) == (drop_frame, label)
    assert StorageServer.from_json(found.flex_servers[0].as_json()) == found.flex_servers[0]


@pytest.mark.parametrize(
    "given",
    [
        {"SCC_START_TIMECODE": "01:00:00:00"},
        {"CAPTION_PROFILE": "cinema"},
        {"CAPTION_PROFILE": '{"columns": 400}'},
        {"FLEX_SERVERS": "/mnt/a+drop-frame+non-drop"},
        {"FLEX_SERVERS": '[{"name": "a", "path": "/mnt/a", "start_timecode": "25:00:00;00"}]'},
    ],
)
def test_captions_that_cannot_be_are_refused_at_the_start(settings, given) -> None:
    with pytest.raises(ValidationError):
        settings(TranscriberSettings, **given)
