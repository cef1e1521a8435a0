"""How SAQ runs us: what it calls, and what is opened before the first job and closed after the last."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import structlog

from tasks.child import EngineChild, EngineCrashed
from tasks.confinement import keep_secrets
from tasks.folders import clear_left_behind
from tasks.protocol import EngineConfig
from tasks.stopping import end_after, leave_within
from tasks.transcribe import transcribe
from webapp.core import health, upkeep
from webapp.core.background import beside
from webapp.core.errors import JobFailed
from webapp.core.house import House, open_house
from webapp.core.logs import configure_logs
from webapp.core.queue import TASK, PatientQueue, open_redis
from webapp.core.settings import Settings, get_settings, settings_or_exit

log = structlog.get_logger(__name__)

RECONCILE_EVERY_S = 15
PURGE_EVERY_S = 3600
_LAST_S = 2


def settings() -> dict[str, Any]:
    ours = settings_or_exit()
    configure_logs(ours)
    return {
        "queue": PatientQueue(open_redis(ours), name=ours.queue_name),
        "functions": [(TASK, transcribe)],
        "concurrency": ours.worker_concurrency,
        # Shorter than the client's own time-out, so that waiting for work is not taken for a dead server.
        "dequeue_timeout": 10,
        # No grace is long enough to finish a job: it is cancelled at once and given back. What is left of the
        # grace is for closing everything.
        "cancellation_hard_deadline_s": ours.shutdown_grace_s * 0.7,
        "startup": startup,
        "shutdown": shutdown,
    }


async def startup(context: dict[str, Any]) -> None:
    ours = get_settings()
    keep_secrets()
    clear_left_behind()
    async with AsyncExitStack() as stack:
        asked = context["worker"].event
        await stack.enter_async_context(beside(end_after(asked, ours.shutdown_grace_s)))
        house = await stack.enter_async_context(open_house(ours))
        children = await _children(ours, stack)
        for work in (
            every(health.BEAT_EVERY_S, health.beat, house),
            every(RECONCILE_EVERY_S, upkeep.reconcile, house),
            every(PURGE_EVERY_S, upkeep.purge, house),
        ):
            await stack.enter_async_context(beside(work))
        context.update(house=house, children=children, stack=stack.pop_all())
    log.info("worker ready", models=ours.models)


async def shutdown(context: dict[str, Any]) -> None:
    if "stack" in context:
        await context["stack"].aclose()
    # What still runs is a thread that speaks to the storage, for a job that was given back.
    leave_within(_LAST_S)


async def every(seconds: float, duty: Callable[[House], Awaitable[None]], house: House) -> None:
    """Not SAQ's cron: that needs Redis, and a free place among jobs that may take hours."""
    while True:
        try:
            await duty(house)
        except Exception as problem:
            log.warning("duty failed", duty=duty.__name__, problem=repr(problem))
        await asyncio.sleep(seconds)


async def _children(ours: Settings, stack: AsyncExitStack) -> "asyncio.Queue[EngineChild]":
    """One engine process for each job at a time, each with the default model loaded."""
    children: asyncio.Queue[EngineChild] = asyncio.Queue()
    for _ in range(ours.worker_concurrency):
        child = await stack.enter_async_context(EngineChild(_config(ours)))
        await _warm(child, ours.default_model)
        children.put_nowait(child)
    return children


async def _warm(child: EngineChild, model: str) -> None:
    try:
        loaded = await child.load(model)
    except JobFailed as reason:
        # Whoever starts the worker should learn now that it could do nothing, not with the first job.
        sys.exit(f"The worker cannot load its default model: {reason.message}")
    except EngineCrashed as crash:
        sys.exit(f"The worker cannot load its default model: {crash}. Is ENGINE_MEMORY_MB too small for it?")
    log.info("model loaded", model=loaded.model, device=loaded.device, compute_type=loaded.compute_type)


def _config(ours: Settings) -> EngineConfig:
    share = len(os.sched_getaffinity(0)) // ours.worker_concurrency
    return EngineConfig(
        models=ours.models,
        models_dir=ours.models_dir,
        device=ours.device,
        compute_type=ours.compute_type,
        cpu_threads=ours.cpu_threads or max(1, share),
        vad_threshold=ours.vad_threshold,
        vad_min_silence_ms=ours.vad_min_silence_ms,
        max_duration_s=ours.max_duration_h * 3600,
        max_channels=ours.max_channels,
        min_sample_rate=ours.min_sample_rate,
        max_sample_rate=ours.max_sample_rate,
        memory_mb=ours.engine_memory_mb,
    )
