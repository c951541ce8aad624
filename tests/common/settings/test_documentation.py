"""The `.env` of the technical documentation, word for word: each of its names works, or is in the one warning."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from dotenv import dotenv_values
from pydantic import ValidationError

from archivist_common.settings import (
    WITHOUT_EFFECT,
    ApiSettings,
    CommonSettings,
    MonitorSettings,
    TranscriberSettings,
    VodSettings,
    names,
    notices,
)
from archivist_common.storage.client import StorageServer

DOCUMENTED = (Path(__file__).parent / "documentation.env").read_text()
NAMES = re.findall(r"^(\w+)=", DOCUMENTED, re.MULTILINE)
PROCESSES = [ApiSettings, TranscriberSettings, VodSettings, MonitorSettings]
SECRET = "Zk3v9Qm1Xr7Tn5Wb2Yc8Jd4Hf6Lg0Ps_"
OWN = {  # what an operator puts in place of the file's placeholders
    "FLASK_SECRET_KEY": SECRET,
    "JWT_SECRET_KEY": SECRET,
    "DATABASE_URL": "postgresql://archivist:Tr0ub4dor@localhost/archivist_db",
    "REDIS_PASSWORD": "correct-horse",
    "CABLECAST_API_URL": "https://cablecast.station.test/api",
    "CABLECAST_API_KEY": "17:4f9a0c",
}
OTHER = {  # another value of each name that is not a number of its own or true/false
    "FLASK_ENV": "development",
    "FLASK_SECRET_KEY": SECRET[::-1],
    "JWT_SECRET_KEY": SECRET[::-1],
    "DATABASE_URL": "postgresql://archivist:Tr0ub4dor@db/other",
    "REDIS_URL": "redis://redis:6379/0",
    "REDIS_PASSWORD": "battery",
    "WHISPER_MODEL_PATH": "/opt/models/other",
    "WHISPER_DEVICE": "cuda",
    "WHISPER_COMPUTE_TYPE": "float32",
    "DEFAULT_LANGUAGE": "es",
    "OUTPUT_FORMAT": "vtt",
    "FLEX_SERVERS": "/mnt/other",
    "DEFAULT_OUTPUT_PATH": "/mnt/out",
    "TEMP_DIRECTORY": "/var/tmp/other",
    "CELERY_BROKER_URL": "redis://b/1",
    "CELERY_RESULT_BACKEND": "redis://b/1",
    "CABLECAST_API_URL": "https://other.station.test",
    "CABLECAST_API_KEY": "18:00ff",
    "LOG_LEVEL": "DEBUG",
    "LOG_FILE": "/var/log/other.log",
    "LOG_MAX_SIZE": "1GB",
}


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for cls in PROCESSES:
        for field in cls.model_fields:
            for name in names(cls, field):
                monkeypatch.delenv(name, raising=False)


def with_values(**values: str) -> str:
    """The documentation's file with other values for these names."""
    text = DOCUMENTED
    for name, value in values.items():
        text, count = re.subn(rf"^{name}=.*$", lambda _, line=f"{name}={value}": line, text, flags=re.MULTILINE)  # type: ignore[misc]
        assert count == 1, name
    return text


def read(text: str) -> list[CommonSettings]:
    """The settings of every process that finds this `.env`."""
    Path(".env").write_text(text)
    return [cls() for cls in PROCESSES]  # type: ignore[call-arg]


def effect(settings: CommonSettings) -> dict[str, Any]:
    """What the settings make a process do."""
    values = settings.model_dump(exclude={"redis_db"})
    return values | {"database_dsn": settings.database_dsn, "redis_dsn": settings.redis_dsn}


def warned_of(found: list[CommonSettings]) -> set[str]:
    return {line.split()[0] for settings in found for line in notices(settings)}


def other(name: str) -> str:
    value = dotenv_values(".env")[name] or ""
    flipped = {"true": "false", "false": "true"}
    return OTHER.get(name) or flipped.get(value) or str(int(value) + 1)


@pytest.mark.parametrize("name", NAMES)
def test_each_name_takes_effect_or_is_warned_of(name: str) -> None:
    before = read(with_values(**OWN))
    changed = OWN | {name: other(name)}
    after = read(with_values(**changed))
    takes_effect = [effect(one) for one in before] != [effect(one) for one in after]
    assert takes_effect != (name in warned_of(after)), f"{name}: effect {takes_effect}"


def test_the_one_warning_names_what_has_no_effect_and_nothing_else() -> None:
    warned = warned_of(read(with_values(**OWN)))
    old, later = {"FLASK_DEBUG", "CELERY_BROKER_URL", "CELERY_RESULT_BACKEND"}, {"API_RATE_LIMIT", "WEBHOOK_TIMEOUT"}
    assert warned == WITHOUT_EFFECT.keys() == old | later


def test_the_file_as_it_is_is_refused_in_production_for_each_of_its_placeholders() -> None:
    Path(".env").write_text(DOCUMENTED)
    refused = set[str]()
    for cls in PROCESSES:
        with pytest.raises(ValidationError) as told:
            cls()  # type: ignore[call-arg]
        [error] = told.value.errors()
        refused |= {line.split()[0] for line in error["msg"].removeprefix("Value error, ").splitlines()}
    assert refused == OWN.keys() - {"FLASK_SECRET_KEY"}, "JWT_SECRET_KEY counts beside it"


def test_the_file_as_it_is_is_taken_in_development_and_its_placeholders_are_warned_of() -> None:
    found = read(with_values(FLASK_ENV="development"))
    assert OWN.keys() <= warned_of(found)
    for settings in found:
        assert settings.database_dsn == "postgresql+asyncpg://user:password@localhost/archivist_db"
        assert settings.redis_dsn == "redis://:your-redis-password@localhost:6379/0"


@pytest.mark.parametrize("how", ["env-file", "environment"])
@pytest.mark.parametrize("cls", PROCESSES, ids=lambda cls: cls.__name__)
def test_the_documentations_env_is_understood(
    cls: type[CommonSettings], how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a file the comments are cut by its reader; systemd and docker hand them on as part of the value."""
    text = with_values(**OWN)
    if how == "env-file":
        Path(".env").write_text(text)
    else:
        for name, value in re.findall(r"^(\w+)=(.*)$", text, re.MULTILINE):
            monkeypatch.setenv(name, value)
    found: Any = cls()  # type: ignore[call-arg]
    assert found.environment == "production"
    assert found.database_dsn == "postgresql+asyncpg://archivist:Tr0ub4dor@localhost/archivist_db"
    assert (found.database_pool_size, found.database_max_overflow) == (20, 30)
    assert found.redis_dsn == "redis://:correct-horse@localhost:6379/0"
    assert found.flex_servers == tuple(StorageServer(f"flex-{n}", Path(f"/mnt/flex-{n}")) for n in range(1, 6))
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
    if cls is VodSettings:
        assert found.cablecast_api_url == "https://cablecast.station.test/CablecastAPI/v1"
        assert (found.cablecast_location_id, found.auto_publish_to_vod) == (1, True)
        assert (found.vod_default_quality, found.vod_timeout) == ("1080", timedelta(minutes=5))
