"""Named steps at which a test may kill, stop or delay the process that reaches them. No-ops unless armed.

Armed with a folder (KILL_POINTS, which production refuses): a step `after-claim` that finds `after-claim` in it takes
the file away and does what it says: `kill` (SIGKILL), `stop` (SIGSTOP) or `sleep 2.5`. Whoever takes the file is
alone in it, so one file is one fault. Each one done is a line in `reached`.
"""

import contextlib
import os
import signal
import time
from pathlib import Path

from archivist_common.states import PublishStage

OF_A_JOB = (
    "before-claim",  # a supervisor, about to look for work
    "after-claim",  # a job's claim is committed, nothing done
    "chunks-added",  # some chunks are stored, the recording is not planned to its end
    "planned",  # all chunks are stored
    "chunk-claimed",
    "chunk-heard",  # a chunk's words are known, and not stored
    "chunk-finished",  # stored, and nothing claimed since
    "before-assembly",
    "file-written",  # staging a file: its data is in a temporary file,
    "file-synced",  # flushed to the disk,
    "file-renamed",  # under its name,
    "folder-synced",  # and the name is on the disk too
    "staged",  # all files of the attempt are; the database does not know
    "completed",  # the database points at them; none is under its public name
    "file-placed",  # one stands under its public name, the database does not know
)
OF_A_PUBLISHER = (
    "publish-claim",  # a publisher, about to look for something to publish
    "publish-claimed",  # the claim is committed, nothing done
    *(f"publish-{stage}" for stage in PublishStage),  # a publication is about to begin this stage
    "effect-intended",  # a change at a target is written down and not asked for
    "effect-done",  # the target has done it, and the ledger does not know
    "sync-page",  # a page of a sync is stored, and the next one not asked for
)
POINTS = OF_A_JOB + OF_A_PUBLISHER

_folder: Path | None = None


def arm(folder: Path | None) -> None:
    """Look for faults in this folder from now on; None disarms."""
    global _folder
    _folder = folder


def reach(name: str) -> None:
    """Do what a test has put into the folder for this step, if anything."""
    if _folder is None:
        return
    taken = _folder / f".{name}.{os.getpid()}"
    try:
        (_folder / name).rename(taken)
        what = taken.read_text().split()
        taken.unlink()
    except FileNotFoundError:
        return
    with contextlib.suppress(OSError), (_folder / "reached").open("a") as log:
        log.write(f"{time.time():.3f} {os.getpid()} {name} {' '.join(what)}\n")
    match what:
        case ["kill"]:
            os.kill(os.getpid(), signal.SIGKILL)
        case ["stop"]:
            os.kill(os.getpid(), signal.SIGSTOP)
        case ["sleep", seconds]:
            time.sleep(float(seconds))
        case _:
            raise ValueError(f"no such fault at {name}: {what!r}")
