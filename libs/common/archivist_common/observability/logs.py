"""Logs: one JSON object a line on standard error, and the rotating files of the documentation where LOG_FILE is set.

Job and request ids are bound once (`bound`) and are in every line below. No secrets, no caption text.
"""

import json
import logging
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from typing import Any

from archivist_common.settings import CommonSettings

_context: ContextVar[dict[str, Any]] = ContextVar("log_context", default={})  # noqa: B039 -- never mutated

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")  # whatever some reader takes for the end of a line
_FILES = {"transcriber": "transcription.log", "vod": "vod.log", "monitor": "monitor.log"}
_QUIET = ("httpx", "httpcore", "arq", "uvicorn.access", "faster_whisper", "alembic")


@contextmanager
def bound(**fields: Any) -> Iterator[None]:
    """Put fields into every line logged inside the block, in this task and those it starts."""
    token = _context.set({**_context.get(), **fields})
    try:
        yield
    finally:
        _context.reset(token)


class JsonLines(logging.Formatter):
    """One JSON object a record: time, level, logger, message, bound and extra fields, traceback."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": _utc(record).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "service": self._service,
            "logger": record.name,
            "message": record.getMessage(),
            **fields_of(record),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        text = json.dumps(line, default=str, ensure_ascii=False)
        return _CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text)  # JSON leaves U+0085 and U+2028


class PlainLines(logging.Formatter):
    """The documentation's line: `time [LEVEL] name: message key=value …`. Control characters cannot forge a line."""

    def format(self, record: logging.LogRecord) -> str:
        fields = "".join(f" {key}={value}" for key, value in fields_of(record).items())
        line = f"{_utc(record):%Y-%m-%d %H:%M:%S%z} [{record.levelname}] {record.name}: {record.getMessage()}{fields}"
        lines = [line]
        if record.exc_info:  # set in, so that no line of an error's own text is at a line's beginning
            lines += [f"    {line}" for line in self.formatException(record.exc_info).splitlines()]
        return "\n".join(_CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", line) for line in lines)


def fields_of(record: logging.LogRecord) -> dict[str, Any]:
    """What a record says beyond its message: the bound fields and its `extra`."""
    extra = {key: value for key, value in vars(record).items() if key not in _STANDARD}
    return {**_context.get(), **extra}


def set_up(service: str, settings: CommonSettings) -> None:
    """Send this process' logs where the settings say.

    With LOG_FILE: archivist.log for the gateway, transcription.log, vod.log and monitor.log beside it for the
    others, and error.log with everything from ERROR up. Each file has one writer, so that its rotation is safe:
    error.log is kept per service as `error-<service>.log`, the gateway's as `error.log`.
    """
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stderr)]
    handlers[0].setFormatter(JsonLines(service))
    if settings.log_file is not None:
        folder = settings.log_file.parent
        folder.mkdir(parents=True, exist_ok=True)
        main = folder / _FILES.get(service, settings.log_file.name)
        errors = folder / ("error.log" if service == "api" else f"error-{service}.log")
        for path, level in ((main, logging.NOTSET), (errors, logging.ERROR)):
            handler = RotatingFileHandler(
                path,
                maxBytes=settings.log_max_size,
                backupCount=settings.log_backup_count,
                encoding="utf-8",
                errors="backslashreplace",  # a file's name may be no text at all
            )
            handler.setLevel(level)
            handler.setFormatter(PlainLines())
            handlers.append(handler)
    logging.basicConfig(level=settings.log_level, handlers=handlers, force=True)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


def _utc(record: logging.LogRecord) -> datetime:
    return datetime.fromtimestamp(record.created, UTC)
