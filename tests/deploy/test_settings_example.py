"""`.env.example` and the settings classes tell the same story."""

import re
from pathlib import Path

import pytest
from dotenv import dotenv_values
from pydantic import AliasChoices

from archivist_common.settings import ApiSettings, CommonSettings, MonitorSettings, TranscriberSettings, VodSettings

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / ".env.example"
CLASSES = (ApiSettings, TranscriberSettings, VodSettings, MonitorSettings)
_LINE = re.compile(r"^#?([A-Z][A-Z0-9_]*)=(.*)$")
_COMPOSE = "docker-compose.yml only"


def _entries() -> dict[str, tuple[str, str]]:
    """Name -> (value, the comment line above it), in the order of the file."""
    found = {}
    lines = EXAMPLE.read_text().splitlines()
    for above, line in zip(["", *lines], lines, strict=False):
        if match := _LINE.match(line):
            assert match[1] not in found, f"{match[1]} stands there twice"
            found[match[1]] = (match[2], above)
    return found


def _of_compose() -> set[str]:
    section = EXAMPLE.read_text().partition(_COMPOSE)[2]
    return {match[1] for line in section.splitlines() if (match := _LINE.match(line))}


def _fields() -> set[str]:
    return {name.upper() for cls in CLASSES for name in cls.model_fields}


def _aliases() -> dict[str, str]:
    """Old name -> name."""
    found = {}
    for cls in CLASSES:
        for name, field in cls.model_fields.items():
            if isinstance(field.validation_alias, AliasChoices):
                found |= {str(alias): name.upper() for alias in field.validation_alias.choices}
    return {old: new for old, new in found.items() if old != new}


def test_every_setting_stands_in_the_example_and_nothing_else_does() -> None:
    assert set(_entries()) - _of_compose() == _fields()


def test_the_names_of_compose_are_those_its_file_uses() -> None:
    used = set(re.findall(r"(?<!\$)\$\{([A-Z_]+)", (ROOT / "docker-compose.yml").read_text()))
    assert used - _fields() == _of_compose()


def test_every_setting_has_one_line_that_says_what_it_is() -> None:
    for name, (_, above) in _entries().items():
        assert above.startswith("# "), f"{name} has no comment"
        assert not above.startswith("# ----"), f"{name} has no comment"


def test_old_names_are_told_beside_the_new_ones() -> None:
    entries = _entries()
    for old, name in _aliases().items():
        assert old in entries[name][1], f"{name} does not tell of {old}"


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_the_values_of_the_example_are_the_defaults(
    cls: type[CommonSettings], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in _entries():
        monkeypatch.delenv(name, raising=False)
    for alias in (
        "FLASK_ENV",
        "JWT_SECRET_KEY",
        "FLASK_SECRET_KEY",
        "CELERY_TASK_TIMEOUT",
        "CELERY_WORKER_CONCURRENCY",
    ):
        monkeypatch.delenv(alias, raising=False)
    written = tmp_path / ".env"
    written.write_text("".join(f"{name}={value}\n" for name, (value, _) in _entries().items()))
    needed = {"database_url": "postgresql://u:p@db/archivist", "secret_key": "0123456789abcdef" * 4}
    given = {name.upper(): value for name, value in needed.items() if name in cls.model_fields}
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    plain = cls(_env_file=None)  # type: ignore[call-arg]
    example = cls(_env_file=written)  # type: ignore[call-arg]
    assert example.model_dump() == plain.model_dump()


def test_a_copied_example_changes_nothing_and_holds_no_secret() -> None:
    """So that `cp .env.example .env` is safe, also for `archivist up`, which takes what is not empty."""
    assert {name: value for name, value in dotenv_values(EXAMPLE).items() if value} == {}
