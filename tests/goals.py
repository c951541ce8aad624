"""What a long run was to show, told at its end: each goal beside its bound, and once more what was missed."""

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Goal:
    """What was to be shown, what came out, what is asked for. section: the part of the run it belongs to."""

    what: str
    figure: str
    bound: str
    kept: bool
    section: str = ""


def tell(goals: Sequence[Goal], began: float) -> int:
    """Print them all; the exit code: 0 when every one was kept. began: a reading of `time.monotonic`."""
    sections = any(goal.section for goal in goals)
    _table([_row(goal)[0 if sections else 1 :] for goal in goals], ("section", "goal", "figure", "bound", ""))
    missed = [goal for goal in goals if not goal.kept]
    minutes, seconds = divmod(round(time.monotonic() - began), 60)
    say(f"{len(goals) - len(missed)} of {len(goals)} goals kept in {minutes} min {seconds} s")
    for goal in missed:  # once more, last: of a long log often only the end is kept
        say(f"NOT KEPT: {goal.section} {goal.what}: {goal.figure}, asked for {goal.bound}")
    return 1 if missed else 0


def say(line: str) -> None:
    sys.stdout.write(f"{time.strftime('%H:%M:%S')} {line}\n")
    sys.stdout.flush()


def _row(goal: Goal) -> tuple[str, ...]:
    return goal.section, goal.what, goal.figure, goal.bound, "kept" if goal.kept else "NOT KEPT"


def _table(rows: Sequence[tuple[str, ...]], heads: tuple[str, ...]) -> None:
    shown = heads[len(heads) - len(rows[0]) :]
    widths = [max(len(row[place]) for row in (shown, *rows)) for place in range(len(shown))]
    for row in (shown, *rows):
        say("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
