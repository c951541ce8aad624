"""What `archivist up` says of publishing: where to and when, in one line, and never a secret."""

from pathlib import Path

import pytest

from archivist_cli.commands import up
from archivist_cli.local import environment
from archivist_common.settings import VodSettings

SERVER = "https://cablecast.example.org"
LOGIN = {"CABLECAST_USER": "archivist", "CABLECAST_PASSWORD": "station-secret"}
API = f"{SERVER}/CablecastAPI/v1"


def _said(**settings: str) -> str:
    read = environment.read(VodSettings, settings, DATABASE_URL="postgresql://archivist@/archivist")
    return up.publishing(read)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        pytest.param(
            {},
            "nowhere: set CABLECAST_API_URL or PUBLISH_FOLDER (docs/operations/publishing.md)",
            id="not-set-up",
        ),
        pytest.param(
            {"CABLECAST_API_URL": SERVER, **LOGIN}, f"{API}: by itself, as captions complete", id="by-itself"
        ),
        pytest.param(
            {"CABLECAST_BASE_URL": SERVER, "CABLECAST_API_KEY": "id:station-secret", "AUTO_PUBLISH_TO_VOD": "false"},
            f"{API}: when asked for",
            id="old-name-and-token-pair",
        ),
        pytest.param(
            {"CABLECAST_API_URL": SERVER, **LOGIN, "PUBLISH_APPROVAL": "two-people"},
            f"{API}: by itself, as captions complete; each once approved",
            id="approved",
        ),
        pytest.param(
            {"CABLECAST_API_URL": SERVER},
            f"{API}: nothing yet: set CABLECAST_USER_ID and CABLECAST_PASSWORD: the server lets nobody in without",
            id="no-login",
        ),
        pytest.param(
            {"CABLECAST_API_URL": SERVER, "CABLECAST_API_KEY": "station-secret"},
            f"{API}: nothing yet: CABLECAST_API_KEY alone does not log in: it must be a token pair, id:secret; "
            "write both parts, or set CABLECAST_USER_ID and CABLECAST_PASSWORD instead",
            id="key-that-is-no-pair",
        ),
        pytest.param(
            {"PUBLISH_FOLDER": "/srv/captions"}, "/srv/captions: by itself, as captions complete", id="folder"
        ),
        pytest.param(
            {"CABLECAST_API_URL": SERVER, **LOGIN, "PUBLISH_FOLDER": "/srv/captions"},
            f"{API}: by itself, as captions complete; /srv/captions: when asked for",
            id="both",
        ),
    ],
)
def test_up_says_where_captions_are_published_to_and_when(
    settings: dict[str, str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in environment.names(VodSettings):
        monkeypatch.delenv(name, raising=False)
    assert _said(**settings) == said
