"""What the checks are made from."""

from collections.abc import Callable
from pathlib import Path

import pytest

from archivist_common.settings import MonitorSettings


@pytest.fixture
def settings(tmp_path: Path, own_database: str, redis_url: str) -> Callable[..., MonitorSettings]:
    """Makes the monitor's settings: a database of the test's own, one folder of recordings, quick checks."""

    def make(**changes: object) -> MonitorSettings:
        for folder in ("media", "output"):
            (tmp_path / folder).mkdir(exist_ok=True)
        plain: dict[str, object] = {
            "database_url": own_database,
            "redis_url": redis_url,
            "flex_servers": f"media={tmp_path}/media+folder",
            "default_output_path": tmp_path / "output",
            "check_interval": "0.5",
            "storage_deadline": "2",
        }
        return MonitorSettings(_env_file=None, **plain | changes)  # type: ignore[call-arg, arg-type]

    return make
