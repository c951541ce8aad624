"""ttconv's model, walked: an independent reader that knows nothing of us."""

from collections.abc import Iterator
from typing import Any

import ttconv.model


def paragraphs_of(element: Any) -> Iterator[Any]:
    if isinstance(element, ttconv.model.P):
        yield element
    else:
        for child in element:
            yield from paragraphs_of(child)


def text_of_model(element: Any) -> str:
    if isinstance(element, ttconv.model.Text):
        return str(element.get_text())
    if isinstance(element, ttconv.model.Br):
        return "\n"
    return "".join(text_of_model(child) for child in element)
