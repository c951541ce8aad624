"""Physical cores of this machine, and how slots share them out.

Read from sysfs under a root that can be given, so that any machine can be described by files.
Source: Documentation/admin-guide/cputopology.rst and ABI/testing/sysfs-devices-system-cpu of the Linux kernel.
"""

import os
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

_GIB = 1024**3
_SLOTS_BY_MEMORY = ((32 * _GIB, 6), (16 * _GIB, 4), (0, 2))
"""From this much memory on, at most so many slots: the technical documentation's table."""
_LITTLE = 0.8  # of the best core's capacity or frequency; less is an efficiency core


class CoreKind(StrEnum):
    PERFORMANCE = "performance"
    EFFICIENCY = "efficiency"


@dataclass(frozen=True, slots=True)
class Core:
    """A physical core. `cpus` are its logical processors that this process may use, rising."""

    cpus: tuple[int, ...]
    package: int
    node: int
    kind: CoreKind = CoreKind.PERFORMANCE


@dataclass(frozen=True, slots=True)
class Topology:
    """Cores in the order in which slots take them: performance before efficiency, node by node."""

    cores: tuple[Core, ...]

    @property
    def cpus(self) -> tuple[int, ...]:
        return tuple(sorted(cpu for core in self.cores for cpu in core.cpus))


@dataclass(frozen=True, slots=True)
class SlotPlan:
    """Whole physical cores of one slot. `cpus` is what it is pinned to, `threads` what an inference may use."""

    cpus: tuple[int, ...]
    threads: int
    node: int
    kind: CoreKind


def discover(sysfs: Path = Path("/sys"), allowed: Collection[int] | None = None) -> Topology:
    """The cores this process may use. allowed: logical processors; None asks the kernel (affinity, cpuset).

    What sysfs does not say is guessed on the safe side: a processor without topology is a core of its own,
    on package 0, node 0, a performance core.
    """
    if allowed is None:
        allowed = os.sched_getaffinity(0)
    system = sysfs / "devices/system"
    online = _cpu_list(system / "cpu/online")
    usable = sorted(set(allowed) & online) if online else sorted(allowed)
    usable = usable or sorted(allowed)
    nodes = _nodes(system / "node")
    kinds = _kinds(sysfs, usable)
    cores: dict[tuple[int, ...], Core] = {}
    for cpu in usable:
        topology = system / f"cpu/cpu{cpu}/topology"
        siblings = tuple(sorted({cpu, *_siblings(topology)} & set(usable)))
        if siblings not in cores:
            cores[siblings] = Core(siblings, _number(topology / "physical_package_id"), nodes.get(cpu, 0), kinds[cpu])
    order = sorted(
        cores.values(), key=lambda core: (core.kind != CoreKind.PERFORMANCE, core.node, core.package, core.cpus)
    )
    return Topology(tuple(order))


def plan_slots(topology: Topology, count: int | None, memory_bytes: int) -> tuple[SlotPlan, ...]:
    """Slots with whole physical cores of their own; no core is shared, none is left unused.

    count: slots wanted (WORKER_CONCURRENCY); None takes one per core, as many as the memory table allows. On a
    processor one core a slot gives most (two slots of one core do half again as much as one slot of two).
    Never more slots than cores. A slot stays on one NUMA node where the numbers allow it.
    """
    cores = topology.cores
    if not cores:
        return ()
    wanted = count if count is not None else next(slots for least, slots in _SLOTS_BY_MEMORY if memory_bytes >= least)
    slots = max(1, min(wanted, len(cores)))
    shares: list[list[Core]] = []
    groups = _groups(cores, slots)
    for group, number in zip(groups, _seats([len(group) for group in groups], slots), strict=True):
        shares += _split(group, number)
    return tuple(
        SlotPlan(
            cpus=tuple(sorted(cpu for core in share for cpu in core.cpus)),
            threads=len(share),
            node=share[0].node,
            kind=share[0].kind,
        )
        for share in shares
    )


def _groups(cores: Sequence[Core], slots: int) -> list[list[Core]]:
    """Cores that may serve one slot together: of one node and kind, else of one node, else all."""
    for key in (lambda core: (core.kind, core.node), lambda core: core.node, lambda _: 0):
        groups: dict[object, list[Core]] = {}
        for core in cores:
            groups.setdefault(key(core), []).append(core)
        if len(groups) <= slots:
            break
    return list(groups.values())


def _seats(sizes: Sequence[int], slots: int) -> list[int]:
    """Slots per group: one each, further ones where the most cores wait for a slot. Never more than cores."""
    seats = [1] * len(sizes)
    while sum(seats) < slots:
        open_groups = [n for n in range(len(sizes)) if seats[n] < sizes[n]]
        seats[max(open_groups, key=lambda n: (sizes[n] / seats[n], -n))] += 1
    return seats


def _split(cores: Sequence[Core], slots: int) -> list[list[Core]]:
    """Neighbouring cores together; the first shares get one more where it does not come out even."""
    size, more = divmod(len(cores), slots)
    shares, at = [], 0
    for n in range(slots):
        end = at + size + (n < more)
        shares.append(list(cores[at:end]))
        at = end
    return shares


def _siblings(topology: Path) -> set[int]:
    return _cpu_list(topology / "core_cpus_list") or _cpu_list(topology / "thread_siblings_list")


def _nodes(folder: Path) -> dict[int, int]:
    """NUMA node of each processor."""
    found: dict[int, int] = {}
    for entry in sorted(folder.glob("node[0-9]*")):
        for cpu in _cpu_list(entry / "cpulist"):
            found[cpu] = int(entry.name.removeprefix("node"))
    return found


def _kinds(sysfs: Path, cpus: Iterable[int]) -> dict[int, CoreKind]:
    """Performance or efficiency: as Intel's hybrid chips list them, else by capacity, else by top frequency."""
    cpus = list(cpus)
    small = _cpu_list(sysfs / "devices/cpu_atom/cpus") | _cpu_list(sysfs / "devices/cpu_lowpower/cpus")
    if small:
        return {cpu: CoreKind.EFFICIENCY if cpu in small else CoreKind.PERFORMANCE for cpu in cpus}
    for name in ("cpu_capacity", "cpufreq/cpuinfo_max_freq"):
        strength = {cpu: _number(sysfs / f"devices/system/cpu/cpu{cpu}/{name}") for cpu in cpus}
        best = max(strength.values(), default=0)
        if best > 0 and all(strength.values()):
            return {
                cpu: CoreKind.EFFICIENCY if value < _LITTLE * best else CoreKind.PERFORMANCE
                for cpu, value in strength.items()
            }
    return dict.fromkeys(cpus, CoreKind.PERFORMANCE)


def _cpu_list(path: Path) -> set[int]:
    """`0-3,8` as the kernel writes it. Empty for a file that is not there or says something else."""
    found: set[int] = set()
    try:
        for part in path.read_text().strip().split(","):
            if part:
                first, _, last = part.partition("-")
                found |= set(range(int(first), int(last or first) + 1))
    except (OSError, ValueError):
        return set()
    return found


def _number(path: Path) -> int:
    """A number, 0 where there is none (the kernel writes -1 for an unknown package)."""
    try:
        return max(0, int(path.read_text()))
    except (OSError, ValueError):
        return 0
