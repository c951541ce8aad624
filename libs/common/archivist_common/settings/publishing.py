"""Settings of publishing: approval, targets, Cablecast."""

import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AliasChoices, Field, SecretStr, field_validator, model_validator
from pydantic_settings import NoDecode

from archivist_common.settings.captions import SccSettings
from archivist_common.settings.common import CommonSettings
from archivist_common.settings.matching import MatchingSettings
from archivist_common.settings.parsing import Seconds, cablecast_base


class ApprovalSettings(CommonSettings):
    """Whether publishing takes two steps: for the gateway, and for the publisher, which publishes by itself."""

    publish_approval: Literal["none", "approve", "two-people"] = "none"
    """`approve`: what is requested is published once an operator has approved its plan; `two-people`: another
    operator than the one who requested it."""


class VodSettings(SccSettings, ApprovalSettings, MatchingSettings):
    """Publishing and webhooks."""

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
    """A token pair, `id:secret`. Used where user and password are not both set."""
    cablecast_verify_ssl: bool = True
    """Whether the server must prove who it is. For a certificate of your own, set CABLECAST_CA_BUNDLE instead."""
    cablecast_ca_bundle: Path | None = None
    """PEM file of certificates trusted beside the public ones."""
    cablecast_location_id: int = Field(default=1, ge=1)
    """The location that new shows belong to and VOD configurations are chosen by. The probe lists them."""
    request_timeout: Seconds = Field(default=timedelta(seconds=30), gt=timedelta())
    """Longest time one call may take in all, its retries included; one upload segment may take VOD_TIMEOUT."""
    max_retries: int = Field(default=3, ge=0, le=10)
    """How often an idempotent call is retried before its failure is reported."""
    vod_timeout: Seconds = Field(
        default=timedelta(seconds=300),
        gt=timedelta(),
        validation_alias=AliasChoices("VOD_TIMEOUT", "VOD_UPLOAD_TIMEOUT"),
    )
    """Longest time one file's upload may take."""
    vod_status_check_interval: Seconds = Field(default=timedelta(seconds=15), gt=timedelta())
    """Least time between two polls of one VOD that is being made."""
    vod_processing_timeout: Seconds = Field(default=timedelta(hours=24), gt=timedelta())
    """A VOD not made by then needs an operator's attention."""
    auto_publish_to_vod: bool = True
    """Whether what completes from now on is published by itself, to Cablecast where that is set, else to the folder.
    What was captioned before is published on request. Nothing is while no target is set."""
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
    """How often changed shows and VODs are read. 0: only on request."""
    cablecast_full_sync_interval: Seconds = Field(default=timedelta(hours=24), ge=timedelta(minutes=1))
    """How often everything is read, to find what was removed."""
    vod_concurrency: int = Field(default=2, ge=1, le=8)
    """Publications worked on at the same time; those that wait for the target do not count."""
    vod_stalled_after: Seconds = Field(default=timedelta(hours=2), gt=timedelta())
    """Without any change for so long, while the server does nothing else either, a VOD has stalled."""
    vod_captions_wait: Seconds = Field(default=timedelta(minutes=15), gt=timedelta())
    """Captions that do not appear within this time are reported."""
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
