"""`archivist captions convert IN OUT`: one caption file to another, and what that took."""

import argparse
import json
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from fractions import Fraction
from functools import partial
from pathlib import Path

from archivist_captions.cea608.options import SccOptions
from archivist_captions.convert import convert, format_of, read
from archivist_captions.errors import CannotEncode, CannotRead
from archivist_captions.formats import FORMATS
from archivist_captions.formats.reading import Reading, text_of
from archivist_captions.notes import Note
from archivist_captions.profiles import PROFILES
from archivist_captions.report.data import Report
from archivist_captions.report.page import page
from archivist_captions.timecode import NTSC_30
from archivist_cli.commands.captions import scc_options, writing
from archivist_cli.commands.captions.reading import contents, counts_drop_frame
from archivist_cli.local.errors import StackError
from archivist_common.errors import CaptionsInvalid, InvalidFileFormat

_EXAMPLES = 3  # of each kind of note, and of findings


def add_to(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    readable = " ".join(f".{entry.extension}" for entry in FORMATS.values() if entry.reading is not None)
    parser = actions.add_parser(
        "convert",
        help="one caption file to another",
        description="Lay captions out anew for the air, or keep them as they are, and write them in another format. "
        "Every SCC file is decoded again before it is written. What had to be changed is printed on stderr.",
    )
    parser.add_argument("source", type=Path, metavar="IN", help=f"a caption file: {readable}")
    parser.add_argument("target", type=Path, metavar="OUT", help="the file to write; an old one is replaced")
    parser.add_argument("--format", choices=list(FORMATS), help="what OUT becomes (default: by its extension)")
    parser.add_argument("--profile", choices=list(PROFILES), default="broadcast", help="rules of layout")
    scc_options.add_labels(parser)
    parser.add_argument(
        "--in-start-timecode",
        type=scc_options.label,
        metavar="LABEL",
        help="label of the first picture in an SCC that is read (default: --start-timecode where OUT is no SCC)",
    )
    parser.add_argument(
        "--fps",
        type=scc_options.rate,
        default=NTSC_30,
        metavar="30000/1001|30",
        help="frames per second of SCC files",
    )
    parser.add_argument(
        "--offset",
        type=scc_options.offset_ms,
        default=0,
        metavar="SECONDS",
        help="added to every time; may be negative",
    )
    parser.add_argument("--mode", choices=["pop-on", "roll-up"], default="pop-on", help="how an SCC shows captions")
    parser.add_argument(
        "--report",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="what the SCC is worth: FILE.json for programs, FILE.html for readers; repeatable",
    )
    parser.add_argument("--as-cues", action="store_true", help="keep the cues and their times; no new layout")
    parser.set_defaults(run=partial(run, parser))


def run(parser: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    source: Path = options.source
    name = options.format or _format_name(options.target)
    to_scc = name == "scc"
    for path in options.report:
        if path.suffix.lower() not in (".json", ".html"):
            parser.error(f"--report {path}: a report is a .json or a .html file")
    if options.report and not to_scc:
        parser.error(f"--report: only SCC files have one; {name} has no air to be fit for")
    wanted = SccOptions(offset_ms=options.offset)
    if to_scc:
        wanted = scc_options.scc_options(
            parser, options, rate=options.fps, offset_ms=options.offset, mode=options.mode
        )
    target = writing.target(options.target, source)
    reports = [
        writing.target(path, source, options.target, *options.report[:number])
        for number, path in enumerate(options.report)
    ]
    begins = options.in_start_timecode or (None if to_scc else options.start_timecode) or ""
    reading = _read(source, options.fps, begins)
    if to_scc and not reading.captions.title:
        reading = replace(reading, captions=replace(reading.captions, title=source.stem))
    try:
        made = convert(reading, name, profile=PROFILES[options.profile], options=wanted, as_cues=options.as_cues)
    except CannotEncode as exc:
        raise CaptionsInvalid(f"{source}: {exc}") from exc
    if not made.captions.cues:
        raise InvalidFileFormat(f"{source}: holds no captions; nothing was written")
    for line in _told(made.notes):
        print(line, file=sys.stderr)
    if made.report is not None:
        for path, real in zip(options.report, reports, strict=True):
            writing.write(real, _report(made.report, path))
        _require_fit(made.report, source)
        print(_worth(made.report), file=sys.stderr)
    writing.write(target, made.data)
    for path in (options.target, *options.report):
        print(path)
    return 0


def _format_name(path: Path) -> str:
    try:
        return format_of(path.suffix).name
    except CannotRead as exc:
        raise StackError(f"{path}: {exc}; --format says which") from exc


def _read(path: Path, rate: Fraction, begins: str) -> Reading:
    """The captions of IN. Raises InvalidFileFormat where it is not what its extension says, or holds nothing."""
    try:
        entry = format_of(path.suffix)
        if entry.reading is None:
            raise CannotRead(f"{entry.name} files are written only")
        data = contents(path)
        first = 0
        if begins and entry.name == "scc":
            first = scc_options.frame_of(begins, drop_frame=counts_drop_frame(text_of(data)[0]))
        reading = read(data, entry.name, rate, first)
    except CannotRead as exc:
        raise InvalidFileFormat(f"{path}: {exc}") from exc
    if not reading.captions.cues and not reading.captions.words:
        raise InvalidFileFormat(f"{path}: holds no captions; nothing was written")
    if entry.name == "scc":
        _look_at_labels(path, reading, begins)
    return reading


def _look_at_labels(path: Path, reading: Reading, begins: str) -> None:
    """An SCC file does not say where zero is: refuse what cannot be, and say what looks odd."""
    cues = reading.captions.cues
    if begins and sum(cue.start_ms == 0 for cue in cues) > 1:
        raise InvalidFileFormat(f"{path}: has captions before {begins}, which was said to be its first picture")
    if not begins and cues and cues[0].start_ms >= 3_600_000:
        hour = f"hour {cues[0].start_ms // 3_600_000:02}"
        advice = "if its first picture is labelled so, give --in-start-timecode"
        print(f"{path}: its first caption is at {hour}; {advice}", file=sys.stderr)


def _told(notes: Iterable[Note]) -> Iterator[str]:
    """The notes by kind, the first few of each."""
    kinds: dict[str, list[Note]] = defaultdict(list)
    for note in notes:
        kinds[note.kind].append(note)
    for kind, found in kinds.items():
        shown = "; ".join(map(_one, found[:_EXAMPLES]))
        more = f"; and {len(found) - _EXAMPLES} more" if len(found) > _EXAMPLES else ""
        yield f"{kind} ({len(found)}): {shown}{more}"


def _one(note: Note) -> str:
    where = f"cue {note.cue + 1}: " if note.cue >= 0 else ""
    frames = f" ({note.frames} frames)" if note.frames else ""
    return f"{where}{note.detail}{frames}"


def _report(report: Report, path: Path) -> bytes:
    if path.suffix.lower() == ".html":
        return page(report).encode()
    return (json.dumps(report.as_dict(), ensure_ascii=False, indent=1) + "\n").encode("utf-8", "backslashreplace")


def _require_fit(report: Report, source: Path) -> None:
    """Raises CaptionsInvalid for a file that shows nothing, or that our own decoder does not read as it was meant."""
    if not report.screens:
        raise InvalidFileFormat(f"{source}: holds nothing that CEA-608 can show; nothing was written")
    errors = [finding for finding in report.findings if finding.severity == "error"]
    if errors:
        first = "; ".join(finding.message for finding in errors[:_EXAMPLES])
        raise CaptionsInvalid(f"{source}: {len(errors)} faults when decoded again, nothing was written: {first}")


def _worth(report: Report) -> str:
    largest = max(map(abs, report.start_errors), default=0)
    return (
        f"cues: {report.cues}, words: {report.words_in}; decoded again: nothing lost, nothing added, "
        f"largest start error {largest} {'frame' if largest == 1 else 'frames'}, late: {len(report.late)}"
    )
