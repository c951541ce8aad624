"""The environment of each of our processes: the settings it reads, and none that only another one reads.

So a password is in the environment of the one process that uses it: Cablecast's in the publisher's, the key that
signs tokens in the gateway's.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

from pydantic import AliasChoices

from archivist_common.settings import (
    ApiSettings,
    CommonSettings,
    MonitorSettings,
    SettingsT,
    TranscriberSettings,
    VodSettings,
)

_READ_BY: Mapping[str, type[CommonSettings]] = {
    "api": ApiSettings,
    "transcriber": TranscriberSettings,
    "vod": VodSettings,
    "monitor": MonitorSettings,
    "migrate": CommonSettings,
}


def told(process: str, environment: Mapping[str, str]) -> dict[str, str]:
    """This environment without what only other processes read. What is no setting at all is kept."""
    others = every_name() - names(_READ_BY[process])
    return {name: value for name, value in environment.items() if name.upper() not in others}


def read(cls: type[SettingsT], settings: Mapping[str, str], **more: str) -> SettingsT:
    """The settings as a process with these variables reads them. Raises ValidationError for what is no such value."""
    given: dict[str, Any] = {}
    for name, value in {**settings, **more}.items():
        if value:
            given[name.upper() if name.upper() in _aliases(cls) else name.lower()] = value
    return cls(_env_file=None, **given)


@cache
def every_name() -> frozenset[str]:
    """Every setting of every process, in upper case, by all its names."""
    return frozenset[str]().union(*map(names, _READ_BY.values()))


@cache
def names(cls: type[CommonSettings]) -> frozenset[str]:
    """The settings that a process reads, in upper case, by their old names too."""
    plain = {name.upper() for name, field in cls.model_fields.items() if field.validation_alias is None}
    return _aliases(cls) | plain


@cache
def _aliases(cls: type[CommonSettings]) -> frozenset[str]:
    """The names of those settings that go by several."""
    several = [field.validation_alias for field in cls.model_fields.values()]
    return frozenset(str(one) for alias in several if isinstance(alias, AliasChoices) for one in alias.choices)
