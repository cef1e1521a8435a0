"""Migrations, and a database that goes away while it is used."""

import asyncio
import subprocess
import sys
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest

from local.servers import Servers
from tests.support.domain import Submit
from tests.support.work import begun
from webapp.core.database import CONNECTION_LOST, database, patiently
from webapp.core.house import House
from webapp.core.ids import new_id
from webapp.core.piccolo_app import APP_CONFIG
from webapp.core.tables import Job, User

ROOT = Path(__file__).parents[2]


async def test_twin_release_steps_both_succeed_on_an_empty_database(
    servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = await asyncpg.connect(servers.postgres.url)
    await connection.execute("CREATE DATABASE fresh")
    url = servers.postgres.url.rpartition("/")[0] + "/fresh"
    monkeypatch.setenv("DATABASE_URL", url)
    try:
        twins = [
            await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "webapp.core.migrate"), cwd=ROOT, stdout=subprocess.DEVNULL
            )
            for _ in range(3)
        ]
        assert [await twin.wait() for twin in twins] == [0, 0, 0]
    finally:
        await connection.execute("DROP DATABASE fresh WITH (FORCE)")
        await connection.close()


async def test_tables_in_code_and_in_the_database_have_the_same_columns(house: House) -> None:
    for table in APP_CONFIG.table_classes:
        rows = await User.raw(
            "SELECT column_name, is_nullable FROM information_schema.columns WHERE table_name = {}",
            table._meta.tablename,
        )
        in_database = {row["column_name"]: row["is_nullable"] == "YES" for row in rows}
        in_code = {column._meta.name: column._meta.null for column in table._meta.columns}
        assert in_code == in_database, table._meta.tablename


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE jobs SET status = 'bogus'",
        "UPDATE jobs SET lease_token = id, lease_until = now()",
        "UPDATE jobs SET status = 'processing', lease_token = id",
        "UPDATE jobs SET status = 'completed'",
        "UPDATE jobs SET status = 'failed', finished_at = now()",
        "UPDATE jobs SET task = 'sing'",
    ],
)
async def test_database_refuses_a_state_that_cannot_be(house: House, submit: object, statement: str) -> None:
    assert callable(submit)
    await submit()
    with pytest.raises(asyncpg.CheckViolationError):
        await Job.raw(statement)


@pytest.mark.parametrize(
    "statement", ["UPDATE chunks SET status = 'pending'", "UPDATE chunks SET lease_until = NULL"]
)
async def test_chunk_is_worked_on_under_a_whole_lease_or_not_at_all(
    house: House, submit: Submit, statement: str
) -> None:
    await begun(house, await submit())
    with pytest.raises(asyncpg.CheckViolationError):
        await Job.raw(statement)


async def test_lost_connections_cost_the_pool_nothing(house: House, servers: Servers) -> None:
    for _ in range(house.settings.database_pool_size + 2):
        with pytest.raises(CONNECTION_LOST):
            await _in_a_transaction_that_is_cut(servers)
    async with asyncio.timeout(10):
        await patiently(User.count().run)


async def test_patience_outlasts_a_restart_of_the_database(house: House, servers: Servers) -> None:
    async def add() -> UUID:
        identity = new_id()
        async with database().transaction():
            await User.insert(User(id=identity))
        return identity

    await asyncio.to_thread(servers.postgres.kill)
    adding = asyncio.create_task(patiently(add))
    await asyncio.sleep(0.5)
    await asyncio.to_thread(servers.postgres.start)
    added = await adding
    assert await User.exists().where(User.id == added)


async def _in_a_transaction_that_is_cut(servers: Servers) -> None:
    async with database().transaction():
        await _cut_connections(servers)
        await User.raw("SELECT 1")


async def _cut_connections(servers: Servers) -> None:
    connection = await asyncpg.connect(servers.postgres.url)
    await connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'audiotext'"
    )
    await connection.close()
