"""The caption report as one HTML page that a person can read. No script, nothing fetched."""

from collections.abc import Iterable, Iterator, Sequence
from html import escape

from archivist_captions.cea608.verifier import RULES, Finding
from archivist_captions.notes import Note
from archivist_captions.report.data import Report, percentile
from archivist_captions.report.preview import strip_svg
from archivist_captions.timecode import LAST_DROP_FRAME, LAST_NON_DROP, label

_MOST_ROWS = 1_000  # of a table; the JSON has them all

_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:72rem;margin:2rem auto;padding:0 1rem;color:#222}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem;border-bottom:1px solid #ccc}
table{border-collapse:collapse;margin:.5rem 0}td,th{text-align:left;padding:.15rem .8rem .15rem 0;vertical-align:top}
.good{color:#060}.bad{color:#a00}figure{margin:1rem 0;overflow-x:auto}svg{max-width:100%;height:auto}
"""


def page(report: Report) -> str:
    """The page, with the four criteria as sections and a picture of every screen."""
    title = escape(report.title or "Captions")
    verdict = (
        '<p class="good">The file was decoded again and shows the captions as laid out: it may be released.</p>'
        if report.releasable
        else '<p class="bad">The file does not show what was laid out, or breaks a rule: it is not released.</p>'
    )
    body = "".join(_sections(report))
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Caption report: {title}</title>'
        f"<style>{_STYLE}</style></head><body><h1>Caption report: {title}</h1>{verdict}{body}</body></html>\n"
    )


def _sections(report: Report) -> Iterator[str]:
    errors = sorted(map(abs, report.start_errors))
    yield "<h2>Accuracy</h2>"
    yield _facts([("Words the engine was unsure of", report.unsure_words)])
    yield _table(("Time", "Word", "Confidence"), ((_clock(w.start_ms), w.text, w.confidence) for w in report.unsure))
    yield _table(("Written", "Shown as", "Times"), report.transliterated)
    yield _table(("Cannot be shown", "Times"), report.removed)
    yield "<h2>Synchrony</h2>"
    yield _facts(
        [
            ("Start error, half of the cues within", f"{percentile(errors, 50)} frames"),
            ("Start error, 95 of 100 within", f"{percentile(errors, 95)} frames"),
            ("Largest", f"{max(errors, default=0)} frames"),
        ]
    )
    yield _table(
        ("Late cue", "Shown at", "Frames"),
        ((late.cue + 1, _label(late.shown, report), late.frames) for late in report.late),
    )
    yield "<h2>Completeness</h2>"
    yield _facts([("Cues", report.cues), ("Words in", report.words_in), ("Words decoded", report.words_out)])
    yield "<p>These tell of the layout alone: whether a word given to it was lost on its way to the file.</p>"
    if report.unheard:
        yield _facts([("Speech that stayed without words", f"{report.unheard_ms / 1000:.1f} s")])
    yield _table(("Speech from", "To"), ((_clock(start), _clock(end)) for start, end in report.unheard))
    yield "<h2>Placement and reading</h2>"
    yield _facts([(f"Screens of {rows} {'row' if rows == 1 else 'rows'}", count) for rows, count in report.rows])
    yield _facts(
        [
            ("Cues at the top", report.top_cues),
            ("Reading speed, half of the cues below", f"{report.speed_p50} characters a second"),
            ("Reading speed, 95 of 100 below", f"{report.speed_p95} characters a second"),
            (f"Cues faster than {report.profile} allows", report.fast_cues),
        ]
    )
    yield from _findings(report.findings)
    yield from _notes(report.notes)
    if report.screens:
        yield "<h2>Screens</h2><figure>"
        yield strip_svg([(_label(screen.start, report), screen) for screen in report.screens])
        yield "</figure>"


def _findings(findings: Sequence[Finding]) -> Iterator[str]:
    yield "<h2>Findings</h2>"
    if not findings:
        yield '<p class="good">None: the file keeps every rule it was checked by.</p>'
    yield _table(
        ("Line", "Rule", "Found", "Severity"),
        ((finding.line or "", RULES[finding.rule][1], finding.message, finding.severity) for finding in findings),
    )


def _notes(notes: Sequence[Note]) -> Iterator[str]:
    if notes:
        yield "<h2>What was changed to put it on air</h2>"
        yield _table(
            ("Cue", "What", "How", "Frames"),
            ((note.cue + 1 if note.cue >= 0 else "", note.kind, note.detail, note.frames or "") for note in notes),
        )


def _facts(facts: Iterable[tuple[str, object]]) -> str:
    rows = "".join(f"<tr><td>{escape(name)}</td><td>{escape(str(value))}</td></tr>" for name, value in facts)
    return f"<table>{rows}</table>"


def _table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table, or nothing where there are no rows."""
    lines = ["".join(f"<td>{escape(str(value))}</td>" for value in row) for row in rows]
    if not lines:
        return ""
    head = "".join(f"<th>{escape(name)}</th>" for name in heads)
    more = len(lines) - _MOST_ROWS
    left_out = f"<p>{more} more are in the JSON report.</p>" if more > 0 else ""
    body = "".join(f"<tr>{line}</tr>" for line in lines[:_MOST_ROWS])
    return f"<table><tr>{head}</tr>{body}</table>{left_out}"


def _label(frame: int, report: Report) -> str:
    last = LAST_DROP_FRAME if report.drop_frame else LAST_NON_DROP
    return label(min(frame, last), drop_frame=report.drop_frame)


def _clock(ms: int) -> str:
    seconds = ms // 1_000
    return f"{seconds // 3_600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
