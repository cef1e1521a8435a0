"""Empties the servers between tests."""

import asyncpg
from redis import Redis

from local.servers import Servers
from tests.support.aside import run_aside

TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'migration'"


def wipe(servers: Servers) -> None:
    for server in servers.all:
        server.start()  # a test may have left one stopped
    with Redis.from_url(servers.valkey.url) as client:
        client.flushall()
    run_aside(_truncate(servers.postgres.url))


async def _truncate(url: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        names = ", ".join(f'"{row["tablename"]}"' for row in await connection.fetch(TABLES))
        if names:
            await connection.execute(f"TRUNCATE {names} CASCADE")
    finally:
        await connection.close()
