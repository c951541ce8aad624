"""The sandbox of the decoder process: no network, no files, few system calls, bounded memory and processor time.

What the kernel does not offer is left out (docs/decisions/0017): the whitelists in `containers` hold regardless.
"""

import ctypes
import errno
import os
import resource
import signal
import struct
import sys


def confine(memory: int, cpu_s: tuple[int, int], parent: int) -> None:
    """Close the doors. What the kernel does not offer is left out; the whitelists hold regardless.

    memory: bytes. cpu_s: processor time, what is granted now and the most that `media.py` may grant later.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(1, signal.SIGKILL, 0, 0, 0)  # PR_SET_PDEATHSIG
    if os.getppid() != parent:
        sys.exit(1)
    libc.prctl(38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS
    leave_network(libc)
    resource.setrlimit(resource.RLIMIT_CPU, cpu_s)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
    resource.setrlimit(resource.RLIMIT_AS, (memory + 2**30, memory + 2**30))  # libraries are mapped beside it
    drop_capabilities(libc)
    forbid_files(libc)
    forbid_calls(libc)


def leave_network(libc: ctypes.CDLL) -> None:
    """A network namespace of our own, without so much as a loopback. Needs root, or user namespaces."""
    new_user, new_net = 0x1000_0000, 0x4000_0000
    if libc.unshare(new_net) != 0:
        libc.unshare(new_user | new_net)


def drop_capabilities(libc: ctypes.CDLL) -> None:
    """Root here, or in a user namespace, is nobody special."""
    version_3, this_thread = 0x2008_0522, 0
    libc.capset(struct.pack("<II", version_3, this_thread), bytes(6 * 4))


def forbid_files(libc: ctypes.CDLL) -> None:
    """Landlock with no rule: no path can be opened, no TCP port reached, no other process signalled.

    Open descriptors stay. The numbers are those of the kernel's landlock.h; newer kernels know more rights.
    """
    create, restrict = 444, 446  # system calls, the same on every architecture
    abi: int = libc.syscall(create, None, 0, 1)
    if abi < 1:
        return
    files = (1 << {1: 13, 2: 14, 3: 15, 4: 15}.get(abi, 16)) - 1  # execute, write, read, list, remove, make, …
    network = 0b11 if abi >= 4 else 0  # bind, connect
    scopes = 0b11 if abi >= 6 else 0  # abstract sockets, signals
    rules = struct.pack("<QQQ", files, network, scopes)
    ruleset = libc.syscall(create, rules, len(rules) if abi >= 6 else 16 if abi >= 4 else 8, 0)
    if ruleset >= 0:
        libc.syscall(restrict, ruleset, 0)
        os.close(ruleset)


CALLS = {
    "read": (0, 63), "write": (1, 64), "close": (3, 57), "lseek": (8, 62), "pread64": (17, 67),
    "mmap": (9, 222), "mprotect": (10, 226), "munmap": (11, 215), "brk": (12, 214), "mremap": (25, 216),
    "madvise": (28, 233), "membarrier": (324, 283),
    "rt_sigaction": (13, 134), "rt_sigprocmask": (14, 135), "rt_sigreturn": (15, 139), "sigaltstack": (131, 132),
    "restart_syscall": (219, 128),
    "sched_yield": (24, 124), "sched_getaffinity": (204, 123), "getpid": (39, 172), "gettid": (186, 178),
    "sysinfo": (99, 179), "getrusage": (98, 165), "getrandom": (318, 278),
    "nanosleep": (35, 101), "clock_nanosleep": (230, 115), "clock_gettime": (228, 113), "gettimeofday": (96, 169),
    "futex": (202, 98), "set_robust_list": (273, 99), "rseq": (334, 293), "exit": (60, 93), "exit_group": (231, 94),
}  # fmt: skip
"""All a decoder asks of the kernel: name to number on (x86_64, aarch64). Threads besides, and nothing by a path."""
_MACHINES = {"x86_64": (0, 0xC000_003E, 56), "aarch64": (1, 0xC000_00B7, 220)}  # column, AUDIT_ARCH_…, clone


def forbid_calls(libc: ctypes.CDLL) -> None:
    """Every system call but CALLS, and clone for a thread, is answered as if the kernel did not know it (ENOSYS).

    So it holds what Landlock does not know (sockets of every kind, other processes, new programs), and where a
    container allows no namespace. A seccomp filter in classic BPF; none on a machine we do not know.
    """
    column, architecture, clone = _MACHINES.get(os.uname().machine, (-1, 0, 0))
    if column < 0:
        return
    allow, deny = (0x06, 0, 0, 0x7FFF_0000), (0x06, 0, 0, 0x0005_0000 | errno.ENOSYS)  # return
    load, equal, any_bit = 0x20, 0x15, 0x45
    number, arch, first_argument, thread = 0, 4, 16, 0x1_0000  # offsets in struct seccomp_data; CLONE_THREAD
    program = [(load, 0, 0, arch), (equal, 1, 0, architecture), deny, (load, 0, 0, number)]
    program += [step for call in CALLS.values() for step in ((equal, 0, 1, call[column]), allow)]
    program += [(equal, 0, 3, clone), (load, 0, 0, first_argument), (any_bit, 0, 1, thread), allow, deny]
    code = ctypes.create_string_buffer(b"".join(struct.pack("<HBBI", *step) for step in program))
    libc.prctl(22, 2, struct.pack("@HP", len(program), ctypes.addressof(code)), 0, 0)  # PR_SET_SECCOMP, filter
