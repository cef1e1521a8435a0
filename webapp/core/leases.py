"""A worker's hold on a piece of work: on the planning of a job, or on one of its chunks.

Whoever changes a job or its chunks locks the job's row first, so that no two wait for each other in a circle.
All moments are the database's: the clocks of workers may differ.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import msgspec
from piccolo.querystring import QueryString

from webapp.core.database import database
from webapp.core.errors import LeaseLost
from webapp.core.house import House
from webapp.core.tables import Chunk, Job

_IDLE_S = 10
NOW = QueryString("now()")


class Claim(msgspec.Struct, frozen=True):
    """What is ours until the lease runs out. The rows are as they were when it was taken."""

    job: Job
    token: UUID

    @property
    def row(self) -> Job | Chunk:
        raise NotImplementedError


class PlanClaim(Claim, frozen=True):
    """A recording to be cut into chunks from `start` on, in seconds: up to there it has been cut already."""

    start: float
    next_chunk: int

    @property
    def row(self) -> Job | Chunk:
        return self.job


class ChunkClaim(Claim, frozen=True):
    chunk: Chunk

    @property
    def row(self) -> Job | Chunk:
        return self.chunk

    @property
    def spans(self) -> list[tuple[int, int]] | None:
        """Where somebody speaks, in milliseconds from the chunk's start. None if nobody has listened."""
        stored = self.chunk.spans
        return msgspec.json.decode(stored, type=list[tuple[int, int]]) if stored else None


def in_seconds(seconds: float) -> QueryString:
    return QueryString("now() + make_interval(secs => {})", float(seconds))


async def renew(house: House, claim: Claim) -> None:
    table = type(claim.row)
    renewed = (
        await table.update({"lease_until": in_seconds(house.settings.lease_s)})
        .where(table.id == claim.row.id, table.lease_token == claim.token)
        .returning(table.id)
    )
    if not renewed:
        raise LeaseLost


async def check(claim: Claim) -> None:
    """Raises LeaseLost once the job was cancelled or deleted, or the work given to somebody else."""
    table = type(claim.row)
    if not await table.exists().where(table.id == claim.row.id, table.lease_token == claim.token):
        raise LeaseLost


@asynccontextmanager
async def holding(claim: Claim, *, expired: bool = False) -> AsyncIterator[None]:
    """A transaction in which nobody can take the work from us. `expired`: we take it from who holds it."""
    async with locked(claim.job.id):
        table = type(claim.row)
        lease = table.select(table.id).where(table.id == claim.row.id, table.lease_token == claim.token)
        if expired:
            lease = lease.where(table.lease_until < NOW)
        if not await lease.lock_rows("NO KEY UPDATE"):
            raise LeaseLost
        yield


@asynccontextmanager
async def locked(job: UUID) -> AsyncIterator[None]:
    """Not for longer than `_IDLE_S` without a word: a process that is stopped here (SIGSTOP, a laptop's lid)
    would keep everybody else from the job until it wakes up."""
    async with database().transaction():
        await Job.raw(
            "SELECT set_config('idle_in_transaction_session_timeout', {}, true) FROM jobs WHERE id = {}"
            " FOR NO KEY UPDATE",
            f"{_IDLE_S}s",
            job,
        )
        yield


def let_go() -> dict[str, Any]:
    return {"lease_token": None, "lease_until": None}
