"""Labels and frames. The anchors are those of SMPTE drop-frame counting, worked out by hand."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archivist_captions.timecode import (
    LAST_DROP_FRAME,
    LAST_NON_DROP,
    NTSC_30,
    TRUE_30,
    drop_frame_label,
    frame_at,
    frame_of_label,
    is_drop_frame,
    ms_at,
    non_drop_label,
)


@pytest.mark.parametrize(
    ("frame", "drop", "non_drop"),
    [
        pytest.param(0, "00:00:00;00", "00:00:00:00", id="zero"),
        pytest.param(1_798, "00:00:59;28", "00:00:59:28", id="one-minute"),
        pytest.param(1_799, "00:00:59;29", "00:00:59:29", id="last-before-skip"),
        pytest.param(1_800, "00:01:00;02", "00:01:00:00", id="first-skip"),
        pytest.param(17_981, "00:09:59;29", "00:09:59:11", id="before-tenth-minute"),
        pytest.param(17_982, "00:10:00;00", "00:09:59:12", id="tenth-minute-keeps-zero"),
        pytest.param(107_892, "01:00:00;00", "00:59:56:12", id="one-hour"),
        pytest.param(323_676, "03:00:00;00", "02:59:49:06", id="three-hours"),
        pytest.param(LAST_DROP_FRAME, "23:59:59;29", "23:58:33:17", id="last-of-the-day"),
    ],
)
def test_labels_of_a_frame(frame: int, drop: str, non_drop: str) -> None:
    assert drop_frame_label(frame) == drop
    assert non_drop_label(frame) == non_drop
    assert frame_of_label(drop) == frame_of_label(non_drop) == frame


@pytest.mark.parametrize(
    ("ms", "frame"),
    [
        (0, 0),
        (60_000, 1_798),
        (600_000, 17_982),
        (3_600_000, 107_892),
        (10_800_000, 323_676),
        (86_400_000, 2_589_411),
    ],
)
def test_frame_nearest_to_a_time(ms: int, frame: int) -> None:
    assert frame_at(ms) == frame


def test_one_hour_of_media_is_3600_seconds_of_true_30() -> None:
    assert frame_at(3_600_000, TRUE_30) == 108_000


def test_every_minute_of_a_day_skips_two_labels_unless_it_is_a_tenth() -> None:
    for minute in range(1, 24 * 60):
        hours, minutes = divmod(minute, 60)
        first = f"{hours:02}:{minutes:02}:00;00"
        if minutes % 10:
            with pytest.raises(ValueError, match="skips"):
                frame_of_label(first)
            with pytest.raises(ValueError, match="skips"):
                frame_of_label(first[:-1] + "1")
            assert drop_frame_label(frame_of_label(first[:-1] + "2") - 1).endswith(":59;29")
        else:
            assert drop_frame_label(frame_of_label(first)) == first


@given(st.integers(0, LAST_DROP_FRAME))
def test_a_drop_frame_label_leads_back_to_its_frame(frame: int) -> None:
    assert frame_of_label(drop_frame_label(frame)) == frame


@given(st.integers(0, LAST_NON_DROP))
def test_a_non_drop_label_leads_back_to_its_frame(frame: int) -> None:
    assert frame_of_label(non_drop_label(frame)) == frame


@given(st.integers(0, 86_400_000), st.sampled_from([NTSC_30, TRUE_30]))
def test_a_frame_is_never_more_than_half_a_frame_from_its_time(ms: int, rate: Fraction) -> None:
    assert abs(Fraction(frame_at(ms, rate)) / rate - Fraction(ms, 1000)) <= 1 / (2 * rate)


@given(st.integers(0, LAST_NON_DROP), st.sampled_from([NTSC_30, TRUE_30]))
def test_the_time_of_a_frame_leads_back_to_it(frame: int, rate: Fraction) -> None:
    assert frame_at(ms_at(frame, rate), rate) == frame


@pytest.mark.parametrize("frame", [-1, LAST_DROP_FRAME + 1])
def test_no_label_outside_the_day(frame: int) -> None:
    with pytest.raises(ValueError, match="no drop-frame label"):
        drop_frame_label(frame)


def test_no_non_drop_label_past_the_day() -> None:
    with pytest.raises(ValueError, match="no non-drop label"):
        non_drop_label(LAST_NON_DROP + 1)


@pytest.mark.parametrize(
    "text", ["", "1:00:00:00", "24:00:00:00", "00:60:00:00", "00:00:60;00", "00:00:00;30", "٠٠:00:00:00"]
)
def test_what_is_no_label_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="time code"):
        frame_of_label(text)


def test_kind_of_a_label() -> None:
    assert is_drop_frame("00:00:00;00")
    assert not is_drop_frame("00:00:00:00")


_MEDIA_RATES = {
    "23.976": Fraction(24_000, 1_001),
    "24": Fraction(24),
    "25": Fraction(25),
    "29.97": NTSC_30,
    "30": Fraction(30),
    "50": Fraction(50),
    "59.94": Fraction(60_000, 1_001),
}
_DAY_S = Fraction(LAST_DROP_FRAME) / NTSC_30


@pytest.mark.parametrize("rate", _MEDIA_RATES.values(), ids=_MEDIA_RATES.keys())
def test_pictures_of_any_rate_lead_to_a_label_and_back_for_a_day(rate: Fraction) -> None:
    """Every 499th picture of 24 hours, as a time in milliseconds: its frame is the nearest, its labels lead back."""
    before = -1
    for picture in range(0, int(_DAY_S * rate), 499):
        time = picture / rate
        frame = frame_at(round(1_000 * time))
        assert abs(frame / NTSC_30 - time) <= 1 / (2 * NTSC_30) + Fraction(1, 2_000)
        assert frame_of_label(drop_frame_label(frame)) == frame_of_label(non_drop_label(frame)) == frame > before
        before = frame


@pytest.mark.parametrize(("name", "pictures", "frames"), [("29.97", 1, 1), ("59.94", 2, 1), ("23.976", 4, 5)])
def test_pictures_that_fall_on_frames_are_met_to_the_frame_for_a_day(name: str, pictures: int, frames: int) -> None:
    rate = _MEDIA_RATES[name]
    for place in range(0, LAST_DROP_FRAME // frames, 331):
        assert frame_at(round(1_000 * place * pictures / rate)) == place * frames


def test_true_30_pictures_are_met_to_the_frame_for_a_day() -> None:
    for picture in range(0, LAST_NON_DROP, 331):
        assert frame_at(round(Fraction(1_000 * picture, 30)), TRUE_30) == picture
        assert frame_of_label(non_drop_label(picture)) == picture
