"""A process is told what it reads, and a password stands in the environment of the one that uses it alone."""

import pytest

from archivist_cli.local import environment
from archivist_cli.local.stack import SERVICES
from archivist_common.settings import VodSettings

EVERYTHING = {
    "PATH": "/usr/bin",
    "http_proxy": "http://proxy.example",
    "DATABASE_URL": "postgresql://archivist@/archivist",
    "SECRET_KEY": "signs",
    "FLASK_SECRET_KEY": "signs",
    "WHISPER_ENGINE": "faster_whisper",
    "CABLECAST_API_URL": "https://cablecast.example.org",
    "CABLECAST_USER": "archivist",
    "CABLECAST_PASSWORD": "station-secret",
    "cablecast_api_key": "id:station-secret",
    "PUBLISH_FOLDER": "/srv/captions",
    "PUBLISH_APPROVAL": "approve",
    "CHECK_INTERVAL": "10",
}
READ_BY_ONE = {
    "api": {"SECRET_KEY", "FLASK_SECRET_KEY", "PUBLISH_APPROVAL"},
    "transcriber": {"WHISPER_ENGINE"},
    "vod": {
        "CABLECAST_API_URL",
        "CABLECAST_USER",
        "CABLECAST_PASSWORD",
        "cablecast_api_key",
        "PUBLISH_FOLDER",
        "PUBLISH_APPROVAL",
    },
    "monitor": {"CHECK_INTERVAL"},
    "migrate": set(),
}
READ_BY_ALL = {"PATH", "http_proxy", "DATABASE_URL"}


@pytest.mark.parametrize("process", [*SERVICES, "migrate"])
def test_a_process_is_told_its_own_settings_and_none_that_only_others_read(process):
    assert environment.told(process, EVERYTHING).keys() == READ_BY_ALL | READ_BY_ONE[process]


def test_old_names_count_as_the_settings_they_mean():
    assert {"CABLECAST_API_URL", "CABLECAST_BASE_URL", "CABLECAST_SERVER_URL"} <= environment.names(VodSettings)


def test_every_name_is_known_by_which_a_secret_may_be_given():
    secrets = {"CABLECAST_PASSWORD", "CABLECAST_API_KEY", "SECRET_KEY", "JWT_SECRET_KEY", "FLASK_SECRET_KEY"}
    assert secrets <= environment.every_name()
