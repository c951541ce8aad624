"""The six tables of the technical documentation: every column, type, default, index and check it promises.

Transcribed from its section "Database Schema". Two things are ours: times carry their zone, and a reference to
a person or a job says what becomes of it when that is deleted.
"""

import re

import pytest
from sqlalchemy import text

from archivist_common.database.engine import Database

# column -> type as PostgreSQL prints it, NULL allowed, default. `+` before "not null": the documentation allows NULL
# where it gives a default; we do not, so that nobody has to ask what an unset status means.
USERS = """
    id               integer                 not null  nextval
    username         character varying(80)   not null
    email            character varying(120)  not null
    password_hash    character varying(255)  not null
    role             character varying(20)   +not null 'user'
    active           boolean                 +not null true
    created_date     timestamptz             +not null now()
    last_login       timestamptz             null
"""
TRANSCRIPTIONS = """
    id               uuid                    not null  gen_random_uuid()
    user_id          integer                 null
    filename         character varying(255)  not null
    file_path        character varying(500)  not null
    file_size        bigint                  null
    duration         integer                 null
    status           character varying(20)   +not null 'pending'
    progress         integer                 +not null 0
    language         character varying(10)   +not null 'en'
    model            character varying(50)   +not null 'large-v2'
    output_format    character varying(10)   +not null 'scc'
    include_summary  boolean                 +not null true
    priority         integer                 +not null 1
    created_date     timestamptz             +not null now()
    started_date     timestamptz             null
    completed_date   timestamptz             null
    scc_file_path    character varying(500)  null
    summary_file_path character varying(500) null
    metadata_file_path character varying(500) null
    error_message    text                    null
    processing_time  integer                 null
    vod_id           character varying(100)  null
    vod_url          character varying(500)  null
    vod_status       character varying(20)   null
"""
CABLECAST_SHOWS = """
    id               integer                 not null  nextval
    cablecast_id     integer                 not null
    title            character varying(255)  not null
    description      text                    null
    category         character varying(100)  null
    producer         character varying(100)  null
    runtime          integer                 null
    created_date     timestamptz             null
    updated_date     timestamptz             +not null now()
"""
VOD_CONTENT = """
    id               integer                 not null  nextval
    transcription_id uuid                    null
    cablecast_show_id integer                null
    vod_id           character varying(100)  not null
    title            character varying(255)  not null
    description      text                    null
    url              character varying(500)  null
    thumbnail_url    character varying(500)  null
    duration         integer                 null
    quality          integer                 null
    status           character varying(20)   +not null 'processing'
    published_date   timestamptz             null
    created_date     timestamptz             +not null now()
"""
API_KEYS = """
    id               integer                 not null  nextval
    user_id          integer                 +not null
    key_hash         character varying(255)  not null
    name             character varying(100)  not null
    description      text                    null
    permissions      text[]                  +not null '{}'
    active           boolean                 +not null true
    expires_at       timestamptz             null
    last_used        timestamptz             null
    created_date     timestamptz             +not null now()
"""
SYSTEM_LOGS = """
    id               integer                 not null  nextval
    level            character varying(20)   not null
    message          text                    not null
    component        character varying(50)   null
    user_id          integer                 null
    transcription_id uuid                    null
    metadata         jsonb                   null
    created_date     timestamptz             +not null now()
"""
TABLES = {
    "users": USERS,
    "transcriptions": TRANSCRIPTIONS,
    "cablecast_shows": CABLECAST_SHOWS,
    "vod_content": VOD_CONTENT,
    "api_keys": API_KEYS,
    "system_logs": SYSTEM_LOGS,
}
_LINE = re.compile(r"\s*(\w+)\s+(\S.*?)\s+(\+?not null|null)\s*(.*)")
COLUMNS = [
    pytest.param(table, *found.groups(), id=f"{table}.{found[1]}")
    for table, lines in TABLES.items()
    for line in lines.strip("\n").splitlines()
    if (found := _LINE.fullmatch(line))
]

INDEXES = {
    "idx_transcriptions_status": "transcriptions (status)",
    "idx_transcriptions_user_id": "transcriptions (user_id)",
    "idx_transcriptions_created_date": "transcriptions (created_date)",
    "idx_transcriptions_vod_status": "transcriptions (vod_status)",
    "idx_cablecast_shows_cablecast_id": "cablecast_shows (cablecast_id)",
    "idx_cablecast_shows_title": "cablecast_shows (title)",
    "idx_vod_content_transcription_id": "vod_content (transcription_id)",
    "idx_vod_content_status": "vod_content (status)",
    "idx_api_keys_user_id": "api_keys (user_id)",
    "idx_api_keys_active": "api_keys (active)",
    "idx_system_logs_level": "system_logs (level)",
    "idx_system_logs_component": "system_logs (component)",
    "idx_system_logs_created_date": "system_logs (created_date)",
}
CHECKS = {
    "check_status": ("transcriptions", {"pending", "processing", "completed", "failed", "cancelled"}),
    "check_priority": ("transcriptions", {"priority >= 1", "priority <= 5"}),
    "check_role": ("users", {"admin", "operator", "user"}),
    "check_vod_status": ("vod_content", {"processing", "published", "failed", "removed"}),
}
UNIQUE = [
    ("users", "username"),
    ("users", "email"),
    ("cablecast_shows", "cablecast_id"),
    ("vod_content", "vod_id"),
    ("api_keys", "key_hash"),
]
REFERENCES = [
    ("transcriptions", "user_id", "users"),
    ("vod_content", "transcription_id", "transcriptions"),
    ("vod_content", "cablecast_show_id", "cablecast_shows"),
    ("api_keys", "user_id", "users"),
    ("system_logs", "user_id", "users"),
    ("system_logs", "transcription_id", "transcriptions"),
]


async def one(db: Database, sql: str, **values: object) -> object:
    async with db.transaction() as session:
        return (await session.execute(text(sql), values)).scalar_one_or_none()


def test_the_tables_above_were_read_whole() -> None:
    assert len(COLUMNS) == sum(len(lines.strip().splitlines()) for lines in TABLES.values()) == 72


@pytest.mark.parametrize(("table", "column", "kind", "null", "default"), COLUMNS)
async def test_column(db: Database, table: str, column: str, kind: str, null: str, default: str) -> None:
    async with db.transaction() as session:
        found = (
            await session.execute(
                text(
                    "SELECT format_type(atttypid, atttypmod), attnotnull, pg_get_expr(adbin, adrelid) "
                    "FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum "
                    "WHERE attrelid = CAST(:table AS regclass) AND attname = :column AND attnum > 0"
                ),
                {"table": table, "column": column},
            )
        ).one()
    assert found[0] == kind.replace("timestamptz", "timestamp with time zone")
    assert found[1] == (null != "null")
    assert (found[2] or "").startswith(default)
    assert bool(found[2]) == bool(default)


@pytest.mark.parametrize("name", INDEXES)
async def test_index(db: Database, name: str) -> None:
    found = await one(db, "SELECT indexdef FROM pg_indexes WHERE indexname = :name", name=name)
    table, columns = INDEXES[name].split(" ", 1)
    assert str(found).endswith(f"ON public.{table} USING btree {columns}")


@pytest.mark.parametrize("name", CHECKS)
async def test_check(db: Database, name: str) -> None:
    table, words = CHECKS[name]
    found = await one(
        db,
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'c' AND conname = :name "
        "AND conrelid = CAST(:table AS regclass)",
        name=name,
        table=table,
    )
    quoted = set(re.findall(r"'(\w+)'", str(found))) or set(re.findall(r"priority [<>]= \d", str(found)))
    assert quoted == words


@pytest.mark.parametrize(("table", "column"), UNIQUE)
async def test_unique(db: Database, table: str, column: str) -> None:
    found = await one(
        db,
        "SELECT conname FROM pg_constraint WHERE contype = 'u' AND conrelid = CAST(:table AS regclass) "
        "AND pg_get_constraintdef(oid) = :definition",
        table=table,
        definition=f"UNIQUE ({column})",
    )
    assert found


@pytest.mark.parametrize(("table", "column", "other"), REFERENCES)
async def test_reference(db: Database, table: str, column: str, other: str) -> None:
    found = await one(
        db,
        "SELECT conname FROM pg_constraint WHERE contype = 'f' AND conrelid = CAST(:table AS regclass) "
        "AND pg_get_constraintdef(oid) LIKE :definition",
        table=table,
        definition=f"FOREIGN KEY ({column}) REFERENCES {other}(id)%",
    )
    assert found


async def test_no_time_is_without_a_zone(db: Database) -> None:
    found = await one(
        db,
        "SELECT string_agg(table_name || '.' || column_name, ', ') FROM information_schema.columns "
        "WHERE table_schema = 'public' AND data_type = 'timestamp without time zone'",
    )
    assert found is None


async def test_no_extension_is_asked_for(db: Database) -> None:
    assert await one(db, "SELECT string_agg(extname, ', ') FROM pg_extension WHERE extname <> 'plpgsql'") is None
