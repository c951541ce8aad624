"""`archivist captions preview FILE.scc`: what a viewer sees at a moment, or as it plays."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from archivist_captions.cea608.codes import COLUMNS
from archivist_captions.cea608.decoder import DisplayedText
from archivist_captions.report.preview import as_svg, as_text, screen_at
from archivist_captions.timecode import LAST_DROP_FRAME, LAST_NON_DROP, label
from archivist_cli.commands.captions import scc_options, writing
from archivist_cli.commands.captions.play import play
from archivist_cli.commands.captions.reading import counts_drop_frame, scc_of
from archivist_cli.local.errors import StackError

_FASTEST = 1_000.0


def add_to(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = actions.add_parser(
        "preview",
        help="what a viewer sees",
        description="Show the screen of an SCC file at a moment, or play the file in this terminal.",
    )
    parser.add_argument("file", type=Path, metavar="FILE.scc")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--at", type=_label, metavar="LABEL", help="time code, as '00:01:02;10' or 00:01:02:10")
    what.add_argument("--play", action="store_true", help="in this terminal, in real time; Ctrl-C ends it")
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="with --at: a picture, frame.png or frame.svg, or frame.txt"
    )
    parser.add_argument(
        "--from", dest="begin", type=_label, metavar="LABEL", help="with --play (default: a second before the first)"
    )
    parser.add_argument("--speed", type=_speed, default=1.0, metavar="X", help="with --play: times real time")
    parser.set_defaults(run=partial(run, parser))


def run(parser: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    if options.play and options.output is not None:
        parser.error("--output goes with --at")
    if not options.play and (options.begin is not None or options.speed != 1.0):
        parser.error("--from and --speed go with --play")
    if options.output is not None and options.output.suffix.lower() not in _DRAWN:
        parser.error(f"--output {options.output}: a preview is one of {' '.join(_DRAWN)}")
    text, played = scc_of(options.file)
    drop_frame = counts_drop_frame(text)
    if options.play:
        begin = scc_options.frame_of(options.begin, drop_frame=drop_frame) if options.begin is not None else None
        return play(played.screens, begin=begin, speed=options.speed, drop_frame=drop_frame)
    frame = scc_options.frame_of(options.at, drop_frame=drop_frame)
    screen = screen_at(played.screens, frame)
    if options.output is not None:
        target = writing.target(options.output, options.file)
        writing.write(target, _drawn(screen, options.output.suffix.lower()))
        print(options.output)
    else:
        print(label(frame, drop_frame=drop_frame))
        print("\n".join(framed(screen)))
    if screen is None:
        print(_when(played.screens, frame, drop_frame), file=sys.stderr)
    return 0


def framed(screen: DisplayedText | None) -> Iterator[str]:
    """The whole screen as lines with a frame around it."""
    yield "┌" + "─" * COLUMNS + "┐"
    for line in as_text(screen).split("\n"):
        yield f"│{line:<{COLUMNS}}│"
    yield "└" + "─" * COLUMNS + "┘"


_DRAWN = (".png", ".svg", ".txt")


def _drawn(screen: DisplayedText | None, suffix: str) -> bytes:
    if suffix == ".svg":
        return as_svg(screen).encode()
    if suffix == ".txt":
        return (as_text(screen) + "\n").encode()
    try:
        from archivist_cli.commands.captions.picture import png

        return png(screen)
    except ImportError as exc:
        raise StackError(f"a PNG needs Pillow: install archivist[embedded], or ask for .svg ({exc})") from exc


def _when(screens: Sequence[DisplayedText], frame: int, drop_frame: bool) -> str:
    """Where there is something to see, for who asked for a moment without."""
    last = LAST_DROP_FRAME if drop_frame else LAST_NON_DROP
    before = next((screen for screen in reversed(screens) if screen.start <= frame), None)
    after = next((screen for screen in screens if screen.start > frame), None)
    told = ["nothing is on the screen"]
    if before is not None:
        told.append(f"the caption before begins at {label(min(before.start, last), drop_frame=drop_frame)}")
    if after is not None:
        told.append(f"the next one at {label(min(after.start, last), drop_frame=drop_frame)}")
    return "; ".join(told)


def _label(text: str) -> str:
    """A time code of either kind. For argparse."""
    if text[8:9] in {";", "."}:
        scc_options.label(text[:8] + ":" + text[9:])
        return text
    return scc_options.label(text)


def _speed(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0.01 <= value <= _FASTEST:
        raise argparse.ArgumentTypeError(f"a speed is 0.01 to {_FASTEST:.0f}: {text!r}")
    return value
