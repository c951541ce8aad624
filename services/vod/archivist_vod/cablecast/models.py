"""What a Cablecast server says, read tolerantly: unknown properties and states are kept, all but `id` may be missing.

Only what we use has a type, so that a surprise elsewhere in an object does no harm; the rest stays in `raw`, the JSON
as it came. A change is `edited(show.raw, comments="…")`, sent back whole, so that no property is dropped by us.
"""

import math
from collections.abc import Mapping
from copy import deepcopy
from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, PrivateAttr
from pydantic.alias_generators import to_camel

READY_TRANSACTION = 5  # vodTransaction.transactionType of a finished VOD, on servers without vodState

COMPLETE = "complete"  # the vodStates; others may come, and mean: keep polling
PARTIAL = "partial"
PROCESSING = "processing"
QUEUED = "queued"
WAITING = "waiting"
ERROR = "error"
PERMANENT_FAILURE = "permanentFailure"
DISABLED = "disabled"
UNKNOWN = "unknown"


def moment(value: object) -> datetime | None:
    """An ISO 8601 date-time, with seven digits of a second as .NET writes it or none; None for what is no date."""
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str):
        return None
    try:
        return datetime.fromisoformat(value.strip())
    except ValueError:
        return None


def _ids(value: Any) -> Any:
    return () if value is None else value


def _text(value: Any) -> Any:
    return "" if value is None else value


def _no(value: Any) -> Any:
    return False if value is None else value


def _whole(value: Any) -> Any:
    """Seconds and counts: a server may write 7260.0; a part of a second counts as one."""
    return math.ceil(value) if isinstance(value, float) and math.isfinite(value) else value


Moment = Annotated[datetime | None, BeforeValidator(moment)]
Ids = Annotated[tuple[int, ...], BeforeValidator(_ids)]
Text = Annotated[str, BeforeValidator(_text)]
Flag = Annotated[bool, BeforeValidator(_no)]
Whole = Annotated[int | None, BeforeValidator(_whole)]


class CablecastModel(BaseModel):
    """One object as it came. `read` keeps the JSON in `raw`."""

    model_config = ConfigDict(extra="allow", frozen=True, alias_generator=to_camel, populate_by_name=True)

    id: int
    _raw: dict[str, Any] = PrivateAttr(default_factory=dict)

    @classmethod
    def read(cls, raw: Mapping[str, Any]) -> Self:
        """Raises pydantic's ValidationError for an object without an id, or with text where we need a number."""
        read = cls.model_validate(raw)
        read._raw = dict(raw)
        return read

    @property
    def raw(self) -> dict[str, Any]:
        """The JSON as it came. Change it with `edited`, never in place."""
        return self._raw


class Show(CablecastModel):
    location: int | None = None
    local_id: Text = ""  # ours to use: Cablecast makes nothing of it
    title: Text = ""  # for operators
    cg_title: Text = ""  # for the public
    comments: Text = ""
    category: int | None = None
    producer: int | None = None
    project: int | None = None
    event_date: Moment = None
    last_modified: Moment = None
    reels: Ids = ()
    vods: Ids = ()
    total_run_time: Whole = None
    has_captions: bool | None = None
    thumbnail_image: Any = None  # {url}

    @property
    def thumbnail_url(self) -> str | None:
        """Where its picture is shown; None where the server does not say, or says what is no address."""
        url = self.thumbnail_image.get("url") if isinstance(self.thumbnail_image, dict) else None
        return url if isinstance(url, str) and url.startswith(("http://", "https://")) else None


class Media(CablecastModel):
    location: int | None = None


class Reel(CablecastModel):
    show: int | None = None
    media: int | None = None
    reel_number: int | None = None
    cue: Whole = None  # in point in the file, seconds
    length: Whole = None  # seconds; 0 or None: a VOD made from it waits
    user_file_name: Text = ""
    playback_asset: int | None = None
    digital_files: Ids = ()  # older servers
    has_valid_file: bool | None = None
    has_invalid_file: bool | None = None
    has_processing_file: bool | None = None


class AssetInfo(CablecastModel):
    asset: int | None = None
    frame_count: Whole = None
    frame_rate: float | None = None


class Asset(CablecastModel):
    path: Text = ""  # relative to the store's mount
    url: Text = ""
    file_type: Text = ""  # unknown, video, audio, image, caption, document, hlsmanifest
    has_captions: bool | None = None
    size: int | None = None
    vods: Ids = ()
    reels: Ids = ()
    file_stores: Ids = ()
    asset_infos: Ids = ()

    @property
    def file_name(self) -> str:
        """The path's last part, whichever way the server writes its slashes."""
        return self.path.replace("\\", "/").rpartition("/")[2]


class FileStore(CablecastModel):
    name: Text = ""


class DigitalFile(CablecastModel):
    file_name: Text = ""
    path: Text = ""
    show: int | None = None
    reel: int | None = None
    reel_number: int | None = None
    frame_count: Whole = None
    frame_rate: float | None = None
    has_captions: bool | None = None
    captions_are_compatible: bool | None = None
    captions_message: Text = ""


class FileUpload(CablecastModel):
    file_name: Text = ""
    destination_store: int | None = None
    state: int | None = None
    total_segments: int | None = None
    size: int | None = None
    asset: int | None = None


class Vod(CablecastModel):
    show: int | None = None
    vod_configuration: int | None = None
    quality: int | None = None
    disabled: Flag = False
    file_name: Text = ""
    length: Whole = None
    url: Text = ""
    local_url: Text = ""
    asset: int | None = None
    chapters: Ids = ()
    chapters_published: Flag = False
    vod_state: Text = ""
    percent_complete: float | None = None
    error_message: Text = ""
    status_message: Text = ""
    is_watchable: bool | None = None
    last_transaction: int | None = None
    transaction_type: int | None = None


class VodStatus(CablecastModel):
    """How far a VOD is. id: the VOD's."""

    vod_state: Text = ""
    percent_complete: float | None = None
    error_message: Text = ""


class VodTransaction(CablecastModel):
    vod: int | None = None
    transaction_type: int | None = None
    percent_complete: float | None = None
    last_modified: Moment = None


class VodConfiguration(CablecastModel):
    location: int | None = None
    vod_transcode_qualities: Ids = ()


class VodTranscodeQuality(CablecastModel):
    name: Text = ""


class Chapter(CablecastModel):
    vod: int | None = None
    title: Text = ""
    body: Text = ""
    operator_note: Text = ""
    offset: Whole = None  # seconds from the start of the VOD
    deleted: Flag = False


class Location(CablecastModel):
    name: Text = ""
    vod_configurations: Ids = ()


class Format(CablecastModel):
    name: Text = ""
    location: int | None = None
    primitive_format: int | None = None  # 4: a digital file


class Category(CablecastModel):
    name: Text = ""
    location: int | None = None


class Producer(CablecastModel):
    name: Text = ""
    location: int | None = None


class Project(CablecastModel):
    name: Text = ""
    location: int | None = None


class FieldDefinition(CablecastModel):
    name: Text = ""
    type: Text = ""  # string, select, date, number, file, producer
    location: int | None = None


class ShowField(CablecastModel):
    label: Text = ""
    field_definition: int | None = None


class SystemInfo(BaseModel):
    """What the server is. It has no id."""

    model_config = ConfigDict(extra="allow", frozen=True, alias_generator=to_camel, populate_by_name=True)

    cablecast_version: Text = ""
    cablecast_friendly_version: Text = ""
    site_name: Text = ""

    @property
    def version(self) -> tuple[int, ...]:
        """`7.8.1` -> (7, 8, 1); empty where the server does not say."""
        numbers: list[int] = []
        for part in self.cablecast_version.strip().split("."):
            if not (part.isascii() and part.isdigit()):
                break
            numbers.append(int(part))
        return tuple(numbers)


class SystemTime(BaseModel):
    """The server's clock."""

    model_config = ConfigDict(extra="allow", frozen=True, alias_generator=to_camel, populate_by_name=True)

    time: Moment = None
    time_zone: Text = ""
    iana_time_zone: Text = ""


class UserSession(BaseModel):
    """Whom the server takes us for, and what we may do: permissions are {scope: {object: [verb]}}."""

    model_config = ConfigDict(extra="allow", frozen=True, alias_generator=to_camel, populate_by_name=True)

    user: Any = None
    is_admin: Flag = False
    permissions: Any = None


def edited(raw: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
    """An object as it came with some properties changed, in the server's spelling: what a PUT sends.

    Raises ValueError for a new id, and for turning `generateCaptions` on: it orders a paid transcription.
    """
    if "id" in changes:
        raise ValueError("an object keeps its id")
    if changes.get("generateCaptions") and not raw.get("generateCaptions"):
        raise ValueError("generateCaptions orders a paid transcription: it is never turned on by us")
    return {**deepcopy(dict(raw)), **changes}
