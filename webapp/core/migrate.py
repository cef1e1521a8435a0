"""The release step: brings the database up to date. Of several at once, one works and the others wait."""

import asyncio

import asyncpg
from piccolo.apps.migrations.commands.forwards import run_forwards

from webapp.core.database import database
from webapp.core.settings import settings_or_exit

# Any constant will do, so long as every release of ours uses the same one.
LOCK = 0x61756469


async def migrate(database_url: str) -> None:
    """Piccolo takes no lock of its own, and the connection that holds ours must not be one of its pool."""
    guard = await asyncpg.connect(database_url)
    try:
        await guard.execute("SELECT pg_advisory_lock($1)", LOCK)
        # One transaction around all: Piccolo notes a migration as done in a second one, and a crash in
        # between would leave tables that it does not know of.
        async with database().transaction():
            result = await run_forwards(app_name="all")
            if not result.success:
                raise SystemExit(f"The database could not be migrated: {result.message}")
    finally:
        await guard.close()


def main() -> None:
    asyncio.run(migrate(settings_or_exit().database_url))


if __name__ == "__main__":
    main()
