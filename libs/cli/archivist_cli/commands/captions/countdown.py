"""`archivist captions countdown OUT.scc`: the file that shows a station how its chain counts."""

import argparse
import sys
from functools import partial
from pathlib import Path

from archivist_captions.cea608.verifier import verify
from archivist_captions.countdown import LENGTH_S, countdown
from archivist_cli.commands.captions import scc_options, writing
from archivist_common.errors import CaptionsInvalid

_ADVICE = """\
Play it with any recording of two minutes that starts at zero, and a clock in view.
  Late or early by the same amount throughout: that is the offset to set.
  Late by more and more (0.1 s by the end): the chain counts the other kind of labels.
  Nothing at all: try the other kind, or --start-timecode '01:00:00;00'."""


def add_to(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = actions.add_parser(
        "countdown",
        help="a two-minute test file for a station",
        description=f"Write {LENGTH_S} seconds of captions, each naming the second at which it should come up.",
    )
    parser.add_argument("target", type=Path, metavar="OUT.scc")
    scc_options.add_labels(parser)
    parser.set_defaults(run=partial(run, parser))


def run(parser: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    wanted = scc_options.scc_options(parser, options)
    target = writing.target(options.target)
    try:
        text = countdown(wanted).text
    except ValueError as exc:
        raise CaptionsInvalid(str(exc)) from exc
    findings = verify(text)
    if findings:
        raise CaptionsInvalid(f"the countdown is not fit for air: {findings[0].message}")
    writing.write(target, text.encode("ascii"))
    print(options.target)
    print(_ADVICE, file=sys.stderr)
    return 0
