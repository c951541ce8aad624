"""How SCC files are written, by setting and by storage server."""

import pytest
from pydantic import ValidationError

from archivist_common.settings import TranscriberSettings, scc_options_of
from archivist_common.storage.client import StorageServer


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
