"""The tree of errors, and the drawing of it."""

import re
from collections import Counter

from archivist_common import errors
from archivist_common.errors import ArchivistError, by_code

_LINE = re.compile(r"^(?P<branches>[│├└─ ]*)(?P<name>[A-Z]\w+)\s*(?P<words>.*)$")


def _classes(top: type[ArchivistError] = ArchivistError) -> list[type[ArchivistError]]:
    """The classes of errors.py; other modules and tests may hang their own below."""
    below = [
        leaf for child in top.__subclasses__() if child.__module__ == errors.__name__ for leaf in _classes(child)
    ]
    return [top, *below]


def _drawn() -> dict[str, tuple[str | None, str | None]]:
    """Name -> (parent, code) of every class the docstring draws; a line without a code has None."""
    drawn: dict[str, tuple[str | None, str | None]] = {}
    above: list[str] = []
    for line in (errors.__doc__ or "").splitlines()[1:]:
        if (match := _LINE.match(line)) is None:
            continue
        depth = len(match["branches"]) // 4
        above[depth:] = [match["name"]]
        code = match["words"] if re.fullmatch(r"[A-Z_]+", match["words"]) else None
        drawn[match["name"]] = (above[depth - 1] if depth else None, code)
    return drawn


def test_the_drawing_shows_every_class_below_its_parent() -> None:
    parents = {cls.__name__: cls.__bases__[0].__name__ for cls in _classes()}
    parents["ArchivistError"] = None  # type: ignore[assignment]
    assert {name: parent for name, (parent, _) in _drawn().items()} == parents


def test_the_drawing_gives_every_leaf_its_code() -> None:
    drawn = _drawn()
    for cls in _classes():
        code = drawn[cls.__name__][1]
        assert code == cls.code or (code is None and cls.__subclasses__()) or cls is ArchivistError


def test_every_class_has_a_code_of_its_own() -> None:
    assert [code for code, count in Counter(cls.code for cls in _classes()).items() if count > 1] == []


def test_a_code_that_crossed_a_pipe_leads_back_to_its_class() -> None:
    assert all(by_code(cls.code) is cls for cls in _classes())
    assert by_code("NEVER_HEARD_OF") is ArchivistError


def test_statuses_are_those_of_failures() -> None:
    assert all(400 <= cls.http_status <= 599 for cls in _classes())


def test_a_taken_public_name_is_a_conflict() -> None:
    error = errors.PublicNameTaken("x.scc")
    assert (error.code, error.http_status, error.retryable) == ("OUTPUT_EXISTS", 409, False)
