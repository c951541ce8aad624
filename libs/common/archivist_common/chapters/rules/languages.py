"""The languages in which meetings have chapters, by their codes (ISO 639-1). Pure."""

from collections.abc import Mapping
from types import MappingProxyType

from archivist_common.chapters.phrases import Language
from archivist_common.chapters.rules.en import ENGLISH
from archivist_common.chapters.rules.es import SPANISH

LANGUAGES: Mapping[str, Language] = MappingProxyType({"en": ENGLISH, "es": SPANISH})
