"""docs/operations/publishing.md and the code tell the same story: every code, every setting, no more."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from pydantic import AliasChoices

from archivist_common.errors import NeedsPerson, PublishError
from archivist_common.settings import ApiSettings, MonitorSettings, TranscriberSettings, VodSettings

_ROOT = Path(__file__).parents[2]
_PAGE = (_ROOT / "docs/operations/publishing.md").read_text(encoding="utf-8")
_ROOMS = (
    *sorted((_ROOT / "services/vod/archivist_vod").rglob("*.py")),
    *sorted((_ROOT / "libs/common/archivist_common/publishing").glob("*.py")),
    _ROOT / "libs/common/archivist_common/chapters/detection.py",
)
_CODE = re.compile(r"[A-Z]+(?:_[A-Z]+)+")
_OTHERS = {"CERTIFICATE_VERIFY_FAILED"}  # OpenSSL's


def _settings() -> set[str]:
    found = set()
    for cls in (ApiSettings, TranscriberSettings, VodSettings, MonitorSettings):
        for name, field in cls.model_fields.items():
            found.add(name.upper())
            if isinstance(field.validation_alias, AliasChoices):
                found |= {str(choice) for choice in field.validation_alias.choices}
    return found


def _errors(of: type[PublishError] = PublishError) -> Iterator[str]:
    yield of.code
    for kind in of.__subclasses__():
        yield from _errors(kind)


def _in_code() -> set[str]:
    """Codes are the texts in the publisher's rooms that look like one; what follows a blank names its object."""
    found = {*_errors(), NeedsPerson.code}
    for path in _ROOMS:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and _CODE.fullmatch(node.value.strip()):
                found.add(node.value.strip())
    return found - _settings() - _OTHERS


def _in_page() -> set[str]:
    quoted = {name for code in re.findall(r"`([^`]+)`", _PAGE) for name in _CODE.findall(code)}
    return quoted - _settings()


def test_every_code_that_a_person_may_meet_is_explained_and_no_other() -> None:
    assert _in_code() == _in_page()


def test_every_code_has_a_row_or_a_paragraph_of_its_own() -> None:
    begun = set(re.findall(r"^(?:\| |- )?`([A-Z_]+)`", _PAGE, re.MULTILINE))
    begun |= {code for row in re.findall(r"^\| (`[^|]+)\|", _PAGE, re.MULTILINE) for code in _CODE.findall(row)}
    assert _in_code() - begun == set()


def test_every_setting_of_publishing_is_in_the_table_and_every_one_named_is_there() -> None:
    ours = {name.upper() for name in VodSettings.model_fields}
    wanted = {
        name
        for name in ours
        if name.startswith(("CABLECAST_", "VOD_", "PUBLISH_")) and name not in {"VOD_HOST", "VOD_PORT"}
    }
    rows = {code for row in re.findall(r"^\| (`[^|]+)\|", _PAGE, re.MULTILINE) for code in _CODE.findall(row)}
    assert wanted - rows == set()
    assert set(re.findall(r"`([A-Z_]+)=", _PAGE)) <= _settings()


def test_every_link_within_the_page_leads_somewhere() -> None:
    headings = re.findall(r"^#+ (.+)$", _PAGE, re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    assert set(re.findall(r"\]\(#([^)]+)\)", _PAGE)) <= anchors
