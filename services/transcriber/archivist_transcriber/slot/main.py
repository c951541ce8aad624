"""The first thing a slot's process runs: takes its cores, then loads what computes.

Only the standard library stands above the pinning: CTranslate2 and OpenMP size their pools when imported,
and by the whole machine.
"""

import ctypes
import json
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def main() -> None:
    """Pin, tie this life to the supervisor's, load, and work until standard input ends."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    line = sys.stdin.buffer.readline()
    if not line:
        return  # the supervisor died between starting this process and speaking to it
    options = json.loads(line)
    if options["cores"]:
        os.sched_setaffinity(0, options["cores"])
    # Libraries print; the channel to the supervisor is ours alone.
    channel = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    from archivist_transcriber.slot import worker

    sys.exit(worker.serve(options, sys.stdin.buffer, channel))


if __name__ == "__main__":
    main()
