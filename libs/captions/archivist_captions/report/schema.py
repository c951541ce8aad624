"""The report as JSON Schema (2020-12), for programs that read it."""

from typing import Any

from archivist_captions.cea608.verifier import RULES
from archivist_captions.notes import NoteKind
from archivist_captions.report.data import SCHEMA_VERSION

_COUNT = {"type": "integer", "minimum": 0}
_TEXT = {"type": "string"}
_FRAMES = {"type": "integer", "description": "of 1001/30000 s; positive is late"}
_SPEED = {"type": "number", "minimum": 0, "description": "characters a second"}


def _object(**properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _list(item: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": item}


REPORT: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Caption report",
    **_object(
        schema={"const": SCHEMA_VERSION},
        releasable={"type": "boolean", "description": "no finding is an error"},
        profile=_TEXT,
        cues=_COUNT,
        accuracy=_object(
            unsure_words=_COUNT,
            unsure=_list(_object(start_ms=_COUNT, text=_TEXT, confidence={"type": "number"})),
            transliterated=_list(_object(wanted=_TEXT, shown=_TEXT, times=_COUNT)),
            removed=_list(_object(wanted=_TEXT, times=_COUNT)),
        ),
        synchrony=_object(
            start_error_frames_p50=_COUNT,
            start_error_frames_p95=_COUNT,
            start_error_frames_max=_COUNT,
            late=_list(
                _object(
                    cue={**_COUNT, "description": "index of the cue"},
                    shown={**_COUNT, "description": "frame at which it is shown"},
                    frames=_FRAMES,
                    joined={"type": "boolean"},
                    row={"type": ["integer", "null"]},
                )
            ),
        ),
        completeness=_object(
            words_in={**_COUNT, "description": "of the cues: words that the engine or the caption file gave"},
            words_out={**_COUNT, "description": "decoded from the SCC; tells of the layout alone"},
            unheard_ms={**_COUNT, "description": "speech that the engine left without words"},
            unheard=_list(_object(start_ms=_COUNT, end_ms=_COUNT)),
        ),
        placement=_object(
            screens_by_rows={"type": "object", "additionalProperties": _COUNT, "description": "rows to screens"},
            top_cues=_COUNT,
        ),
        reading_speed_cps=_object(p50=_SPEED, p95=_SPEED, over_warning=_COUNT),
        findings=_list(
            _object(
                rule={"enum": sorted(RULES)},
                line={**_COUNT, "description": "line of the file from 1; 0 is the whole file"},
                message=_TEXT,
                frame={"type": ["integer", "null"]},
                severity={"enum": ["error", "warning"]},
            )
        ),
        notes=_list(
            _object(
                kind={"enum": sorted(kind.value for kind in NoteKind)},
                cue={"type": "integer", "minimum": -1, "description": "index of the cue; -1 is the whole file"},
                detail=_TEXT,
                frames=_FRAMES,
            )
        ),
    ),
}
