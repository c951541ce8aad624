"""What each of our processes is told: the settings it reads, and none that only another one reads.

So a password stands in the environment of the one process that uses it: Cablecast's in the publisher's, the key that
signs tokens in the gateway's.
"""

from collections.abc import Mapping
from functools import cache

from pydantic import AliasChoices

from archivist_common.settings import (
    ApiSettings,
    CommonSettings,
    MonitorSettings,
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


@cache
def every_name() -> frozenset[str]:
    """Every setting of every process, in upper case, by all its names."""
    return frozenset[str]().union(*map(names, _READ_BY.values()))


@cache
def names(cls: type[CommonSettings]) -> frozenset[str]:
    """The settings that a process reads, in upper case, by their old names too."""
    found = set()
    for name, field in cls.model_fields.items():
        alias = field.validation_alias
        if isinstance(alias, AliasChoices):
            found |= {str(choice).upper() for choice in alias.choices}
        else:
            found.add(name.upper())
    return frozenset(found)
