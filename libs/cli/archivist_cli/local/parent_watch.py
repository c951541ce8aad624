"""Stands for a moment between us and a program we start: ties its life to ours, gives up root, becomes it.

Runs as `python -I -S parent_watch.py PARENT SIGNAL IDENTITY COMMAND…`: the standard library alone, one thread,
so that nothing of ours runs between fork and exec and a user namespace may be entered.

PARENT: our process id. SIGNAL: what the kernel sends the program when we are gone. IDENTITY: see identity.py.
"""

import ctypes
import os
import struct
import sys
from pathlib import Path

_PR_SET_PDEATHSIG, _PR_SET_SECUREBITS, _PR_SET_NO_NEW_PRIVS, _PR_CAP_AMBIENT = 1, 28, 38, 47  # linux/prctl.h
_PR_CAP_AMBIENT_RAISE = 2
_SECBIT_NO_SETUID_FIXUP = 1 << 2  # linux/securebits.h
_CAPABILITY_VERSION_3 = 0x20080522  # linux/capability.h
_CLONE_NEWUSER = 0x10000000  # linux/sched.h


def main(arguments: list[str]) -> None:
    parent, death_signal, identity, *command = arguments
    try:
        _become(identity)
    except OSError as exc:
        sys.exit(f"cannot become {identity} in {Path.cwd()}: {exc.strerror}")
    if sys.platform == "linux":
        # After the change of identity: the kernel forgets the signal when credentials change.
        _prctl(_PR_SET_PDEATHSIG, int(death_signal))
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
    uid, gid, *kept = (int(number) for number in numbers)
    if kind == "mapped":
        # As `unshare --user --map-user --map-group` does; "deny" comes before gid_map (user_namespaces(7)).
        outside_uid, outside_gid = os.geteuid(), os.getegid()
        _checked(ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWUSER))
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{uid} {outside_uid} 1")
        Path("/proc/self/gid_map").write_text(f"{gid} {outside_gid} 1")
    else:
        if kept:
            # Without this bit access(2), which PostgreSQL asks about its programs, looks past a user's capabilities.
            _prctl(_PR_SET_SECUREBITS, _SECBIT_NO_SETUID_FIXUP)
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
        if kept:
            _keep_only(kept[0])
    os.chdir(Path.cwd())  # by its whole path: the program will go by that


def _keep_only(capability: int) -> None:
    """Give up every capability but this one, which programs we become have too (capabilities(7), "ambient")."""
    header = struct.pack("<Ii", _CAPABILITY_VERSION_3, 0)
    bit = 1 << capability  # below 32: the first of two such triples
    _checked(ctypes.CDLL(None, use_errno=True).capset(header, struct.pack("<6I", bit, bit, bit, 0, 0, 0)))
    _prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, capability)
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)


def _prctl(option: int, *arguments: int) -> None:
    words = [ctypes.c_ulong(word) for word in (*arguments, 0, 0, 0, 0)[:4]]
    _checked(ctypes.CDLL(None, use_errno=True).prctl(option, *words))


def _checked(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


if __name__ == "__main__":
    main(sys.argv[1:])
