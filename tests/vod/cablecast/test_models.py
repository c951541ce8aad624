"""Objects read tolerantly and changed without losing what we do not know."""

from datetime import UTC, datetime, timedelta, timezone
from fractions import Fraction
from typing import Any

import pytest
from pydantic import ValidationError

from archivist_vod.cablecast import models
from archivist_vod.cablecast.video_file import exact_length

MODELS = [
    one
    for one in vars(models).values()
    if isinstance(one, type) and issubclass(one, models.CablecastModel) and one is not models.CablecastModel
]


@pytest.mark.parametrize("model", MODELS, ids=lambda one: one.__name__)
def test_an_object_needs_no_more_than_its_id(model: type[models.CablecastModel]) -> None:
    assert model.read({"id": 7}).id == 7


@pytest.mark.parametrize("model", MODELS, ids=lambda one: one.__name__)
def test_every_property_but_the_id_may_be_null(model: type[models.CablecastModel]) -> None:
    nulls = {field.alias or name: None for name, field in model.model_fields.items()}
    assert model.read({**nulls, "id": 7}).id == 7


@pytest.mark.parametrize("model", MODELS, ids=lambda one: one.__name__)
def test_an_object_without_an_id_is_none(model: type[models.CablecastModel]) -> None:
    with pytest.raises(ValidationError):
        model.read({"title": "x"})


def test_what_we_do_not_know_is_kept_as_it_came() -> None:
    raw = {"id": 41, "localId": "arc-9f2", "madeUp": {"deep": [1, None]}, "vods": [9], "reels": None}
    show = models.Show.read(raw)
    assert (show.local_id, show.vods, show.reels) == ("arc-9f2", (9,), ())
    assert show.raw == raw


def test_an_unknown_state_is_a_state() -> None:
    assert models.Vod.read({"id": 1, "vodState": "paused"}).vod_state == "paused"


@pytest.mark.parametrize(
    ("value", "length"),
    [
        pytest.param(7260, 7260, id="whole"),
        pytest.param(7260.0, 7260, id="float"),
        pytest.param(7260.2, 7261, id="part-of-a-second"),
        pytest.param("7260", 7260, id="text"),
        pytest.param(None, None, id="null"),
        pytest.param(0, 0, id="zero"),
    ],
)
def test_seconds_are_whole(value: Any, length: int | None) -> None:
    assert models.Reel.read({"id": 1, "length": value}).length == length


@pytest.mark.parametrize("value", ["soon", [], {}, float("nan"), float("inf")])
def test_what_is_no_number_is_refused_where_we_need_one(value: Any) -> None:
    with pytest.raises(ValidationError):
        models.Reel.read({"id": 1, "length": value})


@pytest.mark.parametrize(
    ("text", "when"),
    [
        pytest.param(
            "2026-11-23T00:00:00-06:00", datetime(2026, 11, 23, tzinfo=timezone(timedelta(hours=-6))), id="offset"
        ),
        pytest.param("2026-11-18T22:00:00Z", datetime(2026, 11, 18, 22, tzinfo=UTC), id="zulu"),
        pytest.param(
            "2026-11-18T22:04:11.1234567-06:00",
            datetime(2026, 11, 18, 22, 4, 11, 123456, timezone(timedelta(hours=-6))),
            id="seven-digits",
        ),
        pytest.param("2026-11-18T22:04:11", datetime(2026, 11, 18, 22, 4, 11), id="no-offset"),  # noqa: DTZ001
        pytest.param("2026-11-18", datetime(2026, 11, 18), id="day"),  # noqa: DTZ001
        pytest.param("", None, id="empty"),
        pytest.param("yesterday", None, id="words"),
        pytest.param(1764500000, None, id="number"),
        pytest.param(None, None, id="null"),
    ],
)
def test_dates_are_read_with_their_offset_and_never_refused(text: Any, when: datetime | None) -> None:
    assert models.Show.read({"id": 1, "eventDate": text}).event_date == when


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("4120-1-harbor.mp4", "4120-1-harbor.mp4"),
        ("a/b/c.mp4", "c.mp4"),
        ("D:\\in\\c d.mp4", "c d.mp4"),
        ("", ""),
    ],
)
def test_a_file_name_is_the_last_part_of_its_path(path: str, name: str) -> None:
    assert models.Asset.read({"id": 1, "path": path}).file_name == name


@pytest.mark.parametrize(
    ("text", "version"),
    [("7.8.1", (7, 8, 1)), ("7.8", (7, 8)), ("7.8-beta", (7,)), ("", ()), ("next", ()), (None, ()), ("7.१", (7,))],
)
def test_a_version_compares(text: str | None, version: tuple[int, ...]) -> None:
    assert models.SystemInfo.model_validate({"cablecastVersion": text}).version == version


def test_an_edited_object_is_the_whole_object_with_its_changes() -> None:
    raw = {"id": 41, "title": "a", "madeUp": {"deep": [1]}}
    changed = models.edited(raw, title="b", comments="c")
    assert changed == {"id": 41, "title": "b", "madeUp": {"deep": [1]}, "comments": "c"}
    changed["madeUp"]["deep"].append(2)
    assert raw == {"id": 41, "title": "a", "madeUp": {"deep": [1]}}


def test_an_objects_id_does_not_change() -> None:
    with pytest.raises(ValueError, match="keeps its id"):
        models.edited({"id": 41}, id=42)


def test_paid_captions_are_never_ordered_and_a_stations_own_order_is_left_alone() -> None:
    with pytest.raises(ValueError, match="paid"):
        models.edited({"id": 41, "generateCaptions": False}, generateCaptions=True)
    assert models.edited({"id": 41, "generateCaptions": True}, title="b")["generateCaptions"] is True


@pytest.mark.parametrize(
    ("frames", "rate", "seconds"),
    [
        pytest.param(1_800, 29.97, Fraction(1_800 * 1_001, 30_000), id="ntsc"),
        pytest.param(600, 30.0, Fraction(20), id="whole"),
        pytest.param(600, 0.0, None, id="no-rate"),
        pytest.param(None, 29.97, None, id="no-frames"),
        pytest.param(600, float("nan"), None, id="not-a-number"),
        pytest.param(600, float("inf"), None, id="infinite"),
    ],
)
def test_a_length_is_exact(frames: int | None, rate: float, seconds: Fraction | None) -> None:
    assert exact_length(frames, rate) == seconds
