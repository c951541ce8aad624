"""Settings of the monitor."""

from datetime import timedelta

from pydantic import Field

from archivist_common.settings.common import CommonSettings
from archivist_common.settings.parsing import Seconds


class MonitorSettings(CommonSettings):
    """Health checks."""

    monitor_host: str = "127.0.0.1"
    monitor_port: int = Field(default=8003, ge=0, le=65_535)
    check_interval: Seconds = timedelta(seconds=10)
    """How often every check runs; the report says each one's age."""
