"""The connection to PostgreSQL: one pool per process, opened by the process and never at import."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from piccolo.engine import engine_finder
from piccolo.engine.postgres import PostgresEngine

from webapp.core.settings import Settings


class Database(PostgresEngine):
    """Piccolo's engine asks the server for its version as it is made. This one does not, so that importing
    the configuration opens no connection and a database that is away at that moment does no harm."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(config={"dsn": settings.database_url})
        self.pool_size = settings.database_pool_size

    async def check_version(self) -> None:
        return None

    async def prep_database(self) -> None:
        return None


def database() -> Database:
    engine = engine_finder()
    assert isinstance(engine, Database)
    return engine


@asynccontextmanager
async def open_database() -> AsyncIterator[Database]:
    engine = database()
    await engine.start_connection_pool(
        min_size=1,
        max_size=engine.pool_size,
        command_timeout=30,
        server_settings={"application_name": "audiotext"},
    )
    try:
        yield engine
    finally:
        await engine.close_connection_pool()
