"""Reading an answer's body: the envelope a Cablecast server promises, or why it is not there."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]
Reader = Callable[[bytes], Json]


@dataclass(frozen=True, slots=True)
class Root:
    """What an answer's envelope has to hold: `name`, spelt with any case, and below it an object or a list.

    name: None for a document without an envelope. kind: `object` for anything but null.
    """

    name: str | None
    kind: type
    with_id: bool = False


def reader(root: Root | None) -> Reader:
    """What reads a body. Without a root nothing is promised of the answer but that it is no page for people."""

    def read(data: bytes) -> Json:
        text = data.decode("utf-8-sig")
        if text.lstrip().startswith("<"):
            raise ValueError("it is a page, not JSON")
        if root is None:
            return _loose(text)
        document = json.loads(text)
        if not isinstance(document, dict):
            raise ValueError("it is no object")
        return document if root.name is None else _enveloped(document, root.name, root)

    return read


def _enveloped(document: Json, name: str, root: Root) -> Json:
    """The document with its root under `name`."""
    found = next((key for key in document if key.lower() == name.lower()), name)
    value: Any = document.pop(found, None)
    if value is None or not issubclass(type(value), root.kind):
        raise ValueError(f"it holds no {name!r}")
    if root.kind is list and not all(isinstance(row, dict) for row in value):
        raise ValueError(f"{name!r} holds what is no object")
    if root.with_id and type(value.get("id")) is not int:
        raise ValueError(f"{name!r} has no id")
    return {**document, name: value}


def _loose(text: str) -> Json:
    try:
        document = json.loads(text)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def why(exc: Exception) -> str:
    """What is wrong with a body that a reader did not take."""
    if isinstance(exc, UnicodeDecodeError):
        return "it is not UTF-8"
    if isinstance(exc, (json.JSONDecodeError, RecursionError)):
        return "it is not whole JSON"
    return str(exc)
