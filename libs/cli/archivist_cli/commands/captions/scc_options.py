"""What the options of the command line ask of an SCC file."""

import argparse
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Literal

from archivist_captions.cea608.options import SccOptions
from archivist_captions.timecode import NTSC_30, TRUE_30, frame_of_label, is_drop_frame
from archivist_cli.local.errors import StackError

_RATES = {"30000/1001": NTSC_30, "29.97": NTSC_30, "30": TRUE_30}
_DAY_MS = 86_400_000


def add_labels(parser: argparse.ArgumentParser) -> None:
    """--drop-frame, --non-drop and --start-timecode: how a file counts, and from where."""
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--drop-frame", action="store_true", help="labels that keep step with the clock (default)")
    kind.add_argument("--non-drop", action="store_true", help="labels that count thirty to the second")
    parser.add_argument(
        "--start-timecode",
        type=label,
        metavar="LABEL",
        help="label of the first picture, as '01:00:00;00' (in quotes: the shell would take the semicolon)",
    )


def label(text: str) -> str:
    """A time code that exists. For argparse."""
    try:
        frame_of_label(text)
    except ValueError as exc:
        quote = "; put it in quotes: '01:00:00;00'" if text.count(":") == 2 and ";" not in text else ""
        raise argparse.ArgumentTypeError(f"{exc}{quote}") from exc
    return text


def frame_of(label: str, *, drop_frame: bool) -> int:
    """The frame of a label, read as one of the file's kind whatever stands before its frames.

    Raises StackError for a label that drop-frame counting skips.
    """
    try:
        return frame_of_label(f"{label[:8]}{';' if drop_frame else ':'}{label[9:]}")
    except ValueError as exc:
        raise StackError(f"{label}: {exc}") from exc


def rate(text: str) -> Fraction:
    """Frames per second that SCC knows. For argparse."""
    if text not in _RATES:
        raise argparse.ArgumentTypeError(
            f"an SCC file has 30000/1001 or 30 frames per second, not {text}; the recording's own rate does not "
            "matter, only its time"
        )
    return _RATES[text]


def offset_ms(text: str) -> int:
    """Seconds of either sign as milliseconds. For argparse."""
    try:
        value = Decimal(text) * 1_000
        ms = round(value)
    except (InvalidOperation, ValueError, OverflowError) as exc:
        raise argparse.ArgumentTypeError(f"not seconds: {text!r}") from exc
    if abs(ms) > _DAY_MS:
        raise argparse.ArgumentTypeError(f"{timedelta(days=1) // timedelta(seconds=1)} seconds are a day: {text!r}")
    return ms


def scc_options(
    parser: argparse.ArgumentParser,
    options: argparse.Namespace,
    *,
    rate: Fraction = NTSC_30,
    offset_ms: int = 0,
    mode: Literal["pop-on", "roll-up"] = "pop-on",
) -> SccOptions:
    """The options together. Ends the program with wrong usage (2) where they contradict each other."""
    start: str = options.start_timecode or ""
    drop_frame = not options.non_drop and (options.drop_frame or rate == NTSC_30)
    if drop_frame and rate != NTSC_30:
        parser.error("--drop-frame labels exist at 30000/1001 frames per second only")
    if start and is_drop_frame(start) != drop_frame:
        other = f"'{start[:8]};{start[9:]}', or add --non-drop" if drop_frame else f"{start[:8]}:{start[9:]}"
        parser.error(f"--start-timecode {start} is not of the file's kind of labels: write {other}")
    try:
        return SccOptions(drop_frame=drop_frame, start_label=start, offset_ms=offset_ms, rate=rate, mode=mode)
    except ValueError as exc:
        parser.error(str(exc))
