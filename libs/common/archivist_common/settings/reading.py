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
        sys.stderr.writelines(f"{line}\n" for line in faults(exc))
        sys.exit(2)


def faults(refused: ValidationError) -> list[str]:
    """A line for each setting that is wrong or missing, its variable named."""
    lines = list[str]()
    for error in refused.errors():
        name = "_".join(str(part) for part in error["loc"]).upper()
        said = error["msg"].removeprefix("Value error, ")
        lines += [f"{name}: {said}"] if name else said.splitlines()
    return lines
