"""Time in a recording's file as time in the programme a VOD shows. Pure.

A VOD begins each reel at its in point (`cue`), shows its length, and joins all reels of the show. Captions beside a
file are timed against the file; chapters against the VOD. Source: Cablecast's manual, "VOD honours cue and length".
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from archivist_captions.cue import Cue
from archivist_common.chapters.detection import Chapter


@dataclass(frozen=True, slots=True)
class ReelSpan:
    """A file's part in a show: what is shown of it, in whole seconds, as the server keeps them."""

    number: int
    cue_s: int
    length_s: int

    def __post_init__(self) -> None:
        if self.cue_s < 0 or self.length_s < 0:
            raise ValueError(f"a reel's in point and length are not negative: {self}")

    @property
    def begin_ms(self) -> int:
        return self.cue_s * 1_000

    @property
    def end_ms(self) -> int:
        return self.begin_ms + self.length_s * 1_000


def begins_at_ms(reel: ReelSpan, reels: Sequence[ReelSpan]) -> int:
    """Where a reel begins on the VOD: after those of lower numbers, in whatever order the reels are given."""
    return sum(other.length_s for other in reels if other.number < reel.number) * 1_000


def chapters_on_vod(chapters: Iterable[Chapter], reel: ReelSpan, reels: Sequence[ReelSpan]) -> tuple[Chapter, ...]:
    """A file's chapters by the VOD's clock, without those it does not show.

    The one that runs as the reel begins, if any, begins with it.
    """
    begin = begins_at_ms(reel, reels)
    inside = sorted(
        (chapter for chapter in chapters if chapter.start_ms < reel.end_ms), key=lambda chapter: chapter.start_ms
    )
    running = [chapter for chapter in inside if chapter.start_ms <= reel.begin_ms][-1:]
    shown = running + [chapter for chapter in inside if chapter.start_ms > reel.begin_ms]
    return tuple(
        replace(chapter, start_ms=begin + max(0, chapter.start_ms - reel.begin_ms))
        for chapter in shown
        if reel.length_s
    )


def cues_on_vod(cues: Iterable[Cue], reel: ReelSpan, reels: Sequence[ReelSpan]) -> tuple[Cue, ...]:
    """A file's cues by the VOD's clock, cut to what the reel shows."""
    shift = begins_at_ms(reel, reels) - reel.begin_ms
    shown = (
        (cue, max(cue.start_ms, reel.begin_ms), min(cue.end_ms, reel.end_ms))
        for cue in cues
        if cue.start_ms < reel.end_ms and cue.end_ms > reel.begin_ms
    )
    return tuple(replace(cue, start_ms=start + shift, end_ms=end + shift) for cue, start, end in shown if start < end)
