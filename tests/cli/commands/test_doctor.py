"""`archivist doctor` against a real database: a well system is well, and each thing that breaks is named."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy import text

from archivist_cli import config
from archivist_cli.commands import doctor
from archivist_cli.commands.doctor import Finding, Health
from archivist_cli.local import data_folder
from archivist_cli.local.data_folder import DataFolder, Running
from archivist_cli.main import main
from archivist_common.database.engine import Database, engine
from archivist_common.settings import CommonSettings

_WORKER = "INSERT INTO workers (id, host, slots, free_slots, ready, details) VALUES ('w', 'h', 2, 2, true, '{}')"
_SILENT = (
    "INSERT INTO workers (id, host, slots, free_slots, ready, details, heartbeat_at) "
    "VALUES ('v', 'h', 2, 2, true, '{}', now() - interval '1 hour')"
)
_JOB = (
    "INSERT INTO transcriptions (id, storage, filename, file_path, dedupe_key) "
    "VALUES ('00000000-0000-0000-0000-000000000001', 'flex-1', 'a.mp4', 'a.mp4', 'a')",
    "INSERT INTO outbox (event, transcription_id, relayed_date) "
    "VALUES ('transcription.queued', '00000000-0000-0000-0000-000000000001', now())",
)
Settings = Callable[..., CommonSettings]


@pytest_asyncio.fixture(loop_scope="session")
async def db(own_database: str) -> AsyncIterator[Database]:
    database = Database(engine(own_database, 1, 0, "tests"))
    yield database
    await database.close()


@pytest.fixture
def settings(own_database: str, redis_url: str, tmp_path: Path) -> Settings:
    """Settings of a well system in the test's own folder, but for what is given."""
    for name in ("media", "output"):
        (tmp_path / name).mkdir()

    def make(**given: object) -> CommonSettings:
        plain = {
            "database_url": own_database,
            "redis_url": redis_url,
            "flex_servers": config.storage_servers({"flex-1": tmp_path / "media"}),
            "default_output_path": tmp_path / "output",
        }
        return CommonSettings(_env_file=None, **plain | given)  # type: ignore[arg-type]

    return make


async def _do(db: Database, *statements: str) -> None:
    async with db.transaction() as session:
        for statement in statements:
            await session.execute(text(statement))


def _unwell(findings: list[Finding]) -> dict[str, Finding]:
    return {finding.name: finding for finding in findings if finding.health is not Health.OK}


async def test_a_well_system_is_well(db: Database, settings: Settings) -> None:
    await _do(db, _WORKER, *_JOB)
    findings = await doctor.examine(settings())
    assert _unwell(findings) == {}
    assert {"database", "schema", "workers", "redis", "output", "storage flex-1", "I1", "I18"} <= {
        finding.name for finding in findings
    }


@pytest.mark.parametrize(
    ("name", "health", "damage", "said"),
    [
        pytest.param("workers", Health.BROKEN, ["DELETE FROM workers"], "none has sent a heartbeat", id="no-worker"),
        pytest.param(
            "workers",
            Health.BROKEN,
            ["UPDATE workers SET ready = false, reason = 'lacks model.bin'"],
            "lacks model.bin",
            id="worker-without-a-model",
        ),
        pytest.param(
            "workers",
            Health.NOTE,
            [_SILENT],
            "1 silent",
            id="a-second-worker-is-silent",
        ),
        pytest.param(
            "queue",
            Health.NOTE,
            [
                "INSERT INTO queue_control (id) VALUES (1) ON CONFLICT DO NOTHING",
                "UPDATE queue_control SET paused_at = now()",
            ],
            "paused since",
            id="queue-paused",
        ),
        pytest.param(
            "reconciler",
            Health.BROKEN,
            ["UPDATE outbox SET relayed_date = NULL, created_date = now() - interval '40 seconds'"],
            "1 events wait to be relayed",
            id="nobody-relays",
        ),
        pytest.param(
            "I1", Health.BROKEN, ["UPDATE transcriptions SET completed_date = now()"], "job 0000", id="row-broken"
        ),
        pytest.param(
            "schema", Health.BROKEN, ["UPDATE alembic_version SET version_num = 'old'"], "old", id="old-schema"
        ),
        pytest.param(
            "I6 files",
            Health.BROKEN,
            [
                "UPDATE transcriptions SET status = 'completed', completed_date = now()",
                "INSERT INTO outbox (event, transcription_id, data, relayed_date) "
                "SELECT 'transcription.completed', id, '{\"attempt\"\\: 0}', now() FROM transcriptions",
                "INSERT INTO artifacts (transcription_id, attempt, kind, path, sha256, size_bytes, public_path) "
                "SELECT id, 0, 'scc', '/nowhere/a.scc', '0', 1, '/nowhere/b.scc' FROM transcriptions",
            ],
            "/nowhere/a.scc cannot be read",
            id="a-file-is-gone",
        ),
    ],
)
async def test_what_is_broken_in_the_database_is_named_with_what_to_do(
    db: Database, settings: Settings, name: str, health: Health, damage: list[str], said: str
) -> None:
    await _do(db, _WORKER, *_JOB, *damage)
    finding = _unwell(await doctor.examine(settings()))[name]
    assert finding.health is health
    assert said in finding.said
    assert finding.to_do.endswith((".", "?"))


@pytest.mark.parametrize(
    ("name", "given", "said"),
    [
        pytest.param("redis", {"redis_url": "redis://127.0.0.1:9/0"}, "not responding", id="redis-away"),
        pytest.param(
            "database", {"database_url": "postgresql://u:p@127.0.0.1:9/d"}, "unavailable", id="database-away"
        ),
        pytest.param("output", {"default_output_path": Path("/nowhere/output")}, "/nowhere/output", id="no-output"),
        pytest.param(
            "storage flex-2", {"flex_servers": "flex-2=/nowhere/flex-2+mount"}, "/nowhere/flex-2", id="no-mount"
        ),
    ],
)
async def test_what_is_away_is_named_with_what_to_do(
    db: Database, settings: Settings, name: str, given: dict[str, object], said: str
) -> None:
    await _do(db, _WORKER, *_JOB)
    broken = _unwell(await doctor.examine(settings(**given)))
    assert set(broken) == {name}
    assert (broken[name].health, said in broken[name].said) == (Health.BROKEN, True)
    assert broken[name].to_do


@pytest.mark.parametrize(
    ("name", "given", "said", "to_do"),
    [
        pytest.param(
            "connections",
            {"database_pool_size": 20, "database_max_overflow": 30},
            r"4 processes may open 50 each, 200 of \d+",
            "DATABASE_POOL_SIZE and DATABASE_MAX_OVERFLOW to 24 together",
            id="pools-of-the-documentation",
        ),
        pytest.param(
            "job timeout",
            {"CELERY_TASK_TIMEOUT": "7200"},
            "JOB_TIMEOUT is 2 h, but a recording of 4 h may take 4 h 10 min",
            "Raise JOB_TIMEOUT, or leave it unset.",
            id="timeout-of-the-documentation",
        ),
    ],
)
async def test_a_limit_that_is_set_too_low_is_noted_with_what_to_set(
    db: Database, settings: Settings, name: str, given: dict[str, object], said: str, to_do: str
) -> None:
    await _do(db, _WORKER, *_JOB)
    unwell = _unwell(await doctor.examine(settings(**given)))
    assert set(unwell) == {name}
    assert unwell[name].health is Health.NOTE
    assert re.match(said, unwell[name].said)
    assert to_do in unwell[name].to_do


async def test_a_second_transcriber_is_a_fifth_process_and_a_silent_one_is_not(
    db: Database, settings: Settings
) -> None:
    second = _WORKER.replace("'w'", "'x'")
    await _do(db, _WORKER, second, _SILENT, *_JOB)
    findings = {finding.name: finding for finding in await doctor.examine(settings())}
    assert findings["connections"].said.startswith("5 processes may open 10 each, 50 of ")


async def test_the_command_prints_a_table_and_its_exit_code_says_whether_all_is_well(
    db: Database,
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    known = settings()
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DATABASE_URL", raising=False)
    data = DataFolder(tmp_path / "data")
    told = {
        "JOB_TIMEOUT": "36000",
        "DATABASE_POOL_SIZE": "6",
        "DEFAULT_OUTPUT_PATH": str(known.default_output_path),
        "FLEX_SERVERS": config.storage_servers({"flex-1": tmp_path / "media"}),
    }
    url, redis = known.database_url.get_secret_value(), known.redis_url.get_secret_value()
    data.note(Running(1, "", url, redis, "", told))
    try:
        await _do(db, _WORKER, *_JOB)
        assert await asyncio.to_thread(main, ["doctor", "--data", str(data.path)]) == 0
        table = capsys.readouterr().out
        assert "checks are well" in table
        assert "10:00:00 is enough" in table
        assert "4 processes may open 11 each" in table
        await _do(db, "DELETE FROM workers")
        assert await asyncio.to_thread(main, ["doctor", "--data", str(data.path)]) == 1
        table = capsys.readouterr().out
        assert "BROKEN  workers" in table
        assert "→ Start archivist-transcriber" in table
        assert await asyncio.to_thread(main, ["doctor", "--json", "--data", str(data.path)]) == 1
        told_of = json.loads(capsys.readouterr().out)
        assert told_of["broken"] == 1
        assert {"name", "health", "said", "to_do"} == set(told_of["findings"][0])
    finally:
        data.release()
    assert data_folder.running(data.path) is None


def test_without_a_database_and_a_running_stack_it_says_what_to_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DATABASE_URL", raising=False)
    assert main(["doctor", "--data", str(tmp_path)]) == 1
    assert "set DATABASE_URL, or start `archivist up`" in capsys.readouterr().err
