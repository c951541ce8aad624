"""Words and cues as JSON: everything Archivist knows of a programme's speech, to read back without loss."""

import json
from typing import Any

from archivist_captions.cue import Captions, Cue, Italic, Word
from archivist_captions.errors import CannotRead
from archivist_captions.formats.reading import MOST_BYTES, RawCue, Reading, cues_of

FORMAT = "archivist-captions"
VERSION = 1
_MOST_SECONDS = 360_000_000


def write(captions: Captions) -> bytes:
    """UTF-8 JSON with times in integer milliseconds; confidence and speaker are null where unknown."""
    document = {
        "format": FORMAT,
        "version": VERSION,
        "title": captions.title,
        "language": captions.language,
        "words": [
            {
                "start_ms": word.start_ms,
                "end_ms": word.end_ms,
                "text": word.text,
                "confidence": word.confidence,
                "speaker": word.speaker,
            }
            for word in captions.words
        ],
        "cues": [_cue_item(cue) for cue in captions.cues],
    }
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n"
    return text.encode("utf-8", "backslashreplace")  # half a surrogate pair as JSON writes it


def read(data: bytes) -> Captions:
    """The captions of `reading`, without its notes."""
    return reading(data).captions


def reading(data: bytes) -> Reading:
    """What `write` wrote, or a list of `{"start": s, "end": s, "text": "…"}` with seconds, as many tools write.

    Raises CannotRead, naming the entry, for anything else.
    """
    if len(data) > MOST_BYTES:
        raise CannotRead(f"{len(data)} bytes is more than a day of captions")
    try:
        document = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as exc:
        raise CannotRead(f"not JSON in UTF-8: {exc}") from exc
    if isinstance(document, list):
        cues, notes = cues_of(_seconds(index, item) for index, item in enumerate(document))
        return Reading(Captions(cues), tuple(notes))
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise CannotRead(f'not captions: no "format": "{FORMAT}"')
    if document.get("version") != VERSION:
        raise CannotRead(f"captions of version {document.get('version')!r}; this reads version {VERSION}")
    return Reading(
        Captions(
            cues=tuple(_cue(index, item) for index, item in enumerate(_list(document, "cues"))),
            words=tuple(_word(index, item) for index, item in enumerate(_list(document, "words"))),
            language=_text(document, "language", "document"),
            title=_text(document, "title", "document"),
        )
    )


def _cue_item(cue: Cue) -> dict[str, Any]:
    item: dict[str, Any] = {"start_ms": cue.start_ms, "end_ms": cue.end_ms, "lines": list(cue.lines)}
    if cue.top:
        item["top"] = True
    if cue.italics:
        item["italics"] = [[italic.line, italic.start, italic.end] for italic in cue.italics]
    return item


def _seconds(index: int, item: Any) -> RawCue:
    where = f"entry {index + 1}"
    if not isinstance(item, dict):
        raise CannotRead(f"{where}: not an object")
    times = []
    for key in ("start", "end"):
        value = item.get(key)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < _MOST_SECONDS:
            raise CannotRead(f"{where}: {key!r} is seconds from zero")
        times.append(round(value * 1_000))
    lines = _text(item, "text", where).splitlines()
    return RawCue(times[0], times[1], tuple(" ".join(line.split()) for line in lines if line.strip()), where)


def _italics(item: dict[str, Any], where: str) -> tuple[Italic, ...]:
    spans = item.get("italics", [])
    for span in spans if isinstance(spans, list) else [None]:
        if not isinstance(span, list) or len(span) != 3 or any(type(value) is not int for value in span):
            raise CannotRead(f"{where}: italics are lists of three integers")
    return tuple(Italic(*span) for span in spans)


def _cue(index: int, item: Any) -> Cue:
    where = f"cue {index + 1}"
    lines = _list(item, "lines") if isinstance(item, dict) else []
    if not all(isinstance(line, str) for line in lines):
        raise CannotRead(f"{where}: lines are text")
    try:
        start, end = _whole(item, "start_ms", where), _whole(item, "end_ms", where)
        return Cue(start, end, tuple(lines), item.get("top") is True, _italics(item, where))
    except ValueError as exc:
        raise CannotRead(f"{where}: {exc}") from exc


def _word(index: int, item: Any) -> Word:
    where = f"word {index + 1}"
    start, end = _whole(item, "start_ms", where), _whole(item, "end_ms", where)
    confidence, speaker = item.get("confidence"), item.get("speaker")
    if confidence is not None and (isinstance(confidence, bool) or not isinstance(confidence, int | float)):
        raise CannotRead(f"{where}: confidence is a number or null")
    if speaker is not None and not isinstance(speaker, str):
        raise CannotRead(f"{where}: speaker is text or null")
    try:
        return Word(start, end, _text(item, "text", where), confidence, speaker)
    except ValueError as exc:
        raise CannotRead(f"{where}: {exc}") from exc


def _list(item: dict[str, Any], key: str) -> list[Any]:
    value = item.get(key)
    if not isinstance(value, list):
        raise CannotRead(f"{key!r} is a list")
    return value


def _text(item: dict[str, Any], key: str, where: str) -> str:
    value = item.get(key)
    if not isinstance(value, str):
        raise CannotRead(f"{where}: {key!r} is text")
    return value


def _whole(item: Any, key: str, where: str) -> int:
    value = item.get(key) if isinstance(item, dict) else None
    if isinstance(value, bool) or not isinstance(value, int):
        raise CannotRead(f"{where}: {key!r} is an integer of milliseconds")
    return value
