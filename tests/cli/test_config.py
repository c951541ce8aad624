"""What the command line checks of the settings before it starts anything."""

from pathlib import Path

import pytest

from archivist_cli import config
from archivist_cli.local import environment
from archivist_cli.local.errors import StackError
from archivist_cli.main import main

SECRET = "Zk3v9Qm1Xr7Tn5Wb2Yc8Jd4Hf6Lg0Ps_"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in environment.every_name():
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def test_up_refuses_every_placeholder_of_production_in_one_message_before_anything_is_started(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = {
        "DATABASE_URL": "postgresql://user:password@localhost/archivist_db",
        "REDIS_PASSWORD": "your-redis-password",
        "JWT_SECRET_KEY": "your-jwt-secret",
        "CABLECAST_API_URL": "https://your-cablecast-server.com/api",
        "CABLECAST_API_KEY": "your-api-key",
    }
    (folder / ".env").write_text(
        "FLASK_ENV=production\n" + "".join(f"{name}={value}\n" for name, value in given.items())
    )
    assert main(["up", "--data", str(folder / "data")]) == 1
    said = capsys.readouterr().err
    assert [line.split()[0] for line in said.splitlines()[1:]] == list(given)
    assert not any(value in said for value in given.values())
    assert not (folder / "data").exists(), "neither PostgreSQL nor anything else was touched"


def test_a_value_that_no_process_takes_is_named_too() -> None:
    with pytest.raises(StackError, match=r"(?s)LOG_LEVEL: .*VOD_CONCURRENCY: "):
        config.check({"LOG_LEVEL": "LOUD", "VOD_CONCURRENCY": "99"})


def test_what_has_no_effect_is_printed_once_for_all_processes(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / ".env").write_text("FLASK_DEBUG=false\nWHISPER_DEVCE=cpu\n")
    config.check(config.settings() | {"JWT_SECRET_KEY": SECRET, "FLASK_SECRET_KEY": SECRET[::-1]})
    said = capsys.readouterr().err.splitlines()[1:]
    assert sorted(line.split()[0] for line in said) == ["FLASK_DEBUG", "FLASK_SECRET_KEY", "WHISPER_DEVCE"]
    config.check({})
    assert "FLASK_SECRET_KEY" not in capsys.readouterr().err


def test_servers_and_a_key_of_our_own_are_no_placeholders(capsys: pytest.CaptureFixture[str]) -> None:
    config.check({})
    assert capsys.readouterr().err == ""
