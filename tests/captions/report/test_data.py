"""The report on a file, by the four criteria."""

import json
from collections.abc import Sequence
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

import pytest

from archivist_bench.caption_trials import hazards
from archivist_captions.cea608.encoder import encode
from archivist_captions.cea608.options import SccOptions
from archivist_captions.cea608.verifier import play
from archivist_captions.cue import Captions, Cue, Italic, Word
from archivist_captions.report.data import Report, percentile, report
from archivist_captions.report.page import page
from archivist_captions.report.preview import as_svg, as_text, screen_at, strip_svg
from archivist_captions.report.schema import REPORT

_CUES = (Cue(0, 2_000, ("Thank you 👍 all",)), Cue(5_000, 6_000, ("Ten – twelve cups cost €5 each today.",)))
_CAPTIONS = Captions(_CUES, (Word(0, 500, "Thank", 0.3), Word(500, 900, "you", 0.9)))


def test_report_counts_what_happened() -> None:
    encoded = encode(_CUES)
    made = report(_CAPTIONS, encoded.text, notes=encoded.notes)
    assert made.releasable
    assert (made.cues, made.words_in, made.words_out) == (2, 12, 11)
    assert made.unsure_words == 1
    assert made.transliterated == (("–", "-", 1), ("€", "EUR", 1))
    assert made.removed == (("👍", 1),)
    assert made.start_errors[0] > 1
    assert made.start_errors[1] == 0
    assert [timing.cue for timing in made.late] == [0]
    assert made.fast_cues == 1
    data = json.loads(json.dumps(made.as_dict()))
    assert data["completeness"] == {"words_in": 12, "words_out": 11, "unheard_ms": 0, "unheard": []}
    assert data["synchrony"]["late"][0]["frames"] == made.start_errors[0]


def test_the_page_labels_its_screens_as_the_file_does() -> None:
    cues = (Cue(120_000, 122_000, ("Aye.",)),)
    for drop_frame, label in ((True, "00:01:59;28"), (False, "00:01:59:26")):
        options = SccOptions(drop_frame=drop_frame)
        made = page(report(Captions(cues), encode(cues, options).text, options))
        assert f">{label}</text>" in made


def test_a_file_that_is_not_these_captions_is_not_releasable() -> None:
    made = report(_CAPTIONS, encode(_CUES[:1]).text)
    assert not made.releasable
    assert made.as_dict()["findings"][0]["rule"] == "text-missing"


def test_a_report_on_nothing() -> None:
    made = report(Captions(()), "Scenarist_SCC V1.0\n\n")
    assert made.releasable
    assert made.as_dict()["synchrony"]["start_error_frames_max"] == 0


@pytest.mark.parametrize(("percent", "value"), [(50, 5), (95, 10), (100, 10), (0, 1)])
def test_percentile_is_the_nearest_rank(percent: int, value: int) -> None:
    assert percentile(range(1, 11), percent) == value


def _made(cues: Sequence[Cue], options: SccOptions | None = None, title: str = "") -> Report:
    encoded = encode(cues, options)
    return report(Captions(tuple(cues), title=title), encoded.text, options, encoded.notes)


def test_words_that_roll_up_are_counted_once() -> None:
    cues = [Cue(2_000, 4_000, ("One two",)), Cue(4_000, 6_000, ("three.",))]
    assert _made(cues, SccOptions(mode="roll-up")).words_out == 3


def _conforms(value: Any, schema: dict[str, Any], where: str = "report") -> None:
    """The part of JSON Schema that the report's schema uses."""
    if "const" in schema:
        assert value == schema["const"], where
    if "enum" in schema:
        assert value in schema["enum"], where
    kinds: dict[str, Any] = {"integer": int, "number": (int, float), "string": str, "boolean": bool}
    kinds |= {"array": list, "object": dict}
    kinds["null"] = type(None)
    if "type" in schema:
        names = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        assert any(isinstance(value, kinds[name]) for name in names), (where, value)
    if "minimum" in schema:
        assert value >= schema["minimum"], where
    if isinstance(value, list):
        for item in value:
            _conforms(item, schema["items"], where + "[]")
    if isinstance(value, dict):
        assert set(schema.get("required", ())) <= set(value), where
        rest = schema.get("additionalProperties")
        for key, item in value.items():
            inner = schema.get("properties", {}).get(key, rest)
            assert isinstance(inner, dict), f"{where}.{key} is not in the schema"
            _conforms(item, inner, f"{where}.{key}")


@pytest.mark.parametrize("cues", [list(_CUES), hazards(), []], ids=["two", "hazards", "none"])
def test_the_report_is_as_its_schema_says(cues: list[Cue]) -> None:
    _conforms(json.loads(json.dumps(_made(cues).as_dict())), REPORT)
    _conforms(report(_CAPTIONS, encode(_CUES[:1]).text).as_dict(), REPORT)


class _Tags(HTMLParser):
    """Fails on a tag that is closed and was not open."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in {"meta", "rect"}:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag == "rect"

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_the_page_shows_the_four_criteria_and_every_screen() -> None:
    html = page(_made(hazards(), title="<Council> & Clerk"))
    tags = _Tags()
    tags.feed(html)
    assert tags.open == []
    text = " ".join(tags.text)
    for heading in ("Accuracy", "Synchrony", "Completeness", "Placement", "Findings", "Screens"):
        assert heading in text
    assert "<Council> & Clerk" in text
    assert "may be released" in text
    assert "<script" not in html
    assert "Past an hour." in text


def test_a_bad_file_is_called_so_on_its_page() -> None:
    html = page(report(_CAPTIONS, encode(_CUES[:1]).text))
    assert "not released" in html
    assert "every word is shown, in order" in html


def test_what_is_on_screen_at_a_moment() -> None:
    cues = [Cue(2_000, 4_000, ("One", "two")), Cue(6_000, 8_000, ("Three",), top=True, italics=(Italic(0, 0, 5),))]
    screens = play(encode(cues).text).screens
    assert screen_at(screens, 59) is None
    assert screen_at(screens, 60) is screen_at(screens, 119) is screens[0]
    assert screen_at(screens, 120) is None
    assert as_text(screens[0]) == "\n" * 13 + " " * 14 + "One\n" + " " * 14 + "two"
    assert as_text(screens[1]) == " " * 13 + "Three" + "\n" * 14
    assert as_text(None) == "\n" * 14
    assert '<tspan class="i">Three</tspan>' in as_svg(screens[1])


def test_pictures_are_well_formed() -> None:
    screens = play(encode(hazards()).text).screens
    for svg in (as_svg(None), as_svg(screens[3]), strip_svg([("<&>", screen) for screen in screens]), strip_svg([])):
        ElementTree.fromstring(svg)
