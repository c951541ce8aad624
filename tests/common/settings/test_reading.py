"""Settings that cannot be read end the process, a line for each."""

from collections.abc import Callable
from typing import Any

import pytest

from archivist_common.settings import ApiSettings, CommonSettings, VodSettings, read


def test_each_thing_that_is_wrong_has_a_line(
    settings: Callable[..., CommonSettings], capsys: pytest.CaptureFixture[str], monkeypatch: Any
) -> None:
    settings()  # clears the environment
    monkeypatch.setenv("LOG_LEVEL", "LOUD")
    monkeypatch.setenv("MAX_FILE_SIZE", "huge")
    monkeypatch.delenv("DATABASE_URL")
    with pytest.raises(SystemExit) as left:
        read(CommonSettings, _env_file=None)
    said = capsys.readouterr().err.splitlines()
    assert left.value.code == 2
    assert [line.split(":")[0] for line in said] == ["DATABASE_URL", "MAX_FILE_SIZE", "LOG_LEVEL"]


def test_a_secret_that_is_wrong_is_not_printed(
    settings: Callable[..., CommonSettings], capsys: pytest.CaptureFixture[str], monkeypatch: Any
) -> None:
    settings(ApiSettings, ENVIRONMENT="testing")
    monkeypatch.setenv("ENVIRONMENT", "production")
    monkeypatch.setenv("SECRET_KEY", "hunter2")
    with pytest.raises(SystemExit):
        read(ApiSettings, _env_file=None)
    said = capsys.readouterr().err
    assert "SECRET_KEY must be at least 32 bytes" in said
    assert "hunter2" not in said


def test_the_placeholders_of_a_process_are_refused_in_one_message_a_line_each(
    settings: Callable[..., CommonSettings], capsys: pytest.CaptureFixture[str], monkeypatch: Any
) -> None:
    settings(VodSettings)
    given = {
        "DATABASE_URL": "postgresql://user:password@localhost/archivist_db",
        "REDIS_PASSWORD": "your-redis-password",
        "CABLECAST_BASE_URL": "https://your-cablecast-server.com/api",
        "CABLECAST_API_KEY": "your-api-key",
    }
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as left:
        read(VodSettings, _env_file=None)
    assert left.value.code == 2
    said = capsys.readouterr().err
    assert [line.split()[0] for line in said.splitlines()] == list(given)
    assert not any(value in said for value in given.values())
