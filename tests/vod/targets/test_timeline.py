"""Time in a file as time on the VOD: in points, lengths and joined reels."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archivist_captions.cue import Cue
from archivist_common.chapters.detection import Chapter
from archivist_vod.targets.timeline import ReelSpan, begins_at_ms, chapters_on_vod, cues_on_vod

FIRST = ReelSpan(1, cue_s=30, length_s=600)
SECOND = ReelSpan(2, cue_s=5, length_s=300)
BOTH = (FIRST, SECOND)


def shown_at(file_ms: int, reel: ReelSpan, reels: tuple[ReelSpan, ...]) -> int | None:
    """When the VOD shows a cue of a millisecond; None where it does not."""
    found = cues_on_vod([Cue(file_ms, file_ms + 1, ("x",))], reel, reels)
    return found[0].start_ms if found else None


@pytest.mark.parametrize(
    ("file_ms", "reel", "vod_ms"),
    [
        pytest.param(0, ReelSpan(1, 0, 60), 0, id="whole-file"),
        pytest.param(29_999, FIRST, None, id="before-the-in-point"),
        pytest.param(30_000, FIRST, 0, id="at-the-in-point"),
        pytest.param(629_999, FIRST, 599_999, id="last-moment"),
        pytest.param(630_000, FIRST, None, id="after-its-length"),
        pytest.param(5_000, SECOND, 600_000, id="second-reel-follows-the-first"),
        pytest.param(304_999, SECOND, 899_999, id="end-of-the-second"),
        pytest.param(0, ReelSpan(1, 0, 0), None, id="untimed-reel-shows-nothing"),
    ],
)
def test_a_moment_of_a_file_is_found_on_the_vod(file_ms: int, reel: ReelSpan, vod_ms: int | None) -> None:
    assert shown_at(file_ms, reel, BOTH) == vod_ms


def test_reels_count_by_number_and_not_by_the_order_they_are_given_in() -> None:
    assert begins_at_ms(SECOND, (SECOND, FIRST)) == 600_000
    assert begins_at_ms(FIRST, (SECOND, FIRST)) == 0
    assert begins_at_ms(ReelSpan(4, 0, 9), (*BOTH, ReelSpan(3, 0, 100))) == 1_000_000


def test_chapters_move_with_the_in_point_and_the_earlier_reels() -> None:
    chapters = (
        Chapter(0, "Start"),
        Chapter(20_000, "Call to order"),
        Chapter(90_000, "Item 1"),
        Chapter(700_000, "Late"),
    )
    assert chapters_on_vod(chapters, FIRST, BOTH) == (Chapter(0, "Call to order"), Chapter(60_000, "Item 1"))
    assert chapters_on_vod(chapters, SECOND, BOTH) == (
        Chapter(600_000, "Start"),
        Chapter(615_000, "Call to order"),
        Chapter(685_000, "Item 1"),
    )
    assert chapters_on_vod(chapters, ReelSpan(1, 0, 0), ()) == ()


def test_a_chapter_at_the_in_point_replaces_the_one_that_ran() -> None:
    chapters = (Chapter(0, "Start"), Chapter(30_000, "Call to order"))
    assert chapters_on_vod(chapters, FIRST, BOTH) == (Chapter(0, "Call to order"),)


def test_cues_are_cut_where_the_reel_begins_and_ends() -> None:
    cues = (
        Cue(28_000, 30_000, ("gone",)),
        Cue(29_000, 31_000, ("begins with the reel",), top=True),
        Cue(629_000, 640_000, ("ends with it",)),
        Cue(630_000, 640_000, ("gone",)),
    )
    assert cues_on_vod(cues, FIRST, BOTH) == (
        Cue(0, 1_000, ("begins with the reel",), top=True),
        Cue(599_000, 600_000, ("ends with it",)),
    )
    assert [cue.start_ms for cue in cues_on_vod(cues, SECOND, BOTH)] == [623_000, 624_000]


def test_a_reel_of_negative_length_is_no_reel() -> None:
    with pytest.raises(ValueError, match="not negative"):
        ReelSpan(1, -1, 5)


REELS = st.lists(st.tuples(st.integers(0, 500), st.integers(0, 500)), min_size=1, max_size=5).map(
    lambda rows: tuple(ReelSpan(number, cue, length) for number, (cue, length) in enumerate(rows, 1))
)


@given(REELS, st.integers(0, 1_000_000))
def test_the_reels_of_a_show_fill_its_vod_without_gap_or_overlap(reels: tuple[ReelSpan, ...], moment: int) -> None:
    whole = sum(reel.length_s for reel in reels) * 1_000
    places = [
        reel
        for reel in reels
        if (file_ms := moment - begins_at_ms(reel, reels) + reel.begin_ms) >= 0
        and shown_at(file_ms, reel, reels) == moment
    ]
    assert len(places) == (1 if moment < whole else 0)


@given(REELS, st.lists(st.tuples(st.integers(0, 900_000), st.integers(1, 9_000)), max_size=8))
def test_cues_stay_within_their_reel_on_the_vod(reels: tuple[ReelSpan, ...], rows: list[tuple[int, int]]) -> None:
    cues = [Cue(start, start + length, ("x",)) for start, length in sorted(rows)]
    for reel in reels:
        begin = begins_at_ms(reel, reels)
        for cue in cues_on_vod(cues, reel, reels):
            assert begin <= cue.start_ms < cue.end_ms <= begin + reel.length_s * 1_000
