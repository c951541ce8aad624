"""What a test costs, as its mark, read from its folder and its fixtures; a mark of its own counts before.

`unit`: no server; `db`: PostgreSQL or Valkey; `process`: child processes of ours, a simulator or a speech model;
`e2e`: the whole system.
"""

from collections.abc import Set

import pytest

ORDER = ("e2e", "process", "db", "unit")
"""The dearest first, which is how they are run: of two processes side by side neither is left with a long one."""

_FOLDERS = {
    "tests/e2e/": "e2e",
    "tests/chaos/test_goals": "process",
    "tests/cli/local/": "process",
    "tests/bench/test_transcribe": "process",
    "tests/common/storage/test_client": "process",
    "tests/contract/test_engines": "process",
    "tests/simulators/": "process",
    "tests/transcriber/audio/": "process",
    "tests/transcriber/engines/": "process",
    "tests/vod/test_no_secret_is_logged": "process",
    "tests/vod/cablecast/test_probe": "process",
}
_FIXTURES = {
    "cablecast": "process",
    "faulty": "process",
    "place": "process",
    "scene": "process",
    "slot_for": "process",
    "stations": "process",
    "warmed": "process",
    "migrated_template": "db",
    "empty_database": "db",
    "redis_url": "db",
    "postgres": "db",
    "valkey": "db",
}


def of(path: str, fixtures: Set[str], *, has_simulator: bool = False) -> str:
    """The cost of a test in a file of this path, from the root. has_simulator: its module may start one itself."""
    found = {cost for folder, cost in _FOLDERS.items() if path.startswith(folder)}
    found |= {cost for fixture, cost in _FIXTURES.items() if fixture in fixtures}
    if has_simulator:
        found.add("process")
    return next((cost for cost in ORDER if cost in found), "unit")


def mark(item: pytest.Item) -> str:
    """Give a test its mark. Raises pytest.UsageError for one that has two of its own."""
    own = {one.name for one in item.iter_markers() if one.name in ORDER}
    if len(own) > 1:
        raise pytest.UsageError(f"{item.nodeid} is marked {' and '.join(sorted(own))}: a test has one cost")
    if own:
        return own.pop()
    has_simulator = hasattr(getattr(item, "module", None), "Simulator")
    fixtures = set(getattr(item, "fixturenames", ()))
    cost = of(item.nodeid.split("::")[0], fixtures, has_simulator=has_simulator)
    item.add_marker(cost)
    return cost
