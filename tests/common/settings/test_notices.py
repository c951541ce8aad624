"""What the one warning at the start says: names without effect, names twice, half a login, misspelt names."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from archivist_common.settings import ApiSettings, CommonSettings, TranscriberSettings, VodSettings, notices

Make = Callable[..., Any]
KEY = "Zk3v9Qm1Xr7Tn5Wb2Yc8Jd4Hf6Lg0Ps_"
UNKNOWN = "a-value-of-no-setting"
COUNTS = "is the same setting, is set to another value, and counts"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_nothing_is_said_where_all_is_well(settings: Make) -> None:
    assert notices(settings(CABLECAST_API_KEY="", FLASK_DEBUG="")) == []


@pytest.mark.parametrize(
    ("cls", "given", "said"),
    [
        pytest.param(
            ApiSettings,
            {"JWT_SECRET_KEY": KEY, "FLASK_SECRET_KEY": KEY[::-1]},
            [f"FLASK_SECRET_KEY has no effect: JWT_SECRET_KEY {COUNTS}"],
            id="two-keys",
        ),
        pytest.param(ApiSettings, {"JWT_SECRET_KEY": KEY, "FLASK_SECRET_KEY": KEY}, [], id="one-key-twice"),
        pytest.param(TranscriberSettings, {"JWT_SECRET_KEY": KEY, "SECRET_KEY": "x"}, [], id="keys-it-does-not-read"),
        pytest.param(
            CommonSettings,
            {"ENVIRONMENT": "testing", "FLASK_ENV": "development"},
            [f"FLASK_ENV has no effect: ENVIRONMENT {COUNTS}"],
            id="two-environments",
        ),
        pytest.param(
            CommonSettings,
            {"REDIS_DB": "2", "REDIS_URL": "redis://redis/1"},
            ["REDIS_DB has no effect: REDIS_URL names database 1, which counts"],
            id="two-redis-databases",
        ),
        pytest.param(CommonSettings, {"REDIS_DB": "2", "REDIS_URL": "redis://redis"}, [], id="one-redis-database"),
        pytest.param(
            VodSettings,
            {"CABLECAST_API_KEY": "4f9a0c"},
            [
                "CABLECAST_API_KEY is not of the form id:secret, the two parts of a Cablecast token joined by a "
                "colon: nothing is published to Cablecast; correct it, "
                "or set CABLECAST_USER_ID and CABLECAST_PASSWORD"
            ],
            id="key-without-a-colon",
        ),
        pytest.param(VodSettings, {"CABLECAST_API_KEY": "17:4f9a0c"}, [], id="token-pair"),
        pytest.param(
            VodSettings, {"CABLECAST_API_KEY": "x", "CABLECAST_USER": "a", "CABLECAST_PASSWORD": "b"}, [], id="user"
        ),
        pytest.param(
            VodSettings,
            {"CABLECAST_USER": "archivist"},
            ["CABLECAST_USER_ID has no effect without CABLECAST_PASSWORD: nothing is published to Cablecast"],
            id="user-without-password",
        ),
        pytest.param(
            VodSettings,
            {"CABLECAST_PASSWORD": "b"},
            ["CABLECAST_PASSWORD has no effect without CABLECAST_USER_ID: nothing is published to Cablecast"],
            id="password-without-user",
        ),
        pytest.param(
            CommonSettings,
            {"ENVIRONMENT": "development", "REDIS_PASSWORD": "change-me"},
            ["REDIS_PASSWORD is a placeholder; put the real one in its place (production refuses it)"],
            id="placeholder-in-development",
        ),
    ],
)
def test_what_has_no_effect_is_said_with_what_counts(
    settings: Make, cls: type[CommonSettings], given: dict[str, str], said: list[str]
) -> None:
    assert notices(settings(cls, **given)) == said


def test_a_key_in_the_environment_counts_before_one_in_the_file(
    settings: Make, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings(ApiSettings, ENVIRONMENT="testing")
    (folder / ".env").write_text(f"JWT_SECRET_KEY={KEY}\n")
    monkeypatch.setenv("FLASK_SECRET_KEY", KEY[::-1])
    found = ApiSettings()
    assert found.secret_key.get_secret_value() == KEY[::-1], "what is said below is so"
    [line] = notices(found)
    assert line.startswith("JWT_SECRET_KEY has no effect: FLASK_SECRET_KEY is the same setting")


def test_a_misspelt_name_of_the_file_is_said_and_a_name_of_another_program_is_not(
    settings: Make, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings()
    names = ("WHISPER_MODEL_PAHT", "POSTGRES_PASSWORD", "FLEX_ROOT", "MODELS_PATH", "GRAFANA_URL", "VOD_HOST", "TZ")
    (folder / ".env").write_text("".join(f"{name}={UNKNOWN}\n" for name in names))
    monkeypatch.setenv("WHISPER_DEVICES", UNKNOWN)  # of the environment, which holds names of every program
    assert notices(CommonSettings()) == [
        "WHISPER_MODEL_PAHT has no effect: there is no such setting; is WHISPER_MODEL_PATH meant?"
    ]
