"""The fields of every resource, and whether what a caller sends may be stored."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any


class Refused(Exception):
    """A request that this server does not accept, with the status and words of the answer."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


@dataclass(frozen=True, slots=True)
class Field:
    """One property. kind: int, num, bool, str, dt, ids or list. `fixed`: what a caller sends for it is passed over.

    `once`: writable when the object is made, fixed afterwards. `refers`: the collection its ids are of.
    """

    name: str
    kind: str
    default: Any = None
    fixed: bool = False
    once: bool = False
    required: bool = False
    nullable: bool = True
    most: int | None = None  # characters of a text
    least: int | None = None  # smallest number
    refers: str | None = None


_F = Field


def _all(kind: str, *names: str, default: Any = None, fixed: bool = False) -> tuple[Field, ...]:
    return tuple(Field(name, kind, default, fixed=fixed) for name in names)


FIELDS: dict[str, tuple[Field, ...]] = {
    "shows": (
        _F("location", "int", required=True, nullable=False, refers="locations"),
        _F("localId", "str", "", most=255),
        *_all("dt", "created", "modified", "lastModified", fixed=True),
        _F("title", "str", required=True, nullable=False, most=255),
        _F("cgTitle", "str", "", most=255),
        _F("comments", "str", ""),
        *_all("str", "bugText", "crawlText", default=""),
        _F("crawlLength", "int", 0, least=0),
        _F("category", "int", refers="categories"),
        _F("producer", "int", refers="producers"),
        _F("project", "int", refers="projects"),
        *_all("bool", "cgExempt", "liveIpExempt", "podcastExempt", default=False),
        *_all("int", "ageRating", "contentRating", default=0),
        *_all("dt", "eventDate", "killDateStart", "killDateEnd"),
        *_all("ids", "reels", "vods", "showFiles", "firstRuns", default=(), fixed=True),
        *_all("int", "runCount", "totalRunTime", default=0, fixed=True),
        *_all("str", *(f"custom{n}" for n in range(1, 9)), default=""),
        _F("customFields", "list", ()),
        _F("thumbnail", "int"),
        _F("thumbnailOptions", "ids", (), fixed=True),
        _F("thumbnailImage", "any", fixed=True),
        _F("showThumbnails", "ids", (), fixed=True),
        _F("thumbnailAltText", "str", ""),
        _F("hasCaptions", "bool", False, fixed=True),
        *_all("bool", "generateCaptions", "generateTranslations", "generateCaptionsSecondary", default=False),
        *_all("str", "captionLanguage", "captionProvider", "translationSourceLanguage", "translationLanguages"),
        *_all("str", "captionLanguageSecondary", "additionalCaptionLanguages", "secondaryAdditionalCaptionLanguages"),
        _F("captionVocabulary", "int"),
        _F("isOnReflectPlus", "bool", False, fixed=True),
        _F("showPriceSearch", "int"),
    ),
    "media": (
        _F("location", "int", required=True, nullable=False, refers="locations"),
        _F("format", "int", required=True, nullable=False, refers="formats"),
        _F("mediaName", "str", "", most=255),
        *_all("dt", "creationDate", "dispositionDate"),
        _F("disposition", "int", refers="dispositions"),
        *_all("int", "preAssignedDevice", "preAssignedDeviceSlot", "overrideAspectRatio", "networkStream"),
    ),
    "reels": (
        _F("show", "int", required=True, nullable=False, refers="shows"),
        _F("media", "int", required=True, nullable=False, refers="media"),
        _F("reelNumber", "int", 1, nullable=False, least=1),
        _F("cue", "int", 0, nullable=False, least=0),
        _F("length", "int", 0, nullable=False, least=0),
        *_all("int", "chapter", "title", "secondaryAudioProgramming", "audioPrograms"),
        _F("userFileName", "str", most=255),
        _F("assetReelLinks", "ids", (), fixed=True),
        _F("playbackAsset", "int", fixed=True),
        *_all("bool", "hasValidFile", "hasInvalidFile", "hasProcessingFile", default=False, fixed=True),
    ),
    "vods": (
        _F("show", "int", required=True, nullable=False, once=True, refers="shows"),
        _F("vodConfiguration", "int", required=True, nullable=False, once=True, refers="vodconfigurations"),
        _F("quality", "int", refers="vodtranscodequalities"),
        _F("disabled", "bool", False, nullable=False),
        _F("chaptersPublished", "bool", False, nullable=False),
        *_all("str", "fileName", "url", "localUrl", "embedCode", "nonReflectEmbedCode", "webVtt", fixed=True),
        *_all("int", "length", "asset", "chapteringSession", "lastTransaction", fixed=True),
        _F("chapters", "ids", (), fixed=True),
        *_all("int", "transactionType", "vodStatus", "views", default=0, fixed=True),
        *_all("num", "percentComplete", "stateProgress", default=0.0, fixed=True),
        _F("stateChange", "dt", fixed=True),
        *_all("str", "vodState", "errorMessage", "statusMessage", fixed=True),
        *_all("bool", "isWatchable", "isOnCloud", "usesAgendaLink", default=False, fixed=True),
        _F("secondaryAudioProgramming", "int"),
        *_all("str", "primaryAudioLabel", "secondaryAudioLabel", "primaryAudioLangCode", "secondaryAudioLangCode"),
    ),
    "chapters": (
        _F("vod", "int", required=True, nullable=False, once=True, refers="vods"),
        _F("title", "str", required=True, nullable=False, most=255),
        _F("body", "str", ""),
        _F("operatorNote", "str", ""),
        _F("offset", "int", required=True, nullable=False, least=0),
        _F("quickAdded", "bool", False, nullable=False),
        _F("order", "int"),
        *_all("bool", "deleted", "hidden", default=False),
        _F("link", "str"),
    ),
    "fileuploads": (
        _F("fileName", "str", required=True, nullable=False, once=True, most=255),
        _F("destinationStore", "int", required=True, nullable=False, once=True, refers="filestores"),
        _F("totalSegments", "int", required=True, nullable=False, once=True, least=1),
        _F("size", "int", required=True, nullable=False, once=True, least=0),
        _F("state", "int", 1),
        *_all("dt", "created", "lastModified", fixed=True),
        _F("asset", "int", fixed=True),
    ),
    "categories": (
        _F("name", "str", required=True, nullable=False, most=255),
        _F("location", "int", required=True, nullable=False, refers="locations"),
    ),
    "producers": (
        _F("name", "str", required=True, nullable=False, most=255),
        _F("location", "int", required=True, nullable=False, refers="locations"),
        _F("active", "bool", True),
        *_all("str", "address", "contact", "email", "notes", "phoneOne", "phoneTwo", "website", default=""),
    ),
    "projects": (
        _F("name", "str", required=True, nullable=False, most=255),
        _F("location", "int", required=True, nullable=False, refers="locations"),
        _F("description", "str", ""),
        _F("producer", "int", refers="producers"),
        _F("podcast", "bool", False),
        *_all("str", "podcastName", "podcastDescription", "podcastUrl", default=""),
    ),
}

BY_NAME = {resource: {field.name: field for field in fields} for resource, fields in FIELDS.items()}

# Singular and plural root of each envelope.
ROOTS = {
    "shows": ("show", "shows"),
    "media": ("media", "media"),
    "reels": ("reel", "reels"),
    "vods": ("vod", "vods"),
    "vodstatuses": ("vodStatus", "vodStatuses"),
    "vodtransactions": ("vodTransaction", "vodTransactions"),
    "vodconfigurations": ("vodConfiguration", "vodConfigurations"),
    "vodtranscodequalities": ("vodTranscodeQuality", "vodTranscodeQualities"),
    "chapters": ("chapter", "chapters"),
    "assets": ("asset", "assets"),
    "assetreellinks": ("assetReelLink", "assetReelLinks"),
    "digitalfiles": ("digitalFile", "digitalFiles"),
    "filestores": ("fileStore", "fileStores"),
    "fileuploads": ("fileUpload", "fileUploads"),
    "locations": ("location", "locations"),
    "channels": ("channel", "channels"),
    "formats": ("format", "formats"),
    "categories": ("category", "categories"),
    "producers": ("producer", "producers"),
    "projects": ("project", "projects"),
    "dispositions": ("disposition", "dispositions"),
    "showfields": ("showField", "showFields"),
    "customfields": ("customField", "customFields"),
    "scheduleitems": ("scheduleItem", "scheduleItems"),
}

_KINDS: dict[str, Callable[[Any], bool]] = {
    "int": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "num": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "bool": lambda value: isinstance(value, bool),
    "str": lambda value: isinstance(value, str),
    "dt": lambda value: isinstance(value, str) and _is_date(value),
    "ids": lambda value: isinstance(value, list),
    "list": lambda value: isinstance(value, list),
    "any": lambda value: True,
}
_WORDS = {
    "int": "a whole number",
    "num": "a number",
    "bool": "true or false",
    "str": "a text",
    "dt": "an ISO 8601 date",
}


def checked(
    resource: str, sent: Any, exists: Callable[[str, int], bool], *, status: int, making: bool
) -> dict[str, Any]:
    """Of what a caller sent, the fields that may be stored. Unknown properties are passed over, as the server does.

    Raises Refused with `status` where a field is missing, of the wrong kind, out of range, or refers to nothing.
    """
    if not isinstance(sent, dict):
        raise Refused(status, f"The {ROOTS[resource][0]} is not an object.")
    taken = {}
    for field in FIELDS[resource]:
        if field.name not in sent:
            if making and field.required:
                raise Refused(status, f"The {field.name} field is required.")
            continue
        if field.fixed or (field.once and not making):
            continue
        value = sent[field.name]
        _check(field, value, exists, status)
        taken[field.name] = value
    return taken


def blank(resource: str) -> dict[str, Any]:
    """A new object of the kind, every field at its default."""
    return {f.name: list(f.default) if isinstance(f.default, tuple) else f.default for f in FIELDS[resource]}


def _check(field: Field, value: Any, exists: Callable[[str, int], bool], status: int) -> None:
    if value is None:
        if not field.nullable:
            raise Refused(status, f"The {field.name} field must not be null.")
        return
    if not _KINDS[field.kind](value):
        raise Refused(status, f"The {field.name} field must be {_WORDS.get(field.kind, 'a list')}.")
    if field.kind == "str" and field.required and not value.strip():
        raise Refused(status, f"The {field.name} field is required.")
    if field.most is not None and len(value) > field.most:
        raise Refused(status, f"The field {field.name} must be a string with a maximum length of {field.most}.")
    if field.least is not None and value < field.least:
        raise Refused(status, f"The field {field.name} must be at least {field.least}.")
    if field.refers is not None and not exists(field.refers, value):
        raise Refused(status, f"No {ROOTS[field.refers][0]} has the id {value} that {field.name} names.")


def _is_date(value: str) -> bool:
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True
