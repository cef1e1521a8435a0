"""The servers themselves: found, private, and gone when they should be."""

from redis import Redis

from local.servers import Servers
from webapp.core.database import Database
from webapp.core.tables import Job


def test_a_key_is_kept_by_valkey(servers: Servers) -> None:
    with Redis.from_url(servers.valkey.url) as client:
        assert client.get("a") is None
        client.set("a", "b")


def test_the_next_test_finds_it_empty_again(servers: Servers) -> None:
    with Redis.from_url(servers.valkey.url) as client:
        assert client.get("a") is None


async def test_the_database_has_tables(database: Database) -> None:
    assert await Job.count() == 0
