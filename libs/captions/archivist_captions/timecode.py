"""SMPTE time codes for NTSC video. Source: SMPTE ST 12-1, drop-frame counting.

A label names a picture. Drop-frame labels (`;` before the frames) keep step with the clock; non-drop labels
(`:`) count thirty to the second and fall 3.6 s an hour behind it. Both name pictures of 30000/1001 per second,
unless a file is for true 30 fps, where only non-drop labels make sense.
"""

import re
from fractions import Fraction

NTSC_30 = Fraction(30_000, 1_001)  # frames per second
TRUE_30 = Fraction(30)
_TEN_MINUTES = 17_982  # frames; the tenth minute drops no label
_ONE_MINUTE = 1_798  # frames; every other minute drops two
_DROPPED = 2
_LABELS_PER_SECOND = 30
_LABELS_PER_MINUTE = 1_800

LAST_DROP_FRAME = 2_589_407  # 23:59:59;29
LAST_NON_DROP = 2_591_999  # 23:59:59:29

_LABEL = re.compile(r"(\d{2}):(\d{2}):(\d{2})([:;])(\d{2})", re.ASCII)


def drop_frame_label(frame: int) -> str:
    """Drop-frame label of a 30000/1001 fps frame: 1800 -> `00:01:00;02`.

    Labels ;00 and ;01 are skipped at each minute that is not a multiple of ten,
    so the label keeps step with the clock. No picture is dropped.

    Raises ValueError when `frame` is negative or past the last label of the day.
    """
    if not 0 <= frame <= LAST_DROP_FRAME:
        raise ValueError(f"frame {frame} has no drop-frame label (0 to {LAST_DROP_FRAME})")
    tens, rest = divmod(frame, _TEN_MINUTES)
    # The first minute of ten has 1800 pictures, the other nine 1798.
    minutes = 0 if rest < _LABELS_PER_MINUTE else 1 + (rest - _LABELS_PER_MINUTE) // _ONE_MINUTE
    return _label(frame + _DROPPED * (9 * tens + minutes), ";")


def non_drop_label(frame: int) -> str:
    """Non-drop label of a frame: 1800 -> `00:01:00:00`.

    Raises ValueError when `frame` is negative or past the last label of the day.
    """
    if not 0 <= frame <= LAST_NON_DROP:
        raise ValueError(f"frame {frame} has no non-drop label (0 to {LAST_NON_DROP})")
    return _label(frame, ":")


def label(frame: int, *, drop_frame: bool) -> str:
    """Label of either kind."""
    return drop_frame_label(frame) if drop_frame else non_drop_label(frame)


def day_of(*, drop_frame: bool) -> int:
    """How many frames have a label: after the last one of the day comes the first one again."""
    return (LAST_DROP_FRAME if drop_frame else LAST_NON_DROP) + 1


def is_drop_frame(text: str) -> bool:
    """Whether a label is of the drop-frame kind."""
    return ";" in text


def frame_of_label(text: str) -> int:
    """Frame that a label of either kind names: `00:01:00;02` -> 1800, `00:01:00:00` -> 1800.

    Raises ValueError for anything that is not a label, and for the labels that drop-frame counting skips.
    """
    match = _LABEL.fullmatch(text)
    if match is None:
        raise ValueError(f"not a time code: {text!r}")
    hours, minutes, seconds, frames = (int(match[group]) for group in (1, 2, 3, 5))
    if hours > 23 or minutes > 59 or seconds > 59 or frames >= _LABELS_PER_SECOND:
        raise ValueError(f"not a time code of one day at 30 labels a second: {text!r}")
    total = hours * 60 + minutes
    count = (total * 60 + seconds) * _LABELS_PER_SECOND + frames
    if match[4] == ":":
        return count
    if seconds == 0 and frames < _DROPPED and minutes % 10:
        raise ValueError(f"drop-frame counting skips this label: {text!r}")
    return count - _DROPPED * (total - total // 10)


def frame_at(ms: int, rate: Fraction = NTSC_30) -> int:
    """Frame nearest to a time in milliseconds: 60000 -> 1798. Exact; a tie goes to the later frame."""
    return (2 * ms * rate.numerator + 1_000 * rate.denominator) // (2_000 * rate.denominator)


def ms_at(frame: int, rate: Fraction = NTSC_30) -> int:
    """Time of a frame in milliseconds, nearest integer: 1798 -> 59993."""
    return (2_000 * frame * rate.denominator + rate.numerator) // (2 * rate.numerator)


def _label(count: int, separator: str) -> str:
    seconds, frames = divmod(count, _LABELS_PER_SECOND)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}{separator}{frames:02}"
