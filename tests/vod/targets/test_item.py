"""What is known of a recording at its target, as it is kept: read as version 0.1.0 stored it, and stored for it."""

import json
from typing import Any

import pytest

from archivist_vod.cablecast.item import CablecastItem
from archivist_vod.folder.item import FolderItem
from archivist_vod.targets.item import Item
from archivist_vod.targets.timeline import ReelSpan

# `publications.item` of version 0.1.0, as its rows hold it.
PUBLISHED_AT_CABLECAST = json.loads("""
{"show": 4120, "title": "Harbor City Council", "location": 1, "reel": 7120, "reel_number": 2, "cue_s": 12,
 "length_s": 600, "earlier": [[1, 0, 3600]], "file": "4120-2-Harbor City Council.mp4",
 "path": "2026/4120-2-Harbor City Council.mp4", "asset": 8123, "digital_file": null, "stores": [3, 4],
 "sidecar": "2026/4120-2-Harbor City Council.scc", "vod_id": 913, "configuration": 2,
 "url": "https://vod.example.org/913/vod.mp4", "folder_url": "https://vod.example.org/913", "watchable": true,
 "seen": "complete", "mark": "complete 100.0 ", "elsewhere": "914:processing:40", "chapters": 6,
 "withdrawn": false, "description_sha256": "00ff", "missed": true}
""")
FOUND_AT_CABLECAST = json.loads('{"withdrawn": true, "show": 4120, "title": "Harbor City Council", "location": null}')
WITHOUT_A_FILE = json.loads("""
{"show": 4120, "title": "Council", "location": 1, "reel": 7, "reel_number": 1, "cue_s": 0, "length_s": 0,
 "earlier": [], "file": null, "path": "", "asset": null, "digital_file": null, "stores": []}
""")
PUBLISHED_AT_A_FOLDER = json.loads("""
{"folder": "arc-0123456789abcdef-council", "title": "Council", "captions": 2, "vod_id": "arc-0123456789abcdef",
 "mark": "listed 2", "chapters": 3}
""")


def test_an_item_that_version_0_1_0_stored_for_cablecast_is_read_whole() -> None:
    item = CablecastItem.of_stored(PUBLISHED_AT_CABLECAST)
    assert (item.show, item.title, item.location) == (4120, "Harbor City Council", 1)
    assert item.spans == (ReelSpan(2, 12, 600), (ReelSpan(1, 0, 3600),))
    assert (item.file, item.path) == ("4120-2-Harbor City Council.mp4", "2026/4120-2-Harbor City Council.mp4")
    assert (item.asset, item.digital_file, item.stores) == (8123, None, (3, 4))
    assert item.sidecar == "2026/4120-2-Harbor City Council.scc"
    assert (item.vod_id, item.configuration, item.seen, item.watchable) == (913, 2, "complete", True)
    assert (item.url, item.folder_url) == ("https://vod.example.org/913/vod.mp4", "https://vod.example.org/913")
    assert (item.mark, item.elsewhere, item.missed) == ("complete 100.0 ", "914:processing:40", True)
    assert (item.chapters, item.withdrawn, item.description_sha256) == (6, False, "00ff")
    assert item.unknown == {}


def test_an_item_that_version_0_1_0_stored_for_a_folder_is_read_whole() -> None:
    item = FolderItem.of_stored(PUBLISHED_AT_A_FOLDER)
    assert (item.folder, item.title, item.captions) == ("arc-0123456789abcdef-council", "Council", 2)
    assert (item.vod_id, item.mark, item.chapters, item.show) == ("arc-0123456789abcdef", "listed 2", 3, None)
    assert item.unknown == {}


@pytest.mark.parametrize(
    ("of", "stored"),
    [
        pytest.param(CablecastItem, PUBLISHED_AT_CABLECAST, id="published at Cablecast"),
        pytest.param(CablecastItem, FOUND_AT_CABLECAST, id="found at Cablecast"),
        pytest.param(CablecastItem, WITHOUT_A_FILE, id="a reel without a file"),
        pytest.param(FolderItem, PUBLISHED_AT_A_FOLDER, id="published at a folder"),
        pytest.param(CablecastItem, {}, id="nothing"),
    ],
)
def test_what_is_stored_again_says_the_same_to_version_0_1_0(of: type[Item], stored: dict[str, Any]) -> None:
    """It read most keys with `get`, where a missing key is as good as null or false; `stores` it read by index."""
    again = json.loads(json.dumps(of.of_stored(stored).stored()))
    read = {"reel_number": 1, **again}  # the default that it gave
    assert {name: value for name, value in stored.items() if read.get(name) != value and value} == {}
    assert again.items() <= stored.items()
    assert ("stores" in again) is ("stores" in stored)
    assert of.of_stored(again) == of.of_stored(stored)


@pytest.mark.parametrize("of", [CablecastItem, FolderItem])
def test_a_key_of_another_version_is_kept(of: type[Item]) -> None:
    stored = {"title": "Council", "captions_url": ["a", {"b": None}], "later": None}
    assert of.of_stored(stored).stored() == stored


def test_what_is_missing_or_null_has_its_default() -> None:
    assert CablecastItem.of_stored({"vod_id": None, "stores": None}) == CablecastItem()
    assert CablecastItem().stored() == {}
    assert CablecastItem().stores is None
    assert CablecastItem.of_stored({"watchable": False}).watchable is False


def test_a_recording_looked_up_again_is_known_by_what_archivist_did_to_it() -> None:
    before = CablecastItem.of_stored(PUBLISHED_AT_CABLECAST | {"withdrawn": True})
    assert before.remembered().stored() == {"withdrawn": True, "description_sha256": "00ff", "missed": True}
    again = CablecastItem(show=5, title="Board").after(before)
    assert (again.show, again.vod_id, again.withdrawn, again.missed) == (5, None, True, True)
    assert FolderItem.of_stored(PUBLISHED_AT_A_FOLDER | {"missed": True}).remembered() == FolderItem(missed=True)
