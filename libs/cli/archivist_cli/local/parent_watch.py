"""Stands for a moment between us and a program we start: ties its life to ours, gives up root, becomes it.

Runs as `python -I -S parent_watch.py PARENT SIGNAL IDENTITY COMMAND…`: the standard library alone, one thread,
so that nothing of ours runs between fork and exec and a user namespace may be entered.

PARENT: our process id. SIGNAL: what the kernel sends the program when we are gone. IDENTITY: see identity.py.
"""

import ctypes
import os
import sys
from pathlib import Path

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_CLONE_NEWUSER = 0x10000000  # linux/sched.h


def main(arguments: list[str]) -> None:
    parent, death_signal, identity, *command = arguments
    _become(identity)
    if sys.platform == "linux":
        # After the change of identity: the kernel forgets the signal when credentials change.
        _checked(ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0))
        if os.getppid() != int(parent):
            sys.exit("the process that started this one is gone")
    try:
        os.execv(command[0], command)  # noqa: S606 -- no shell is what we want
    except OSError as exc:
        sys.exit(f"cannot start {command[0]}: {exc.strerror}")


def _become(identity: str) -> None:
    kind, *numbers = identity.split(":")
    if kind == "same":
        return
    uid, gid = (int(number) for number in numbers)
    if kind == "mapped":
        # As `unshare --user --map-user --map-group` does; "deny" comes before gid_map (user_namespaces(7)).
        outside_uid, outside_gid = os.geteuid(), os.getegid()
        _checked(ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWUSER))
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{uid} {outside_uid} 1")
        Path("/proc/self/gid_map").write_text(f"{gid} {outside_gid} 1")
    else:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)


def _checked(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


if __name__ == "__main__":
    main(sys.argv[1:])
