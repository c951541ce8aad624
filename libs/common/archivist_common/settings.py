"""Settings, as the environment and `.env` give them. Read once in `main()`, passed on, never imported.

Names are those of the technical documentation, unprefixed; names of the old frameworks are accepted
beside them. A new field has a default that keeps an old deployment running, its unit in its docstring,
and a line in `.env.example`.
"""

import json
import re
import secrets
import sys
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar
from urllib.parse import quote, urlsplit, urlunsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AliasChoices,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from archivist_captions.cea608.options import SccOptions
from archivist_captions.profiles import Profile, profile_from
from archivist_common.errors import InvalidRequest
from archivist_common.storage.client import StorageServer

_PLACEHOLDERS = re.compile(r"(?i)change.?me|your[-_ ]|example|placeholder|secret[-_]key|^(secret|password|admin123)$")
_MIN_SECRET = 32  # bytes; an HS256 key shorter than its digest weakens it (RFC 7518 section 3.2)


def _seconds(value: Any) -> Any:
    """Plain numbers are seconds: `SESSION_TIMEOUT=3600`. A trailing # comment is cut: the documentation has some."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*(#.*)?", value) if isinstance(value, str) else None
    return value if match is None else timedelta(seconds=float(match[1]))


def _size(value: Any) -> Any:
    """Bytes, or a number with KB, MB, GB (powers of 1024): `LOG_MAX_SIZE=100MB`. A trailing # comment is cut."""
    if not isinstance(value, str):
        return value
    match = re.fullmatch(r"\s*(\d+)\s*([KMG]?)B?\s*(#.*)?", value, re.IGNORECASE)
    if match is None:
        raise ValueError(f"not a size: {value!r} (write 10737418240 or 10GB)")
    return int(match[1]) * 1024 ** " KMG".index(match[2].upper() or " ")


Seconds = Annotated[timedelta, BeforeValidator(_seconds)]
Size = Annotated[int, BeforeValidator(_size)]


class CommonSettings(BaseSettings):
    """What every process needs."""

    model_config = SettingsConfigDict(env_file=".env", extra="ignore", frozen=True, env_ignore_empty=True)

    environment: Literal["production", "development", "testing"] = Field(
        default="production", validation_alias=AliasChoices("ENVIRONMENT", "FLASK_ENV")
    )
    """In production, placeholder secrets are refused."""

    database_url: SecretStr
    """PostgreSQL 15 or later: `postgresql://user:password@host/database`."""
    database_pool_size: int = Field(default=5, ge=1)
    """Connections kept open per process."""
    database_max_overflow: int = Field(default=5, ge=0)
    """Connections opened beyond the pool under load, per process."""

    redis_url: SecretStr = SecretStr("redis://localhost:6379/0")
    """Doorbell, caches and counters. Losing it loses no job."""
    redis_password: SecretStr | None = None
    """Added to the address where the address names none."""

    flex_servers: Annotated[tuple[StorageServer, ...], NoDecode] = ()
    """Storage servers: `name=/path` or `/path` (named after its last folder), comma-separated.
    `+beside` behind a path puts `<base>.scc` beside each recording, as Cablecast wants it; `+mount` refuses
    the folder while nothing is mounted on it, `+marker` while it does not hold the file `.archivist-storage`,
    `+folder` takes it even when it is an empty plain folder.
    Where a path holds a comma: `[{"name": "a", "path": "/mnt/a, b", "beside": true, "kind": "mount"}]`."""
    default_output_path: Path = Path("/var/lib/archivist/transcriptions")
    """Where every job's files go."""
    output_fallback_path: Path | None = None
    """Where they go while DEFAULT_OUTPUT_PATH is full, read-only or not there, on another disk. Unset: jobs wait."""
    storage_deadline: Seconds = timedelta(seconds=5)
    """A storage server that has not answered by then is taken to be away."""
    max_file_size: Size = 10 * 1024**3
    """Largest recording taken, in bytes."""

    job_lease: Seconds = timedelta(seconds=30)
    """A running job not renewed for this long is taken to be orphaned."""
    job_timeout: Seconds | None = Field(
        default=None, validation_alias=AliasChoices("JOB_TIMEOUT", "CELERY_TASK_TIMEOUT")
    )
    """Longest time one attempt may take. Unset: ten minutes and six times the recording's length."""
    max_queue_size: int = Field(default=100, ge=1)
    """Jobs that may wait; the next submit is answered 429."""

    kill_points: Path | None = None
    """Tests only: a folder whose files make named steps kill, stop or delay the process. Refused in production."""

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_file: Path | None = None
    """Main log file; transcription.log, vod.log and error.log lie beside it. Unset: standard error only."""
    log_max_size: Size = 100 * 1024**2
    """A log file is rotated at this size, in bytes."""
    log_backup_count: int = Field(default=5, ge=0)

    @field_validator("database_url")
    @classmethod
    def _is_postgresql(cls, value: SecretStr) -> SecretStr:
        try:
            asyncpg_dsn(value.get_secret_value())
        except InvalidRequest as exc:
            raise ValueError(exc.message) from exc
        return value

    @field_validator("flex_servers", mode="before")
    @classmethod
    def _parse_servers(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        if value.lstrip().startswith("["):
            return tuple(StorageServer.from_json(entry) for entry in json.loads(value))
        return tuple(StorageServer.parse(entry) for entry in value.split(",") if entry.strip())

    @model_validator(mode="after")
    def _no_kill_points_in_production(self) -> Self:
        if self.kill_points is not None and self.environment == "production":
            raise ValueError("KILL_POINTS is for tests; production does not start with it")
        return self

    @model_validator(mode="after")
    def _distinct_servers(self) -> Self:
        names = [server.name for server in self.flex_servers]
        if len(set(names)) != len(names):
            raise ValueError(f"FLEX_SERVERS: two servers have the same name: {', '.join(sorted(names))}")
        return self

    @property
    def database_dsn(self) -> str:
        """The address as SQLAlchemy wants it, whatever way the deployment wrote it."""
        return asyncpg_dsn(self.database_url.get_secret_value())

    @property
    def redis_dsn(self) -> str:
        """REDIS_URL, with REDIS_PASSWORD where the address has none of its own."""
        url = self.redis_url.get_secret_value()
        if self.redis_password is None or "@" in url:
            return url
        parts = urlsplit(url)
        password = quote(self.redis_password.get_secret_value(), safe="")
        return urlunsplit(parts._replace(netloc=f":{password}@{parts.netloc}"))

    def storage(self, name: str) -> StorageServer | None:
        return next((server for server in self.flex_servers if server.name == name), None)


class CaptionSettings(CommonSettings):
    """How captions look: for who makes them, and for who shows those of a recording that is still being heard."""

    caption_profile: str = "broadcast"
    """House rules of layout: broadcast, web, netflix, bbc, or JSON: `{"base": "bbc", "columns": 30}`."""
    caption_mask: Annotated[tuple[str, ...], NoDecode] = ()
    """Words shown as their first letter and hyphens, comma-separated. The job says how many were."""

    @field_validator("caption_mask", mode="before")
    @classmethod
    def _parse_mask(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(word.strip() for word in value.split(",") if word.strip())
        return value

    @model_validator(mode="after")
    def _possible_profile(self) -> Self:
        self.profile  # noqa: B018 -- raises ValueError for what cannot be
        return self

    @property
    def profile(self) -> Profile:
        """Raises ValueError for a profile that is not known or cannot be."""
        if self.caption_profile.lstrip().startswith("{"):
            return profile_from(json.loads(self.caption_profile))
        return profile_from({"base": self.caption_profile})


class ApprovalSettings(CommonSettings):
    """Whether publishing takes two steps: for who is asked, and for who publishes by himself."""

    publish_approval: Literal["none", "approve", "two-people"] = "none"
    """`approve`: what is asked for is published once an operator has approved its plan; `two-people`: one who did
    not ask for it."""


class ApiSettings(CaptionSettings, ApprovalSettings):
    """The gateway."""

    api_host: str = "127.0.0.1"
    api_port: int = Field(default=8000, ge=0, le=65_535)
    secret_key: SecretStr = Field(
        default_factory=lambda: SecretStr(secrets.token_urlsafe(48)),
        validation_alias=AliasChoices("JWT_SECRET_KEY", "SECRET_KEY", "FLASK_SECRET_KEY"),
    )
    """Signs tokens and cursors. At least 32 bytes. Unset outside production: a new one per start."""
    secret_key_previous: SecretStr | None = None
    """The key before this one: what it signed is still taken, so that a change logs nobody out."""
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = ()
    """Addresses or networks of reverse proxies, comma-separated, whose X-Forwarded-For is believed."""
    session_timeout: Seconds = timedelta(hours=1)
    """A session not refreshed for this long has ended."""
    token_lifetime: Seconds = Field(default=timedelta(minutes=10), gt=timedelta(), le=timedelta(hours=1))
    """Life of an access token."""
    station_timezone: str = Field(default="UTC", validation_alias=AliasChoices("STATION_TIMEZONE", "CELERY_TIMEZONE"))
    """Zone of the station's clock, as `America/Chicago`: what a start time without a zone means."""
    default_language: str = Field(default="en", max_length=10)
    output_format: str = "scc"
    include_summary: bool = True
    whisper_model_path: Path | None = None
    """Folder of the speech model used where a job names none."""
    model_directory: Path = Path("/opt/models")
    """Folder of further models, one folder each; a job may name one."""
    recording_settled: Seconds = Field(default=timedelta(seconds=60), ge=timedelta())
    """A recording written to more recently than this is looked at twice before it is taken: it may still grow."""

    @field_validator("trusted_proxies", mode="before")
    @classmethod
    def _parse_proxies(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        return tuple(entry.strip() for entry in value.split(",") if entry.strip())

    @field_validator("station_timezone")
    @classmethod
    def _is_a_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError) as exc:
            raise ValueError(f"no such time zone: {value!r} (write America/Chicago)") from exc
        return value

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.station_timezone)

    @model_validator(mode="after")
    def _real_secret(self) -> Self:
        if self.environment != "production":
            return self
        if "secret_key" not in self.model_fields_set:
            raise ValueError("SECRET_KEY (or JWT_SECRET_KEY) must be set in production")
        check_secret("SECRET_KEY", self.secret_key.get_secret_value())
        return self


class SccSettings(CommonSettings):
    """How SCC files are written: for who writes them, and for who reads back what became of them."""

    scc_drop_frame: bool = True
    """Drop-frame labels, as North American playout expects them; false for non-drop."""
    scc_start_timecode: str = ""
    """Label of the first picture, such as 01:00:00;00. Empty: zero."""
    scc_offset_ms: int = 0
    """Added to every time of the SCC, in milliseconds; may be negative."""
    scc_mode: Literal["pop-on", "roll-up"] = "pop-on"
    """Roll-up gives a live look."""

    @model_validator(mode="after")
    def _possible_labels(self) -> Self:
        self.scc_options  # noqa: B018 -- raises ValueError for what cannot be
        for server in self.flex_servers:
            scc_options_of(server, self.scc_options)
        return self

    @property
    def scc_options(self) -> SccOptions:
        """Raises ValueError for options that no SCC file can have."""
        return SccOptions(
            drop_frame=self.scc_drop_frame,
            start_label=self.scc_start_timecode,
            offset_ms=self.scc_offset_ms,
            mode=self.scc_mode,
        )


class TranscriberSettings(CaptionSettings, SccSettings):
    """The speech workers."""

    transcriber_host: str = "127.0.0.1"
    transcriber_port: int = Field(default=8001, ge=0, le=65_535)
    whisper_model_path: Path | None = None
    """Folder of the speech model: model.bin, config.json, tokenizer.json, vocabulary.*"""
    model_directory: Path = Path("/opt/models")
    """Folder of further models, one folder each."""
    whisper_engine: Literal["faster_whisper", "whisperx"] = "faster_whisper"
    """`whisperx` adds forced alignment; it needs the whisperx extra and MODEL_DIRECTORY/align-<language>."""
    whisper_device: Literal["auto", "cpu", "cuda"] = "auto"
    whisper_compute_type: str = "default"
    """int8, float16, float32 …; `default` is int8 on a CPU and float16 on a GPU."""
    whisper_batch_size: int = Field(default=4, ge=1, le=64)
    """Windows decoded together. Past 4 a CPU gains nothing (docs/decisions/0008)."""
    whisper_beam_size: int = Field(default=1, ge=1, le=10)
    whisper_speakers: bool = False
    """Tell speakers apart, by the whisperx extra and MODEL_DIRECTORY/speakers, after the transcript is safe."""
    default_language: str = Field(default="en", max_length=10)
    worker_concurrency: int | None = Field(
        default=None, ge=1, validation_alias=AliasChoices("WORKER_CONCURRENCY", "CELERY_WORKER_CONCURRENCY")
    )
    """Slots, each pinned to cores of its own. Unset: by cores and memory."""
    temp_directory: Path = Path("/tmp/archivist")  # noqa: S108 -- the documented default
    """Where libraries put what they need for a moment. Recordings and their sound never go there."""
    media_deadline: Seconds = timedelta(seconds=60)
    """A probe, or a decoder that has sent nothing for this long, is ended."""


class VodSettings(SccSettings, ApprovalSettings):
    """Publishing and webhooks."""

    model_config = SettingsConfigDict(hide_input_in_errors=True)  # a refused address may hold a password

    vod_host: str = "127.0.0.1"
    vod_port: int = Field(default=8002, ge=0, le=65_535)

    cablecast_api_url: str | None = Field(
        default=None,
        validation_alias=AliasChoices("CABLECAST_API_URL", "CABLECAST_BASE_URL", "CABLECAST_SERVER_URL"),
    )
    """The Cablecast server: `https://cablecast.example.org`; `/CablecastAPI/v1` is added where it is missing.
    Not the Reflect host: that one gives stale answers and takes no writes. Unset: nothing is published there."""
    cablecast_user_id: str | None = Field(
        default=None, validation_alias=AliasChoices("CABLECAST_USER_ID", "CABLECAST_USER")
    )
    """A Frontdoor user that may write shows, VODs and files."""
    cablecast_password: SecretStr | None = None
    """Its password."""
    cablecast_api_key: SecretStr | None = None
    """A token pair, `id:secret`. Used where no user and password are set."""
    cablecast_verify_ssl: bool = True
    """Whether the server must prove who it is. For a certificate of your own, set CABLECAST_CA_BUNDLE instead."""
    cablecast_ca_bundle: Path | None = None
    """PEM file of certificates believed beside the public ones."""
    cablecast_location_id: int = Field(default=1, ge=1)
    """The location that new shows belong to and VOD configurations are chosen by. The probe lists them."""
    request_timeout: Seconds = Field(default=timedelta(seconds=30), gt=timedelta())
    """Longest time one call may take in all, its retries included; one upload segment may take VOD_TIMEOUT."""
    max_retries: int = Field(default=3, ge=0, le=10)
    """How often a call that changes nothing when repeated is tried again before it is reported."""
    vod_timeout: Seconds = Field(
        default=timedelta(seconds=300),
        gt=timedelta(),
        validation_alias=AliasChoices("VOD_TIMEOUT", "VOD_UPLOAD_TIMEOUT"),
    )
    """Longest time one file's upload may take."""
    vod_status_check_interval: Seconds = Field(default=timedelta(seconds=15), gt=timedelta())
    """Least time between two looks at one programme that is being made."""
    vod_processing_timeout: Seconds = Field(default=timedelta(hours=24), gt=timedelta())
    """A programme not made by then is given to a person."""
    auto_publish_to_vod: bool = True
    """Whether what completes from now on is published by itself, to Cablecast where that is set, else to the folder.
    What was captioned before is published when it is asked for. Nothing is while no target is set."""
    publish_folder: Path | None = None
    """A folder to publish to: captions in every format, chapters and a Media RSS feed. Unset: none."""
    publish_folder_url: str = ""
    """The web address under which PUBLISH_FOLDER is served: what the feed's links begin with."""
    publish_folder_title: str = "Recordings"
    """The title of its feed and of its page."""
    publish_folder_feed_items: int = Field(default=500, ge=1, le=10_000)
    """How many recordings the feed names, the newest ones. The page names all."""
    publish_folder_media_url: str = ""
    """Where recordings themselves are served, `https://media.example.org/{storage}/{path}`; both are put in. Empty:
    the feed has captions and no media."""
    cablecast_sidecar: Literal["auto", "share", "upload"] = "auto"
    """How the SCC gets beside the video: by a mounted content share (CABLECAST_STORES, or the recording's own server
    where it is `+beside`), by the server's upload, or, with auto, by the share where there is one."""
    cablecast_stores: Annotated[Mapping[str, str], NoDecode] = Field(default_factory=dict)
    """Which storage server is which of Cablecast's file stores: `1=flex-1,Archive=flex-5`, by the store's number or
    name; `*` for every store."""
    cablecast_vod_configuration: int | None = None
    """Number of the VOD configuration to use. Unset: the first of the show's location."""
    cablecast_tags_field: str = ""
    """The custom field that tags are written to, by its number, label or name. Empty: none."""
    cablecast_sync_interval: Seconds = Field(default=timedelta(minutes=15), ge=timedelta())
    """How often changed shows and VODs are read. 0: only when asked for."""
    cablecast_full_sync_interval: Seconds = Field(default=timedelta(hours=24), ge=timedelta(minutes=1))
    """How often everything is read, to find what is gone."""
    vod_concurrency: int = Field(default=2, ge=1, le=8)
    """Publications worked on at the same time; those that wait for the target do not count."""
    vod_stalled_after: Seconds = Field(default=timedelta(hours=2), gt=timedelta())
    """Without any change for so long, while the server does nothing else either, a programme has stalled."""
    vod_captions_wait: Seconds = Field(default=timedelta(minutes=15), gt=timedelta())
    """Captions that do not appear within this time are told of."""
    vod_enable_chapters: bool = True
    """Whether chapters are written."""
    vod_metadata_enhancement: bool = True
    """Whether an empty title and description are filled in."""
    vod_auto_tagging: bool = False
    """Whether tags are made of what the meeting had in it, where none were given."""
    vod_default_quality: str = "1080"
    """A quality's id or a number in its name, as the probe lists them; or low, medium, high, original."""
    vod_quality_low: int = 1
    """Id of the quality meant by `low`."""
    vod_quality_medium: int = 2
    """Id of the quality meant by `medium`."""
    vod_quality_high: int = 3
    """Id of the quality meant by `high`."""
    vod_quality_original: int = 4
    """Id of the quality meant by `original`."""

    @field_validator("publish_folder_url", "publish_folder_media_url")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        if value and (not re.match(r"https?://[^/]", value) or re.search(r"[\s?#]|//[^/]*@", value)):
            raise ValueError("write a web address: https://captions.example.org/recordings, without user, ? or #")
        return value.rstrip("/")

    @field_validator("cablecast_api_url")
    @classmethod
    def _is_a_server(cls, value: str | None) -> str | None:
        return None if value is None else cablecast_base(value)

    @field_validator("cablecast_stores", mode="before")
    @classmethod
    def _parse_stores(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        pairs = [entry.rpartition("=") for entry in value.split(",") if entry.strip()]
        if any(not store.strip() or not server.strip() for store, _, server in pairs):
            raise ValueError("write 1=flex-1,Archive=flex-5: a file store, an equals sign, a storage server's name")
        return {store.strip(): server.strip() for store, _, server in pairs}

    @model_validator(mode="after")
    def _known_shares(self) -> Self:
        unknown = sorted(set(self.cablecast_stores.values()) - {server.name for server in self.flex_servers})
        if unknown:
            raise ValueError(
                f"CABLECAST_STORES names storage servers that FLEX_SERVERS does not: {', '.join(unknown)}"
            )
        return self

    @field_validator("cablecast_user_id")
    @classmethod
    def _fits_basic_auth(cls, value: str | None) -> str | None:
        if value is not None and ":" in value:
            raise ValueError("a user's name cannot hold a colon (RFC 7617); a token pair goes into CABLECAST_API_KEY")
        return value

    @property
    def cablecast_login(self) -> tuple[str, SecretStr] | None:
        """User and password, or id and secret of a token pair; None where neither is whole."""
        if self.cablecast_user_id and self.cablecast_password is not None:
            return self.cablecast_user_id, self.cablecast_password
        if self.cablecast_api_key is None:
            return None
        user, colon, secret = self.cablecast_api_key.get_secret_value().partition(":")
        return (user, SecretStr(secret)) if user and colon and secret else None

    @property
    def cablecast_login_trouble(self) -> str | None:
        """Why there is no `cablecast_login`, and what to set, without a secret; None where there is one."""
        if self.cablecast_login is not None:
            return None
        if self.cablecast_api_key is not None:
            return (
                "CABLECAST_API_KEY alone does not log in: it must be a token pair, id:secret; "
                "write both parts, or set CABLECAST_USER_ID and CABLECAST_PASSWORD instead"
            )
        return "set CABLECAST_USER_ID and CABLECAST_PASSWORD: the server lets nobody in without"


class MonitorSettings(CommonSettings):
    """Health checks."""

    monitor_host: str = "127.0.0.1"
    monitor_port: int = Field(default=8003, ge=0, le=65_535)
    check_interval: Seconds = timedelta(seconds=10)
    """How often every check runs; the report says each one's age."""


SettingsT = TypeVar("SettingsT", bound=CommonSettings)


def scc_options_of(server: StorageServer, usual: SccOptions) -> SccOptions:
    """How a server's playout wants its SCC. Raises ValueError for a label that is not of its kind."""
    drop_frame = usual.drop_frame if server.drop_frame is None else server.drop_frame
    # A usual label of the other kind is not this server's.
    label = server.start_timecode or (usual.start_label if drop_frame == usual.drop_frame else "")
    return replace(usual, drop_frame=drop_frame, start_label=label)


def asyncpg_dsn(url: str) -> str:
    """A PostgreSQL address as SQLAlchemy's asyncpg dialect wants it. Raises InvalidRequest for another kind."""
    scheme, separator, rest = url.partition("://")
    if not separator or scheme.split("+")[0] not in {"postgresql", "postgres"}:
        # Not quoted: where the scheme is missing, what stands in its place may be a password.
        raise InvalidRequest("DATABASE_URL must be a postgresql:// address")
    return "postgresql+asyncpg://" + re.sub(r"([?&])sslmode=", r"\1ssl=", rest)  # libpq's name for it is common


def cablecast_base(url: str) -> str:
    """The base of a Cablecast server's API, however it was written: `https://host/CablecastAPI/v1`.

    The path's spelling is kept where it is there. `/api` and `/api/v1`, which older documentation named and no
    server has, count as nothing. Raises ValueError, which never quotes the address: it may hold a password.
    """
    try:
        parts = urlsplit(url.strip())
        parts.port  # noqa: B018 -- raises ValueError for what is no port
    except ValueError as exc:
        raise ValueError("not an address") from exc
    if parts.scheme.lower() not in {"http", "https"} or not parts.hostname:
        raise ValueError("must be an https:// (or http://) address of a server")
    if "@" in parts.netloc:
        raise ValueError("must not hold a user or password; set CABLECAST_USER_ID and CABLECAST_PASSWORD")
    if parts.query or parts.fragment:
        raise ValueError("must end with its path: no ? and no #")
    path = re.sub(r"/{2,}", "/", parts.path).rstrip("/")
    if path.lower() in {"/api", "/api/v1"}:
        path = ""
    if re.search(r"(?i)/cablecastapi$", path):
        path += "/v1"
    elif not re.search(r"(?i)/cablecastapi/v1$", path):
        path += "/CablecastAPI/v1"
    return urlunsplit((parts.scheme.lower(), parts.netloc, path, "", ""))


def read(cls: type[SettingsT], **given: Any) -> SettingsT:
    """The settings of this process; exits with a line for each that is wrong or missing."""
    try:
        return cls(**given)
    except ValidationError as exc:
        for error in exc.errors():
            name = "_".join(str(part) for part in error["loc"]).upper() or "settings"
            sys.stderr.write(f"{name}: {error['msg']}\n")
        sys.exit(2)


def check_secret(name: str, value: str) -> None:
    """Raises ValueError for a secret that is short or was copied out of an example."""
    if len(value.encode()) < _MIN_SECRET:
        raise ValueError(f"{name} must be at least {_MIN_SECRET} bytes of random text")
    if _PLACEHOLDERS.search(value):
        raise ValueError(f"{name} is a placeholder; put random text in its place")
