"""Settings of the gateway."""

import secrets
from datetime import timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AliasChoices, Field, SecretStr, field_validator
from pydantic_settings import NoDecode

from archivist_common.settings.captions import CaptionSettings
from archivist_common.settings.matching import MatchingSettings
from archivist_common.settings.parsing import Seconds
from archivist_common.settings.publishing import ApprovalSettings
from archivist_common.settings.speech import SpeechSettings


class ApiSettings(CaptionSettings, SpeechSettings, ApprovalSettings, MatchingSettings):
    """The gateway."""

    api_host: str = "127.0.0.1"
    api_port: int = Field(default=8000, ge=0, le=65_535)
    secret_key: SecretStr = Field(
        default_factory=lambda: SecretStr(secrets.token_urlsafe(48)),
        validation_alias=AliasChoices("JWT_SECRET_KEY", "SECRET_KEY", "FLASK_SECRET_KEY"),
    )
    """Signs tokens and cursors. At least 32 bytes. Unset outside production: a new one per start."""
    secret_key_previous: SecretStr | None = None
    """The key before this one: what it signed is still accepted, so that a change logs no user out."""
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = ()
    """Addresses or networks of reverse proxies, comma-separated, whose X-Forwarded-For is trusted."""
    session_timeout: Seconds = timedelta(hours=1)
    """A session not refreshed for this long has ended."""
    token_lifetime: Seconds = Field(default=timedelta(minutes=10), gt=timedelta(), le=timedelta(hours=1))
    """Life of an access token."""
    station_timezone: str = Field(default="UTC", validation_alias=AliasChoices("STATION_TIMEZONE", "CELERY_TIMEZONE"))
    """Zone of the station's clock, as `America/Chicago`: what a start time without a zone means."""
    output_format: str = "scc"
    include_summary: bool = True
    recording_settled: Seconds = Field(default=timedelta(seconds=60), ge=timedelta())
    """A recording written to more recently than this is checked twice before it is accepted: it may still grow."""

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

    def production_faults(self) -> list[str]:
        missing = [] if "secret_key" in self.model_fields_set else ["SECRET_KEY must be set in production"]
        return [*super().production_faults(), *missing]
