"""The settings of publishing: addresses as people write them, credentials, qualities."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.vod.cablecast.conftest import settings

from archivist_common.settings import VodSettings, cablecast_base
from archivist_vod.cablecast import models, reference_data


@pytest.mark.parametrize(
    ("written", "base"),
    [
        pytest.param("https://c.example", "https://c.example/CablecastAPI/v1", id="server"),
        pytest.param("https://c.example/", "https://c.example/CablecastAPI/v1", id="slash"),
        pytest.param(" http://10.0.0.5:8080 ", "http://10.0.0.5:8080/CablecastAPI/v1", id="port-and-blanks"),
        pytest.param("https://c.example/cablecastapi", "https://c.example/cablecastapi/v1", id="without-v1"),
        pytest.param("https://c.example/CablecastAPI/v1/", "https://c.example/CablecastAPI/v1", id="whole"),
        pytest.param("HTTPS://c.example//Cablecastapi//V1", "https://c.example/Cablecastapi/V1", id="any-case"),
        pytest.param("https://c.example/tv", "https://c.example/tv/CablecastAPI/v1", id="behind-a-proxy"),
        pytest.param("https://c.example/api", "https://c.example/CablecastAPI/v1", id="old-documentation"),
        pytest.param("https://c.example/api/v1", "https://c.example/CablecastAPI/v1", id="older-documentation"),
        pytest.param("https://[2001:db8::1]/", "https://[2001:db8::1]/CablecastAPI/v1", id="ipv6"),
    ],
)
def test_an_address_is_completed(written: str, base: str) -> None:
    assert cablecast_base(written) == base


@pytest.mark.parametrize(
    "written",
    ["c.example", "ftp://c.example", "https://", "https://u:p@c.example", "https://u@c.example", "https://c.example?x=1",
     "https://c.example#x", "https://c.example:port", "file:///etc", "", "https://[::1"],
)  # fmt: skip
def test_what_is_no_address_of_a_server_is_refused_and_not_quoted(written: str) -> None:
    with pytest.raises(ValueError) as caught:
        cablecast_base(written)
    assert "u:p" not in str(caught.value)


@pytest.mark.parametrize("name", ["CABLECAST_API_URL", "CABLECAST_BASE_URL", "CABLECAST_SERVER_URL"])
def test_every_old_name_of_the_address_is_taken(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://u:p@h/d")
    monkeypatch.setenv(name, "https://c.example")
    assert VodSettings(_env_file=None).cablecast_api_url == "https://c.example/CablecastAPI/v1"  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("given", "login"),
    [
        pytest.param({"CABLECAST_USER_ID": "a", "cablecast_password": "b"}, ("a", "b"), id="user"),
        pytest.param({"CABLECAST_USER": "a", "cablecast_password": "b"}, ("a", "b"), id="old-name"),
        pytest.param({"cablecast_api_key": "a:b:c"}, ("a", "b:c"), id="token-pair"),
        pytest.param(
            {"CABLECAST_USER_ID": "a", "cablecast_password": "b", "cablecast_api_key": "c:d"}, ("a", "b"), id="both"
        ),
        pytest.param({"CABLECAST_USER_ID": "a", "cablecast_api_key": "c:d"}, ("c", "d"), id="user-without-password"),
        pytest.param({"cablecast_api_key": "4f9a0c"}, None, id="no-pair"),
        pytest.param({"cablecast_api_key": ":d"}, None, id="half-a-pair"),
        pytest.param({}, None, id="none"),
    ],
)
def test_who_we_are_is_a_user_or_a_token_pair(given: dict[str, Any], login: tuple[str, str] | None) -> None:
    made = VodSettings(_env_file=None, database_url="postgresql://u:p@h/d", **given)
    found = made.cablecast_login
    assert (found and (found[0], found[1].get_secret_value())) == login


def test_a_user_with_a_colon_is_refused() -> None:
    with pytest.raises(ValueError, match="RFC 7617"):
        settings("https://c.example", CABLECAST_USER_ID="a:b")


def test_times_are_seconds_and_old_names_work(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "DATABASE_URL": "postgresql://u:p@h/d",
        "VOD_UPLOAD_TIMEOUT": "60",
        "REQUEST_TIMEOUT": "12.5",
        "VOD_PROCESSING_TIMEOUT": "3600 # an hour",
        "CABLECAST_CA_BUNDLE": "/etc/ssl/ours.pem",
    }.items():
        monkeypatch.setenv(name, value)
    made = VodSettings(_env_file=None)  # type: ignore[call-arg]
    assert made.vod_timeout == timedelta(seconds=60)
    assert made.request_timeout == timedelta(seconds=12.5)
    assert made.vod_processing_timeout == timedelta(hours=1)
    assert made.cablecast_ca_bundle == Path("/etc/ssl/ours.pem")
    assert made.cablecast_verify_ssl


QUALITIES = [
    models.VodTranscodeQuality.read({"id": id_, "name": name})
    for id_, name in ((4, "360p"), (1, "1080 HD"), (2, "720"), (3, "480 SD"), (9, "HD 1080 60"))
]


@pytest.mark.parametrize(
    ("wanted", "id_"),
    [
        pytest.param("1080", 1, id="number-in-a-name"),
        pytest.param("720p", 2, id="with-a-p"),
        pytest.param("3", 3, id="id"),
        pytest.param("hd 1080 60", 9, id="whole-name"),
        pytest.param("low", 1, id="low"),
        pytest.param("original", 4, id="original"),
        pytest.param("108", None, id="part-of-a-number"),
        pytest.param("4k", None, id="unknown"),
    ],
)
def test_a_quality_is_chosen_by_id_by_number_or_by_word(wanted: str, id_: int | None) -> None:
    found = reference_data.quality(settings("https://c.example", vod_default_quality=wanted), QUALITIES)
    assert (found and found.id) == id_


def test_a_word_for_a_quality_means_the_id_the_settings_say() -> None:
    made = settings("https://c.example", vod_default_quality="low", vod_quality_low=9)
    found = reference_data.quality(made, QUALITIES)
    assert found is not None
    assert found.id == 9
    assert (
        reference_data.quality(
            settings("https://c.example", vod_default_quality="low", vod_quality_low=77), QUALITIES
        )
        is None
    )


def _made(id_: int, location: int, makes: list[int]) -> models.VodConfiguration:
    return models.VodConfiguration.read({"id": id_, "location": location, "vodTranscodeQualities": makes})


def test_a_configuration_is_of_the_location_and_makes_the_quality_where_one_does() -> None:
    known = [
        _made(7, 1, [2]),
        _made(5, 1, []),
        _made(8, 1, [1]),
        _made(2, 3, [1]),
    ]
    hd = QUALITIES[1]
    for location, wanted, id_ in ((1, hd, 8), (1, None, 5), (3, hd, 2), (4, hd, None)):
        found = reference_data.configuration(location, wanted, known)
        assert (found and found.id) == id_
