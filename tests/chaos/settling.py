"""After the last fault: how long it takes until every job has ended, and everything useless is removed."""

import asyncio
from dataclasses import dataclass
from typing import Any

from tests.chaos import bells
from tests.chaos.cluster import Cluster
from tests.chaos.recordings import SECONDS
from tests.chaos.schedule import Kind, PlannedJob
from tests.chaos.services import GRACE_S
from tests.chaos.stream import Stream
from tests.chaos.waiting import until
from webapp.core.background import end
from webapp.core.tables import ACTIVE

LIMIT_S = 90.0
# Then it is stuck, and not merely late.
PATIENCE_S = 120.0
# Workers remove what is due every ten seconds.
_REMOVED_WITHIN_S = 60.0
# Between a process's end and our noticing it, on a machine with better things to do.
_NOTICED_S = 2.0
_ACTIVE = "SELECT count(*) FROM jobs WHERE status IN ('pending', 'processing')"
_DUE = "SELECT count(*) FROM removals WHERE due_at <= now()"


@dataclass(frozen=True)
class Settled:
    """`took`: seconds from the last fault until every job had ended, None if one did not. The limit is 90 s
    and what `remaining` seconds of sound need at `pace`. `undone` removals were due and not carried out, and
    `swept` objects were named by no row until the hourly round removed them. `queue` is the queue then."""

    took: float | None
    remaining: float
    pace: float
    healthy: bool
    undone: int
    swept: int
    queue: list[str]

    @property
    def limit(self) -> float:
        return LIMIT_S + self.remaining / self.pace

    def problems(self, cluster: Cluster) -> dict[str, list[str]]:
        late = self.took is None or self.took > self.limit
        told = [f"{self.took or 'never'}, allowed were {self.limit:.0f} s", *self.queue]
        return {
            "nothing is stuck after the last fault": told if late else [],
            "all processes are well again": [] if self.healthy else ["they are not"],
            "workers removed what was due by themselves": [f"{self.undone} were left"] * bool(self.undone),
            "who was asked to stop did so in time": _late(cluster),
        }


async def settle(cluster: Cluster, stream: Stream, sending: "asyncio.Task[None]", pace: float) -> Settled:
    loop = asyncio.get_running_loop()
    start = loop.time()
    healthy = await _healed(cluster)
    remaining = await _remaining(cluster, stream)
    patience = LIMIT_S + remaining / pace + PATIENCE_S
    took = None
    if await _ended(cluster, sending, start + patience):
        took = loop.time() - start
    queue = await bells.census(cluster)
    await end(sending)  # if a client still waits for an answer, the audit says so
    undone, swept = await _remove(cluster)
    return Settled(took, remaining, pace, healthy, undone, swept, queue)


async def _healed(cluster: Cluster) -> bool:
    try:
        await cluster.heal()
    except AssertionError:
        return False
    return True


async def _remaining(cluster: Cluster, stream: Stream) -> float:
    """Seconds of sound that nobody has heard yet."""
    async with cluster.database() as connection:
        rows = await connection.fetch("SELECT id, status, position FROM jobs")
    jobs = {str(row["id"]): row for row in rows}
    return sum(_unheard(each.plan, jobs.get(each.job or "")) for each in stream.sent)


def _unheard(plan: PlannedJob, job: Any) -> float:
    """A job without a row is about to be made, or has been deleted."""
    seconds = SECONDS.get(plan.recording, 0.0)
    if job is None:
        return 0.0 if plan.kind == Kind.DELETED else seconds
    retried = plan.kind == Kind.RETRIED and job["status"] == "cancelled"
    return max(0.0, seconds - job["position"]) if retried or job["status"] in ACTIVE else 0.0


async def _ended(cluster: Cluster, sending: "asyncio.Task[None]", deadline: float) -> bool:
    await asyncio.wait({sending}, timeout=deadline - asyncio.get_running_loop().time())
    patience = max(0.0, deadline - asyncio.get_running_loop().time())
    return sending.done() and await until(lambda: _none(cluster, _ACTIVE), patience)


async def _remove(cluster: Cluster) -> tuple[int, int]:
    """Waits for the workers, then does by hand what they would do later: the second look after a deletion,
    which is due after five minutes, and the hourly round."""
    await until(lambda: _none(cluster, _DUE), _REMOVED_WITHIN_S)
    undone = await _count(cluster, _DUE)
    async with cluster.database() as connection:
        await connection.execute("UPDATE removals SET due_at = now()")
    swept = await asyncio.to_thread(cluster.run, "tests.chaos.upkeep")
    return undone, int(swept.split()[-1])  # its log comes first


async def _none(cluster: Cluster, query: str) -> bool:
    return await _count(cluster, query) == 0


async def _count(cluster: Cluster, query: str) -> int:
    async with cluster.database() as connection:
        return int(await connection.fetchval(query))


def _late(cluster: Cluster) -> list[str]:
    return [
        f"{ended.service} took {ended.asked:.1f} s"
        for service in cluster.services
        for ended in service.endings
        if ended.asked and not ended.killed and ended.asked > GRACE_S + _NOTICED_S
    ]
