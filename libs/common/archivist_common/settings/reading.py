"""Reads a process's settings at its start."""

import sys
from typing import Any, TypeVar

from pydantic import ValidationError

from archivist_common.settings.common import CommonSettings

SettingsT = TypeVar("SettingsT", bound=CommonSettings)


def read(cls: type[SettingsT], **given: Any) -> SettingsT:
    """The settings of this process; exits with a line for each that is wrong or missing."""
    try:
        return cls(**given)
    except ValidationError as exc:
        for error in exc.errors():
            name = "_".join(str(part) for part in error["loc"]).upper() or "settings"
            sys.stderr.write(f"{name}: {error['msg']}\n")
        sys.exit(2)
