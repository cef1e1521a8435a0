"""Who holds what, seen twice a second: so that afterwards it can be said what a fault has hit."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass

import asyncpg

from tests.chaos.cluster import Cluster
from tests.chaos.schedule import PlannedFault

# A piece of work is the planning of a job, or a chunk of it.
_HELD = (
    "SELECT id AS job, id, attempt FROM jobs WHERE lease_token IS NOT NULL"
    " UNION ALL SELECT job, id, attempt FROM chunks WHERE lease_token IS NOT NULL"
)
_ATTEMPTS = "SELECT id, attempt FROM jobs UNION ALL SELECT id, attempt FROM chunks"
_EVERY_S = 0.5


@dataclass(frozen=True)
class Piece:
    job: str
    id: str
    attempt: int


@dataclass(frozen=True)
class Hit:
    """A fault as it was carried out, and the pieces that workers held at that moment."""

    plan: PlannedFault
    held: list[Piece]


class Watch:
    def __init__(self, cluster: Cluster) -> None:
        self.held: list[Piece] = []
        self.hits: list[Hit] = []
        self.attempts: dict[str, int] = {}
        self._cluster = cluster

    async def run(self) -> None:
        """Until cancelled, however often the database goes away."""
        while True:
            with suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError):
                await self._look()
            await asyncio.sleep(_EVERY_S)

    def note(self, plan: PlannedFault) -> None:
        self.hits.append(Hit(plan, self.held))

    async def close(self) -> None:
        """Looks up how many attempts each piece that is still there took in the end."""
        async with self._cluster.database() as connection:
            self.attempts = {str(row["id"]): row["attempt"] for row in await connection.fetch(_ATTEMPTS)}

    async def _look(self) -> None:
        async with self._cluster.database() as connection:
            while True:
                rows = await connection.fetch(_HELD)
                self.held = [Piece(str(row["job"]), str(row["id"]), row["attempt"]) for row in rows]
                await asyncio.sleep(_EVERY_S)
