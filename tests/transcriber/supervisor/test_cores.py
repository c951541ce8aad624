"""Machines described by files: what a slot may take of them."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from archivist_transcriber.supervisor.cores import Core, CoreKind, Topology, discover, plan_slots

GIB = 1024**3
Machine = Callable[[Mapping[str, object]], Path]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    def build(files: Mapping[str, object]) -> Path:
        for name, text in files.items():
            path = tmp_path / "sys/devices" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{text}\n")
        return tmp_path / "sys"

    return build


def cpu(number: int, siblings: str, package: int = 0) -> dict[str, object]:
    folder = f"system/cpu/cpu{number}/topology"
    return {f"{folder}/thread_siblings_list": siblings, f"{folder}/physical_package_id": package}


def small_vm() -> dict[str, object]:
    return {"system/cpu/online": "0-1", "system/node/node0/cpulist": "0-1", **cpu(0, "0"), **cpu(1, "1")}


def server() -> dict[str, object]:
    """Two sockets, two nodes, four cores each, two threads a core: cpu n and n+8 are siblings."""
    files: dict[str, object] = {
        "system/cpu/online": "0-15",
        "system/node/node0/cpulist": "0-3,8-11",
        "system/node/node1/cpulist": "4-7,12-15",
    }
    for n in range(16):
        files |= cpu(n, f"{n % 8},{n % 8 + 8}", package=n % 8 // 4)
    return files


def laptop() -> dict[str, object]:
    """Two performance cores with two threads, four efficiency cores."""
    files: dict[str, object] = {"system/cpu/online": "0-7", "cpu_core/cpus": "0-3", "cpu_atom/cpus": "4-7"}
    for n in range(4):
        files |= cpu(n, f"{n // 2 * 2}-{n // 2 * 2 + 1}")
    for n in range(4, 8):
        files |= cpu(n, str(n))
    return files


def test_a_small_vm_gives_each_of_two_slots_a_core(machine: Machine) -> None:
    topology = discover(machine(small_vm()), {0, 1})
    assert [core.cpus for core in topology.cores] == [(0,), (1,)]
    assert [(plan.cpus, plan.threads) for plan in plan_slots(topology, None, 24 * GIB)] == [((0,), 1), ((1,), 1)]


def test_siblings_of_a_core_stay_together_and_count_as_one_thread(machine: Machine) -> None:
    topology = discover(machine(server()), range(16))
    assert [core.cpus for core in topology.cores][:2] == [(0, 8), (1, 9)]
    plans = plan_slots(topology, 8, 64 * GIB)
    assert [plan.threads for plan in plans] == [1] * 8
    assert plans[0].cpus == (0, 8)


@pytest.mark.parametrize("count", [2, 3, 4, 5, 6, 8])
def test_a_slot_stays_on_one_numa_node(machine: Machine, count: int) -> None:
    topology = discover(machine(server()), range(16))
    nodes = {cpu: core.node for core in topology.cores for cpu in core.cpus}
    for plan in plan_slots(topology, count, 64 * GIB):
        assert {nodes[cpu] for cpu in plan.cpus} == {plan.node}


def test_one_slot_takes_a_whole_machine_of_two_nodes(machine: Machine) -> None:
    (plan,) = plan_slots(discover(machine(server()), range(16)), 1, 64 * GIB)
    assert plan.cpus == tuple(range(16))
    assert plan.threads == 8


@pytest.mark.parametrize(
    ("memory", "slots"),
    [
        pytest.param(8 * GIB, 2, id="8-gb"),
        pytest.param(16 * GIB, 4, id="16-gb"),
        pytest.param(32 * GIB, 6, id="32-gb"),
        pytest.param(512 * GIB, 6, id="512-gb"),
    ],
)
def test_memory_caps_the_slots_and_no_core_is_left_unused(machine: Machine, memory: int, slots: int) -> None:
    topology = discover(machine(server()), range(16))
    plans = plan_slots(topology, None, memory)
    assert len(plans) == slots
    assert sorted(cpu for plan in plans for cpu in plan.cpus) == list(range(16))


@pytest.mark.parametrize("count", range(1, 12))
@pytest.mark.parametrize("make", [small_vm, server, laptop], ids=["vm", "server", "laptop"])
def test_slots_are_disjoint_whole_cores_and_never_more_than_cores(
    machine: Machine, make: Callable[[], dict[str, object]], count: int
) -> None:
    topology = discover(machine(make()), range(16))
    plans = plan_slots(topology, count, 64 * GIB)
    assert len(plans) == min(count, len(topology.cores))
    assert tuple(sorted(cpu for plan in plans for cpu in plan.cpus)) == topology.cpus
    for core in topology.cores:
        assert sum(set(core.cpus) <= set(plan.cpus) for plan in plans) == 1


def test_performance_cores_come_first_and_do_not_mix_with_efficiency_cores(machine: Machine) -> None:
    topology = discover(machine(laptop()), range(8))
    assert [core.kind for core in topology.cores] == [CoreKind.PERFORMANCE] * 2 + [CoreKind.EFFICIENCY] * 4
    plans = plan_slots(topology, 2, 8 * GIB)
    assert [(plan.cpus, plan.kind) for plan in plans] == [
        ((0, 1, 2, 3), CoreKind.PERFORMANCE),
        ((4, 5, 6, 7), CoreKind.EFFICIENCY),
    ]


@pytest.mark.parametrize(
    ("file", "values"),
    [
        pytest.param("cpu_capacity", (1024, 1024, 446, 446), id="arm-capacity"),
        pytest.param("cpufreq/cpuinfo_max_freq", (5_000_000, 5_100_000, 3_800_000, 3_800_000), id="frequency"),
    ],
)
def test_efficiency_cores_show_in_capacity_or_frequency(machine: Machine, file: str, values: tuple[int, ...]) -> None:
    files: dict[str, object] = {"system/cpu/online": "0-3"}
    for n, value in enumerate(values):
        files |= {**cpu(n, str(n)), f"system/cpu/cpu{n}/{file}": value}
    kinds = {core.cpus[0]: core.kind for core in discover(machine(files), range(4)).cores}
    assert kinds == {0: CoreKind.PERFORMANCE, 1: CoreKind.PERFORMANCE, 2: CoreKind.EFFICIENCY, 3: CoreKind.EFFICIENCY}


def test_processors_that_are_offline_are_left_out(machine: Machine) -> None:
    files = server() | {"system/cpu/online": "0-6,8-15"}
    assert (15,) in [core.cpus for core in discover(machine(files), range(16)).cores]


def test_a_container_sees_only_its_cpuset(machine: Machine) -> None:
    topology = discover(machine(server()), {2, 10, 5})
    assert topology.cores == (Core((2, 10), 0, 0), Core((5,), 1, 1))


def test_without_any_file_each_processor_is_a_core(tmp_path: Path) -> None:
    assert discover(tmp_path, {3, 1}).cores == (Core((1,), 0, 0), Core((3,), 0, 0))


def test_nonsense_in_a_file_is_as_good_as_no_file(machine: Machine) -> None:
    files = small_vm() | cpu(0, "what?", package=-1) | {"system/node/node0/cpulist": "0-x"}
    assert discover(machine(files), {0, 1}).cores == (Core((0,), 0, 0), Core((1,), 0, 0))


def test_this_machine_can_be_read() -> None:
    topology = discover()
    assert topology.cores
    assert plan_slots(topology, None, 8 * GIB)


def test_no_core_no_slot() -> None:
    assert plan_slots(Topology(()), 3, GIB) == ()
