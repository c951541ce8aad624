"""Words and cues as JSON: everything Archivist knows of a programme's speech, to read back without loss."""

import json
from typing import Any

from archivist_captions.cue import Captions, Cue, Word
from archivist_captions.errors import CannotRead

FORMAT = "archivist-captions"
VERSION = 1


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
        "cues": [{"start_ms": cue.start_ms, "end_ms": cue.end_ms, "lines": list(cue.lines)} for cue in captions.cues],
    }
    return (json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n").encode()


def read(data: bytes) -> Captions:
    """What `write` wrote. Raises CannotRead, naming the entry, for anything else."""
    try:
        document = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as exc:
        raise CannotRead(f"not JSON in UTF-8: {exc}") from exc
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise CannotRead(f'not captions: no "format": "{FORMAT}"')
    if document.get("version") != VERSION:
        raise CannotRead(f"captions of version {document.get('version')!r}; this reads version {VERSION}")
    return Captions(
        cues=tuple(_cue(index, item) for index, item in enumerate(_list(document, "cues"))),
        words=tuple(_word(index, item) for index, item in enumerate(_list(document, "words"))),
        language=_text(document, "language", "document"),
        title=_text(document, "title", "document"),
    )


def _cue(index: int, item: Any) -> Cue:
    where = f"cue {index + 1}"
    lines = _list(item, "lines") if isinstance(item, dict) else []
    if not all(isinstance(line, str) for line in lines):
        raise CannotRead(f"{where}: lines are text")
    try:
        return Cue(_whole(item, "start_ms", where), _whole(item, "end_ms", where), tuple(lines))
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
