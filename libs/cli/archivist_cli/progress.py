"""A bar in the terminal, fed by the gateway's events; a line now and then where there is no terminal."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

_LINE_EVERY_S = 10.0

Feed = Callable[[dict[str, Any]], None]
"""Takes a job, or a progress event, as the gateway tells it."""


@contextmanager
def bar(title: str) -> Iterator[Feed]:
    """Show a job's progress until the block ends."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _lines(console, title)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[note]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task(title, total=100, note="waiting")

        def feed(job: dict[str, Any]) -> None:
            progress.update(task, completed=job.get("progress") or 0, note=_note(job))

        yield feed


def _lines(console: Console, title: str) -> Feed:
    said = -_LINE_EVERY_S
    stage = None

    def feed(job: dict[str, Any]) -> None:
        nonlocal said, stage
        if time.monotonic() - said >= _LINE_EVERY_S or job.get("stage") != stage:
            said, stage = time.monotonic(), job.get("stage")
            console.print(
                f"{title}: {job.get('progress') or 0} % {_note(job)}", markup=False, highlight=False, soft_wrap=True
            )

    return feed


def _note(job: dict[str, Any]) -> str:
    left = job.get("left_s")
    words = job.get("stage") or job.get("status") or ""
    return words if left is None else f"{words}, {_span(left)} left"


def _span(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
