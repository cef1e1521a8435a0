"""Work that goes on beside other work, and its end."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any

_AGAIN_AFTER_S = 0.2


@asynccontextmanager
async def beside(work: Coroutine[Any, Any, None]) -> AsyncIterator["asyncio.Task[None]"]:
    """Runs `work` while the body runs, and has ended it when the body is left."""
    task = asyncio.create_task(work)
    try:
        yield task
    finally:
        await end(task)


async def end(task: "asyncio.Task[Any]") -> None:
    """Cancels until it is done: a Redis client that is just connecting takes a cancellation for a
    time-out, and who then waits for the task waits for ever."""
    while not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=_AGAIN_AFTER_S)
    with suppress(asyncio.CancelledError, Exception):
        task.result()
