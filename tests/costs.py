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


_NAMES = {"Simulator": "process", "PublisherProcess": "process", "Postgres": "db", "Valkey": "db"}
"""What a module that imports one of these may start by itself."""


def of(path: str, fixtures: Set[str], names: Set[str] = frozenset()) -> str:
    """The cost of a test in a file of this path, from the root. names: of its module, imported or its own."""
    found = {cost for folder, cost in _FOLDERS.items() if path.startswith(folder)}
    found |= {cost for fixture, cost in _FIXTURES.items() if fixture in fixtures}
    found |= {cost for name, cost in _NAMES.items() if name in names}
    return next((cost for cost in ORDER if cost in found), "unit")


def mark(item: pytest.Item) -> str:
    """Give a test its mark. Raises pytest.UsageError for one that has two of its own."""
    own = {one.name for one in item.iter_markers() if one.name in ORDER}
    if len(own) > 1:
        raise pytest.UsageError(f"{item.nodeid} is marked {' and '.join(sorted(own))}: a test has one cost")
    if own:
        return own.pop()
    names = vars(getattr(item, "module", None) or object).keys()
    cost = of(item.nodeid.split("::")[0], set(getattr(item, "fixturenames", ())), names)
    item.add_marker(cost)
    return cost
