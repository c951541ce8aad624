"""Settings that every process reads."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import quote, urlsplit, urlunsplit

from pydantic import AliasChoices, Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from archivist_common.errors import InvalidRequest
from archivist_common.settings.parsing import Seconds, Size, asyncpg_dsn, redis_database, with_redis_database
from archivist_common.settings.placeholders import placeholders
from archivist_common.storage.client import StorageServer


class CommonSettings(BaseSettings):
    """What every process needs."""

    model_config = SettingsConfigDict(
        env_file=".env",
        extra="ignore",
        frozen=True,
        env_ignore_empty=True,
        hide_input_in_errors=True,  # a refused value may hold a password
    )

    environment: Literal["production", "development", "testing"] = Field(
        default="production", validation_alias=AliasChoices("ENVIRONMENT", "FLASK_ENV")
    )
    """In production, placeholders of an example are refused; elsewhere they are warned of."""

    database_url: SecretStr
    """PostgreSQL 15 or later: `postgresql://user:password@host/database`."""
    database_pool_size: int = Field(default=5, ge=1)
    """Connections kept open per process."""
    database_max_overflow: int = Field(default=5, ge=0)
    """Connections opened beyond the pool under load, per process."""

    redis_url: SecretStr = SecretStr("redis://localhost:6379/0")
    """Wake-up notifications, caches and counters. Losing it loses no job."""
    redis_password: SecretStr | None = None
    """Added to the address where the address names none."""
    redis_db: int | None = Field(default=None, ge=0)
    """Number of the Redis database, where REDIS_URL names none."""

    flex_servers: Annotated[tuple[StorageServer, ...], NoDecode] = ()
    """Storage servers: `name=/path` or `/path` (named after its last folder), comma-separated.
    `+beside` behind a path puts `<base>.scc` beside each recording, as Cablecast wants it; `+mount` refuses
    the folder while nothing is mounted on it, `+marker` while it does not hold the file `.archivist-storage`,
    `+folder` takes it even when it is an empty plain folder.
    Where a path holds a comma: `[{"name": "a", "path": "/mnt/a, b", "beside": true, "kind": "mount"}]`."""
    default_output_path: Path = Path("/var/lib/archivist/transcriptions")
    """Where every job's files go."""
    output_fallback_path: Path | None = None
    """Where they go while DEFAULT_OUTPUT_PATH is full, read-only or missing, on another disk. Unset: jobs wait."""
    storage_deadline: Seconds = timedelta(seconds=5)
    """A storage server that has not responded by then counts as unavailable (timeout)."""
    max_file_size: Size = 10 * 1024**3
    """Largest recording accepted, in bytes."""

    job_lease: Seconds = timedelta(seconds=30)
    """Lease of a running job: not renewed for this long, it has expired and the job is requeued."""
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
    def _fit_for_production(self) -> Self:
        if self.environment == "production" and (faults := self.production_faults()):
            raise ValueError("\n".join(faults))
        return self

    def production_faults(self) -> list[str]:
        """A sentence for each setting that production refuses; it begins with the variable's name."""
        return list(placeholders(self))

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
        """REDIS_URL, with REDIS_PASSWORD and REDIS_DB where the address has none of its own."""
        url = self.redis_url.get_secret_value()
        if self.redis_db is not None and ("redis_url" not in self.model_fields_set or redis_database(url) is None):
            url = with_redis_database(url, self.redis_db)
        if self.redis_password is None or "@" in url:
            return url
        parts = urlsplit(url)
        password = quote(self.redis_password.get_secret_value(), safe="")
        return urlunsplit(parts._replace(netloc=f":{password}@{parts.netloc}"))

    def storage(self, name: str) -> StorageServer | None:
        return next((server for server in self.flex_servers if server.name == name), None)
