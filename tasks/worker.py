"""How SAQ runs us: what it calls, and what is opened before the first job and closed after the last."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

import structlog

from tasks.answers import ChildCrashed
from tasks.child import Decoder, EngineChild
from tasks.confinement import keep_secrets
from tasks.crew import Crew
from tasks.folders import clear_left_behind
from tasks.look import look, work_off
from tasks.protocol import ChildConfig
from tasks.shape import shape
from tasks.stopping import Restart, end_after, leave_within
from webapp.core import health, removals, sweeping, upkeep
from webapp.core.background import beside
from webapp.core.errors import JobFailed
from webapp.core.house import House, open_house
from webapp.core.logs import configure_logs
from webapp.core.queue import TASK, PatientQueue, open_redis
from webapp.core.settings import Settings, get_settings, settings_or_exit

log = structlog.get_logger(__name__)

LOOK_EVERY_S = 5
RECONCILE_EVERY_S = 10
# It reads the whole bucket: not at each start of a worker that starts afresh often.
SWEEP_FIRST_S = 600
PURGE_EVERY_S = 3600
_LAST_S = 2


def settings() -> dict[str, Any]:
    ours = settings_or_exit()
    configure_logs(ours)
    return {
        "queue": PatientQueue(open_redis(ours), name=ours.queue_name),
        "functions": [(TASK, look)],
        # One more than hear: a recording is cut into chunks while others are heard.
        "concurrency": shape(ours).engines * ours.engine_batch + 1,
        # Shorter than the client's own time-out, so that waiting for work is not taken for a dead server.
        "dequeue_timeout": 10,
        # No grace is long enough to finish a job: it is cancelled at once and given back. What is left of the
        # grace is for closing everything.
        "cancellation_hard_deadline_s": ours.shutdown_grace * 0.7,
        # A bell whose worker died wakes nobody, and cannot be rung again, until it is forgotten.
        "timers": {"sweep": 15},
        "startup": startup,
        "shutdown": shutdown,
    }


async def startup(context: dict[str, Any]) -> None:
    ours = get_settings()
    keep_secrets()
    clear_left_behind()
    async with AsyncExitStack() as stack:
        asked = context["worker"].event
        restart = Restart(asked)
        await stack.enter_async_context(beside(end_after(asked, ours.shutdown_grace, restart)))
        house = await stack.enter_async_context(open_house(ours))
        crew = await _crew(ours, stack, restart)
        for work in (
            every(health.BEAT_EVERY_S, health.beat, house),
            every(LOOK_EVERY_S, partial(work_off, crew, None), house),
            every(RECONCILE_EVERY_S, upkeep.reconcile, house),
            every(RECONCILE_EVERY_S, removals.carry_out, house),
            every(PURGE_EVERY_S, upkeep.purge, house),
            every(PURGE_EVERY_S, sweeping.sweep, house, first_after=SWEEP_FIRST_S),
        ):
            await stack.enter_async_context(beside(work))
        context.update(house=house, crew=crew, restart=restart, stack=stack.pop_all())
    log.info("worker ready", models=ours.models)


async def shutdown(context: dict[str, Any]) -> None:
    if "stack" in context:
        await context["stack"].aclose()
        context["restart"].carry_out()
    # What still runs is a thread that speaks to the storage, for a job that was given back.
    leave_within(_LAST_S)


async def every(
    seconds: float, duty: Callable[[House], Awaitable[object]], house: House, *, first_after: float = 0.0
) -> None:
    """Not SAQ's cron: that needs Redis, and a free place among jobs that may take hours."""
    await asyncio.sleep(first_after)
    while True:
        try:
            await duty(house)
        except Exception as problem:
            log.warning("duty failed", duty=str(duty), problem=repr(problem))
        await asyncio.sleep(seconds)


async def _crew(ours: Settings, stack: AsyncExitStack, restart: Restart) -> Crew:
    """An engine for each chunk at a time, with the default model loaded, and a decoder."""
    decoder = await stack.enter_async_context(Decoder(_config(ours, ours.decoder_memory_mb)))
    config = _config(ours, ours.engine_memory_mb)
    engines = [await stack.enter_async_context(EngineChild(config)) for _ in range(shape(ours).engines)]
    for engine in engines:
        await _warm(engine, ours.default_model)
    await _started(decoder)
    return Crew(ours, decoder, engines, restart)


async def _started(decoder: Decoder) -> None:
    try:
        await decoder.start()
    except (ChildCrashed, OSError) as problem:  # a time-out too: it never got ready
        sys.exit(f"The worker cannot start its decoder: {problem!r}. Is DECODER_MEMORY_MB too small for it?")


async def _warm(child: EngineChild, model: str) -> None:
    try:
        loaded = await child.load(model)
    except JobFailed as reason:
        # Whoever starts the worker should learn now that it could do nothing, not with the first job.
        sys.exit(f"The worker cannot load its default model: {reason.message}")
    except ChildCrashed as crash:
        sys.exit(f"The worker cannot load its default model: {crash}. Is ENGINE_MEMORY_MB too small for it?")
    log.info("model loaded", model=loaded.model, device=loaded.device, compute_type=loaded.compute_type)


def _config(ours: Settings, memory_mb: int) -> ChildConfig:
    return ChildConfig(
        models=ours.models,
        models_dir=ours.models_dir,
        device=ours.device,
        compute_type=ours.compute_type,
        cpu_threads=shape(ours).threads,
        vad_threshold=ours.vad_threshold,
        vad_min_silence_ms=ours.vad_min_silence_ms,
        max_duration_s=ours.max_duration_h * 3600,
        max_channels=ours.max_channels,
        min_sample_rate=ours.min_sample_rate,
        max_sample_rate=ours.max_sample_rate,
        memory_mb=memory_mb,
    )
