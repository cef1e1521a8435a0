"""That a worker stops in time, whatever hangs: a server that fell silent, a thread amid a download."""

import asyncio
import os
import threading

import structlog

log = structlog.get_logger(__name__)


async def end_after(asked: asyncio.Event, seconds: float) -> None:
    """Waits to be asked to stop, and then no longer than this."""
    await asked.wait()
    leave_within(seconds)


def leave_within(seconds: float) -> None:
    """From a thread, since the loop itself may be waiting for what hangs. The engine's process dies with this
    one, a lease runs out, and the next worker to start clears away what was fetched."""
    timer = threading.Timer(seconds, _leave)
    timer.daemon = True
    timer.start()


def _leave() -> None:
    log.warning("not everything could be closed in time")
    os._exit(0)
