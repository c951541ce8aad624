"""Log lines: one JSON object each, bound fields in all of them, none forged; the documentation's rotating files."""

import asyncio
import json
import logging
import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from archivist_common.observability import logs
from archivist_common.settings import CommonSettings

Settings = Callable[..., CommonSettings]

FORGED = "a.mp4\r\n2022-04-12 19:00:00+0000 [ERROR] auth: forged\n\x85\u2028\u2029\x0b\x0c\x1b[2K\0"


@pytest.fixture
def root() -> Iterator[logging.Logger]:
    """The root logger, put back as it was."""
    logger = logging.getLogger()
    handlers, level = logger.handlers[:], logger.level
    logger.handlers.clear()
    yield logger
    for handler in logger.handlers[:]:
        logger.removeHandler(handler)
        handler.close()
    logger.handlers[:] = handlers
    logger.setLevel(level)


def record(message: str, *args: object, exc: BaseException | None = None, **extra: Any) -> logging.LogRecord:
    logger = logging.getLogger("archivist_common.tests")
    exc_info = (type(exc), exc, exc.__traceback__) if exc else None
    return logger.makeRecord(logger.name, logging.WARNING, __file__, 1, message, args, exc_info, extra=extra)


def as_json(made: logging.LogRecord) -> dict[str, Any]:
    text = logs.JsonLines("api").format(made)
    assert len(text.splitlines()) == 1
    line: dict[str, Any] = json.loads(text)
    return line


def test_a_line_says_when_what_where_and_who() -> None:
    line = as_json(record("lease lapsed of %s", "a", transcription_id="5f0c", path=Path("/mnt/flex-1")))
    assert datetime.fromisoformat(line.pop("time")).utcoffset() is not None
    assert line == {
        "level": "WARNING",
        "service": "api",
        "logger": "archivist_common.tests",
        "message": "lease lapsed of a",
        "transcription_id": "5f0c",
        "path": "/mnt/flex-1",
    }


def test_an_error_brings_its_traceback() -> None:
    line = as_json(record("failed", exc=ValueError(FORGED)))
    assert "ValueError: a.mp4" in line["traceback"]


def test_names_of_any_language_stay_readable() -> None:
    assert "Café «🎥»" in logs.JsonLines("api").format(record("Café «🎥»"))


def test_bound_fields_stand_in_every_line_inside_and_in_none_after() -> None:
    with logs.bound(request_id="r", job="outer"):
        with logs.bound(job="inner"):
            line = as_json(record("a"))
            assert (line["request_id"], line["job"]) == ("r", "inner")
        assert as_json(record("b"))["job"] == "outer"
    assert not {"request_id", "job"} & set(as_json(record("c")))


def test_what_a_line_says_itself_wins_over_what_is_bound() -> None:
    with logs.bound(job="bound"):
        assert as_json(record("a", job="said"))["job"] == "said"


async def test_tasks_that_run_at_once_keep_their_fields_apart() -> None:
    async def work(name: str) -> str:
        with logs.bound(job=name):
            await asyncio.sleep(0)
            return str(as_json(record("a"))["job"])

    assert await asyncio.gather(*(work(name) for name in "abc")) == ["a", "b", "c"]


def test_fields_reach_the_tasks_and_threads_started_inside() -> None:
    async def main() -> tuple[str, str]:
        with logs.bound(job="a"):
            task = asyncio.create_task(asyncio.to_thread(lambda: str(as_json(record("x"))["job"])))
            return await task, await asyncio.to_thread(lambda: str(as_json(record("x"))["job"]))

    loop = asyncio.new_event_loop()
    try:
        assert loop.run_until_complete(main()) == ("a", "a")
    finally:
        loop.close()


@pytest.mark.parametrize("where", ["message", "argument", "field", "traceback"])
@pytest.mark.parametrize("formatter", [logs.JsonLines("api"), logs.PlainLines()], ids=["json", "plain"])
def test_no_name_can_forge_a_line(formatter: logging.Formatter, where: str) -> None:
    made = {
        "message": lambda: record(FORGED),
        "argument": lambda: record("opening %s", FORGED),
        "field": lambda: record("opening", path=FORGED),
        "traceback": lambda: record("failed", exc=ValueError(FORGED)),
    }[where]()
    first, *rest = formatter.format(made).splitlines()
    assert all(line.startswith("    ") for line in rest), "only a traceback goes on, set in"
    assert bool(rest) == (where == "traceback" and isinstance(formatter, logs.PlainLines))
    for line in (first, *rest):
        assert line.isprintable(), ascii(line)


def test_a_plain_line_is_the_documentations() -> None:
    line = logs.PlainLines().format(record("lease lapsed", job="a"))
    stamp, rest = line.split(" [", 1)
    assert datetime.strptime(stamp, "%Y-%m-%d %H:%M:%S%z").utcoffset() is not None
    assert rest == "WARNING] archivist_common.tests: lease lapsed job=a"


@pytest.mark.parametrize(
    ("service", "main", "errors"),
    [
        ("api", "archivist.log", "error.log"),
        ("transcriber", "transcription.log", "error-transcriber.log"),
        ("vod", "vod.log", "error-vod.log"),
        ("monitor", "monitor.log", "error-monitor.log"),
    ],
)
def test_each_service_writes_its_own_files(
    root: logging.Logger, settings: Settings, tmp_path: Path, service: str, main: str, errors: str
) -> None:
    folder = tmp_path / "log"
    logs.set_up(service, settings(LOG_FILE=str(folder / "archivist.log")))
    log = logging.getLogger("archivist_common.tests")
    log.debug("too quiet")
    log.info("a step")
    log.error("trouble")
    assert sorted(path.name for path in folder.iterdir()) == sorted([main, errors])
    assert [line.split(": ", 1)[1] for line in (folder / main).read_text().splitlines()] == ["a step", "trouble"]
    assert [line.split(": ", 1)[1] for line in (folder / errors).read_text().splitlines()] == ["trouble"]


def test_standard_error_gets_every_line_as_json(
    root: logging.Logger, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.set_up("api", settings(LOG_LEVEL="WARNING"))
    logging.getLogger("archivist_common.tests").info("too quiet")
    logging.getLogger("archivist_common.tests").warning("heard")
    [line] = capsys.readouterr().err.splitlines()
    assert json.loads(line)["message"] == "heard"
    assert root.handlers
    assert all(getattr(handler, "stream", sys.stderr) is sys.stderr for handler in root.handlers)


def test_files_are_rotated_at_their_size_and_the_oldest_go(
    root: logging.Logger, settings: Settings, tmp_path: Path
) -> None:
    logs.set_up("api", settings(LOG_FILE=str(tmp_path / "archivist.log"), LOG_MAX_SIZE="1KB", LOG_BACKUP_COUNT="2"))
    for number in range(60):
        logging.getLogger("archivist_common.tests").info("line %d of a long story", number)
    kept = sorted(path.name for path in tmp_path.glob("archivist.log*"))
    assert kept == ["archivist.log", "archivist.log.1", "archivist.log.2"]
    assert all((tmp_path / name).stat().st_size <= 1024 for name in kept)
    assert "line 59" in (tmp_path / "archivist.log").read_text()


def test_a_file_name_that_is_no_text_is_written_all_the_same(
    root: logging.Logger, settings: Settings, tmp_path: Path
) -> None:
    logs.set_up("api", settings(LOG_FILE=str(tmp_path / "archivist.log")))
    logging.getLogger("archivist_common.tests").warning("skipped %s", "caf\udce9.mp4")
    assert "caf\\udce9.mp4" in (tmp_path / "archivist.log").read_text()


def test_chatty_libraries_are_kept_quiet(root: logging.Logger, settings: Settings) -> None:
    logs.set_up("api", settings(LOG_LEVEL="INFO"))
    assert not logging.getLogger("httpx").isEnabledFor(logging.INFO)
    assert logging.getLogger("httpx").isEnabledFor(logging.WARNING)
