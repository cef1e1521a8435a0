"""The connection to PostgreSQL: one pool per process, opened by the process and never at import."""

import asyncio
import contextvars
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, ParamSpec, TypeVar

import asyncpg
import structlog
from piccolo.engine import engine_finder
from piccolo.engine.postgres import PostgresEngine, PostgresTransaction

from webapp.core.settings import Settings

log = structlog.get_logger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

# What a restart of the database, or a router that drops the connection, looks like from here.
CONNECTION_LOST = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.OperatorInterventionError,
    asyncpg.TooManyConnectionsError,
    OSError,
    TimeoutError,
)


class Transaction(PostgresTransaction):
    """Piccolo's transaction keeps its connection, and stays the current one, if beginning or ending it
    fails. After a restart of the database each failure would cost the pool a connection for good."""

    async def __aenter__(self) -> "Transaction":
        try:
            await super().__aenter__()
        except BaseException:
            await self._let_go()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        try:
            return bool(await super().__aexit__(kind, error, trace))
        except BaseException:
            if self.engine.current_transaction.get() is self:
                self.engine.current_transaction.reset(self.context)
                await self._let_go()
            raise

    async def _let_go(self) -> None:
        connection = getattr(self, "connection", None)
        if connection is not None and self.engine.pool:
            await self.engine.pool.release(connection)


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

    def transaction(self, allow_nested: bool = True) -> Transaction:
        return Transaction(engine=self, allow_nested=allow_nested)


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


async def patiently(verb: Callable[P, Coroutine[Any, Any, T]], *args: P.args, **kwargs: P.kwargs) -> T:
    """Repeats a verb that may be repeated until the database is back, for a few minutes at most."""
    delay = 0.2
    while True:
        try:
            return await _apart(verb(*args, **kwargs))
        except CONNECTION_LOST as problem:
            if delay > 60:
                raise
            log.warning("database out of reach", problem=repr(problem), retry_in=delay)
        await asyncio.sleep(delay)
        delay *= 2


def _apart(attempt: Coroutine[Any, Any, T]) -> Awaitable[T]:
    """In a context of its own, so that no attempt sees the transaction of one before."""
    return asyncio.create_task(attempt, context=contextvars.copy_context())
