"""Everything that is done to the cluster. Each fault has a name, by which schedules and tables know it."""

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress

import psutil
from redis.asyncio import Redis
from redis.exceptions import RedisError

from local.process import Server
from tests.chaos import bells
from tests.chaos.cluster import LEASE_S, Cluster
from tests.chaos.schedule import REFUSING, SILENT, PlannedFault

Fault = Callable[[Cluster, PlannedFault], Awaitable[None]]
FAULTS: dict[str, Fault] = {}
SKEW_S = 90.0
# Long enough for the lease to run out and for another worker to have taken the work.
BEYOND_LEASE_S = LEASE_S + 4
_BUSY_WITHIN_S = 3.0


def fault(name: str) -> Callable[[Fault], Fault]:
    def named(carry_out: Fault) -> Fault:
        FAULTS[name] = carry_out
        return carry_out

    return named


@fault("worker: SIGKILL")
async def kill_worker(cluster: Cluster, plan: PlannedFault) -> None:
    cluster.workers[plan.target].kill()


@fault("worker: SIGTERM")
async def stop_worker(cluster: Cluster, plan: PlannedFault) -> None:
    cluster.workers[plan.target].ask_to_stop()


@fault("both workers: SIGKILL")
async def kill_workers(cluster: Cluster, plan: PlannedFault) -> None:
    for worker in cluster.workers:
        worker.kill()


@fault("web: SIGKILL")
async def kill_web(cluster: Cluster, plan: PlannedFault) -> None:
    cluster.webs[plan.target].kill()


@fault("web: SIGTERM")
async def stop_web(cluster: Cluster, plan: PlannedFault) -> None:
    cluster.webs[plan.target].ask_to_stop()


@fault("engine: SIGKILL")
async def kill_engine(cluster: Cluster, plan: PlannedFault) -> None:
    await _signal_child(cluster, "engine", signal.SIGKILL)


@fault("engine: SIGTERM")
async def stop_engine(cluster: Cluster, plan: PlannedFault) -> None:
    await _signal_child(cluster, "engine", signal.SIGTERM)


@fault("decoder: SIGKILL")
async def kill_decoder(cluster: Cluster, plan: PlannedFault) -> None:
    await _signal_child(cluster, "decoder", signal.SIGKILL)


@fault("decoder: SIGTERM")
async def stop_decoder(cluster: Cluster, plan: PlannedFault) -> None:
    await _signal_child(cluster, "decoder", signal.SIGTERM)


@fault("worker frozen beyond its lease, then awake (SIGSTOP, SIGCONT)")
async def freeze_worker(cluster: Cluster, plan: PlannedFault) -> None:
    worker = cluster.workers[plan.target]
    worker.excuse()
    with _frozen(worker.tree()[:1]):
        await asyncio.sleep(BEYOND_LEASE_S)


@fault("worker and its children frozen beyond its lease, then awake")
async def freeze_worker_and_children(cluster: Cluster, plan: PlannedFault) -> None:
    worker = cluster.workers[plan.target]
    worker.excuse()
    with _frozen(worker.tree()):
        await asyncio.sleep(BEYOND_LEASE_S)


@fault("clock of a worker 90 s forward or back, from a restart on")
async def turn_clock(cluster: Cluster, plan: PlannedFault) -> None:
    worker = cluster.workers[plan.target]
    worker.turn_clock(SKEW_S if plan.later else -SKEW_S)
    worker.ask_to_stop()


@fault("Redis: FLUSHALL")
async def flush_redis(cluster: Cluster, plan: PlannedFault) -> None:
    await _tell_redis(cluster, "FLUSHALL")


@fault("Redis: killed, and started again empty")
async def kill_redis(cluster: Cluster, plan: PlannedFault) -> None:
    await asyncio.to_thread(_away, cluster, cluster.servers.valkey, plan.seconds, kill=True)


@fault(REFUSING)
async def refuse_writes(cluster: Cluster, plan: PlannedFault) -> None:
    await _tell_redis(cluster, "CONFIG", "SET", "maxmemory", "1")
    await asyncio.sleep(plan.seconds)
    await _tell_redis(cluster, "CONFIG", "SET", "maxmemory", "0")


@fault(SILENT)
async def silence_redis(cluster: Cluster, plan: PlannedFault) -> None:
    await _tell_redis(cluster, "CLIENT", "PAUSE", str(round(plan.seconds * 1000)), "ALL")
    await asyncio.sleep(plan.seconds)


@fault("every bell delivered twice for 10 s, finished ones too")
async def ring_twice(cluster: Cluster, plan: PlannedFault) -> None:
    with suppress(RedisError, OSError, TimeoutError):
        await bells.echo(cluster, 10.0)


@fault("PostgreSQL: restarted")
async def restart_postgres(cluster: Cluster, plan: PlannedFault) -> None:
    await asyncio.to_thread(_away, cluster, cluster.servers.postgres, plan.seconds / 3)


@fault("PostgreSQL: killed, and recovered")
async def kill_postgres(cluster: Cluster, plan: PlannedFault) -> None:
    await asyncio.to_thread(_away, cluster, cluster.servers.postgres, plan.seconds / 3, kill=True)


@fault("PostgreSQL: all connections terminated")
async def cut_connections(cluster: Cluster, plan: PlannedFault) -> None:
    with suppress(OSError, TimeoutError):
        async with cluster.database() as connection:
            await connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'audiotext'"
            )


@fault("S3: stopped for some seconds")
async def stop_s3(cluster: Cluster, plan: PlannedFault) -> None:
    await asyncio.to_thread(_away, cluster, cluster.servers.s3, plan.seconds)


def _away(cluster: Cluster, server: Server, seconds: float, *, kill: bool = False) -> None:
    with cluster.locks[server.name]:
        if kill:
            server.kill()
        else:
            server.stop()
        time.sleep(seconds)
        server.start()


async def _tell_redis(cluster: Cluster, *command: str) -> None:
    """Again until it is heard: another fault may have taken the server away."""
    while True:
        try:
            async with Redis.from_url(cluster.servers.valkey.url, socket_timeout=10) as redis:
                await redis.execute_command(*command)  # type: ignore[no-untyped-call]
                return
        except (RedisError, OSError):
            await asyncio.sleep(0.2)


async def _signal_child(cluster: Cluster, kind: str, number: signal.Signals) -> None:
    """A busy one if there is one soon, since what an idle one loses is nothing."""
    deadline = asyncio.get_running_loop().time() + _BUSY_WITHIN_S
    while True:
        children = [child for worker in cluster.workers for child in worker.tree()[1:] if _is(child, kind)]
        busy = await asyncio.to_thread(_busiest, children)
        if busy or (children and asyncio.get_running_loop().time() > deadline):
            with suppress(psutil.Error):
                (busy or children[0]).send_signal(number)
            return
        await asyncio.sleep(0.05)


def _is(child: psutil.Process, kind: str) -> bool:
    with suppress(psutil.Error):
        return bool(child.cmdline()[2:4] == ["tasks.child_main", kind])
    return False


def _busiest(children: list[psutil.Process]) -> psutil.Process | None:
    worked = {child: _cpu_seconds(child) for child in children}
    time.sleep(0.15)
    worked = {child: _cpu_seconds(child) - before for child, before in worked.items()}
    busiest = max(worked, key=worked.__getitem__, default=None)
    return busiest if busiest and worked[busiest] > 0.05 else None


def _cpu_seconds(process: psutil.Process) -> float:
    with suppress(psutil.Error):
        return float(process.cpu_times().user)
    return 0.0


@contextmanager
def _frozen(processes: list[psutil.Process]) -> Iterator[None]:
    for process in processes:
        with suppress(psutil.Error):
            process.suspend()
    try:
        yield
    finally:
        for process in processes:
            with suppress(psutil.Error):  # it may have been killed meanwhile
                process.resume()
