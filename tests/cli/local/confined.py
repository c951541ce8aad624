"""Runs a command as root has it in a container of Docker's defaults: few capabilities, no namespaces of its own.

`python confined.py COMMAND…`, as root, on x86_64 or arm64.
"""

import ctypes
import errno
import os
import platform
import struct
import sys

# https://docs.docker.com/engine/security/#linux-kernel-capabilities by their numbers in linux/capability.h
_KEPT = {0, 1, 3, 4, 5, 6, 7, 8, 10, 13, 18, 27, 29, 31}
_PR_SET_SECCOMP, _PR_CAPBSET_DROP = 22, 24  # linux/prctl.h
_SECCOMP_MODE_FILTER = 2
_UNSHARE = {"x86_64": 272, "aarch64": 97}
_LOAD, _JUMP_IF_EQUAL, _RETURN = 0x20, 0x15, 0x06  # linux/bpf_common.h
_ERRNO, _ALLOW = 0x00050000, 0x7FFF0000  # linux/seccomp.h


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def main(command: list[str]) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    for capability in set(range(64)) - _KEPT:
        libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)  # an error: the kernel knows no such one
    refuse = (
        (_LOAD, 0, 0, 0),  # the number of the call
        (_JUMP_IF_EQUAL, 0, 1, _UNSHARE[platform.machine()]),
        (_RETURN, 0, 0, _ERRNO | errno.EPERM),
        (_RETURN, 0, 0, _ALLOW),
    )
    program = _Program(len(refuse), b"".join(struct.pack("HBBI", *one) for one in refuse))
    if libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(program)) != 0:
        sys.exit(f"no filter: {os.strerror(ctypes.get_errno())}")
    os.execvp(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1:])
