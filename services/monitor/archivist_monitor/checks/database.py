"""PostgreSQL: whether it answers and has our schema, and how many connections are active."""

from datetime import timedelta

from sqlalchemy import text

from archivist_common.database import migrate
from archivist_common.database.engine import Database
from archivist_monitor.check import CheckResult, Value

ACTIVE_DEGRADED = 50  # connections; the documentation's threshold

# Client connections of all databases: the limit is the server's. This connection is not counted.
_CONNECTIONS = text(
    "SELECT count(*) FILTER (WHERE state = 'active'), count(*), current_setting('max_connections')::int"
    " FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
)


class DatabaseCheck:
    deadline = timedelta(seconds=3)

    def __init__(self, db: Database) -> None:
        self._db = db

    async def read(self) -> CheckResult:
        """Raises DatabaseUnavailable, and SchemaMismatch when migrations are missing."""
        async with self._db.transaction() as session:
            active, connections, limit = (await session.execute(_CONNECTIONS)).one()
        await migrate.check(self._db)
        return CheckResult(
            values=(
                Value("active_connections", active, "connections", degraded_above=ACTIVE_DEGRADED),
                Value("connections", connections, "connections"),
                Value("max_connections", limit, "connections"),
            )
        )
