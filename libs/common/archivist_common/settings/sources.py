"""Where settings come from: the environment, then `.env`; and by which of its names each was given."""

from collections.abc import Mapping, Sequence

from pydantic import AliasChoices
from pydantic_settings import BaseSettings, DotEnvSettingsSource, EnvSettingsSource

Sources = Sequence[Mapping[str, str | None]]
"""What was given, by lower-case name; what an earlier one has counts. Empty values are not in it."""


def sources(cls: type[BaseSettings]) -> Sources:
    """What this process was given: its environment, and its `.env`."""
    return EnvSettingsSource(cls).env_vars, DotEnvSettingsSource(cls).env_vars


def names(cls: type[BaseSettings], field: str) -> tuple[str, ...]:
    """The names of a setting, in upper case; of two in one source the first counts."""
    alias = cls.model_fields[field].validation_alias
    return tuple(map(str, alias.choices)) if isinstance(alias, AliasChoices) else (field.upper(),)


def given_names(cls: type[BaseSettings], field: str, given: Sources) -> list[tuple[str, str]]:
    """The names by which a setting was given, with their values; the first one counts."""
    found: dict[str, str] = {}
    for source in given:
        for name in names(cls, field):
            value = source.get(name.lower())
            if value is not None:
                found.setdefault(name, value)
    return list(found.items())
