"""Text as PostgreSQL can store it."""

import re

_UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")  # what PostgreSQL refuses in text and JSON
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def storable(text: str) -> str:
    """The text with NUL and halves of surrogates, as broken file names have them, replaced."""
    return _UNSTORABLE.sub(_REPLACEMENT, text)
