"""No placeholder and no short secret in production."""

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from archivist_common.settings import ApiSettings, VodSettings, check_secret

Make = Callable[..., Any]
SECRET = "Zk3v9Qm1Xr7Tn5Wb2Yc8Jd4Hf6Lg0Ps_"


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
        pytest.param("x" * 40, id="one-letter-repeated"),
    ],
)
@pytest.mark.parametrize("name", ["SECRET_KEY", "FLASK_SECRET_KEY", "JWT_SECRET_KEY"])
def test_production_refuses_a_placeholder(settings: Make, name: str, secret: str) -> None:
    with pytest.raises(ValidationError, match=rf"error, {name} (is a placeholder|must be at least 32 bytes)"):
        settings(ApiSettings, **{name: secret})
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


COPIED = [
    pytest.param("DATABASE_URL", "postgresql://user:password@localhost/archivist_db", id="documentation"),
    pytest.param("DATABASE_URL", "postgres://archivist:your-secure-password@db/archivist", id="your"),
    pytest.param("DATABASE_URL", "postgresql://archivist:change%2Dme@db/archivist", id="percent-encoded"),
    pytest.param("DATABASE_URL", "postgresql://archivist@your-db-host/archivist", id="host"),
    pytest.param("REDIS_URL", "redis://:your-redis-password@localhost:6379/0", id="redis-address"),
    pytest.param("REDIS_PASSWORD", "your-redis-password", id="redis"),
    pytest.param("SECRET_KEY_PREVIOUS", "your-secret-key-here", id="key-before"),
    pytest.param("CABLECAST_PASSWORD", "your-password", id="cablecast"),
    pytest.param("CABLECAST_PASSWORD", "xxxxxxxx", id="one-letter-repeated"),
    pytest.param("CABLECAST_PASSWORD", "<password>", id="in-brackets"),
    pytest.param("CABLECAST_PASSWORD", "REPLACE_ME", id="replace-me"),
    pytest.param("CABLECAST_API_KEY", "your-api-key", id="token"),
    pytest.param("CABLECAST_API_KEY", "17:your-secret", id="half-a-token"),
    pytest.param("CABLECAST_API_KEY", "id:secret", id="the-form-itself"),
    pytest.param("CABLECAST_SERVER_URL", "https://your-cablecast-server.com/api", id="server-by-an-old-name"),
]


@pytest.mark.parametrize(("name", "value"), COPIED)
def test_what_was_copied_out_of_an_example_is_refused_in_production_by_its_name(
    settings: Make, name: str, value: str
) -> None:
    cls = ApiSettings if name.startswith("SECRET") else VodSettings
    given = {"SECRET_KEY": SECRET} if cls is ApiSettings else {}
    with pytest.raises(ValidationError, match=rf"error, {name} (is|has) a placeholder") as refused:
        settings(cls, **given, **{name: value})
    assert value not in str(refused.value)
    assert settings(cls, ENVIRONMENT="development", **given, **{name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "postgresql://u:p@db/archivist"),
        ("DATABASE_URL", "postgresql://user@/archivist?host=/run/pg"),
        ("DATABASE_URL", "postgresql://user:Tr0ub4dor@db.example.org/archivist"),
        ("REDIS_PASSWORD", "colour-your-day-7"),
        ("CABLECAST_PASSWORD", "exchange-medal"),
        ("CABLECAST_API_KEY", "17:4f9a0c"),
        ("CABLECAST_API_URL", "https://cablecast.example.org"),
    ],
)
def test_what_only_resembles_a_placeholder_is_taken(settings: Make, name: str, value: str) -> None:
    assert settings(VodSettings, **{name: value})


def test_every_placeholder_is_in_the_one_refusal(settings: Make) -> None:
    given = {"DATABASE_URL": "postgresql://user:password@db/a", "REDIS_PASSWORD": "changeme", "FLASK_SECRET_KEY": "x"}
    with pytest.raises(ValidationError) as refused:
        settings(ApiSettings, **given)
    [error] = refused.value.errors()
    said = error["msg"].removeprefix("Value error, ").splitlines()
    assert [line.split()[0] for line in said] == list(given)
