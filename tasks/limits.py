"""How long a child may take: silence is a stall, and all of it is bounded by the length of the sound."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from math import inf

from tasks.protocol import Reply
from webapp.core.errors import JobFailed
from webapp.core.house import House

_BASE_S = 60.0
# What the model takes in at a time, however short the sound is.
_WINDOW_S = 30.0
_STALLED = "The worker made no progress with this recording for too long. Try again, or use a smaller model."
_SLOW = "This recording took far longer than its length allows. Try again, or use a smaller model."


async def within_limits(
    house: House, replies: AsyncGenerator[Reply, None], seconds: Callable[[], float]
) -> AsyncGenerator[Reply, None]:
    """Only the child's time counts, not what we do with a reply: a database that is away is not its fault.

    `seconds` of sound are known to be there or to be done; they may grow on the way. Before its first reply
    the child may have a model to fetch and to load, which has nothing to do with the sound.
    """
    loop, spent, stall = asyncio.get_running_loop(), 0.0, float(house.settings.engine_stall_s)
    left = inf
    while True:
        began = loop.time()
        try:
            async with asyncio.timeout(min(left, stall)) as limit:
                reply = await anext(replies)
        except StopAsyncIteration:
            return
        except TimeoutError as problem:
            if not limit.expired():
                raise
            code, words = ("engine_stalled", _STALLED) if stall < left else ("too_slow", _SLOW)
            raise JobFailed(code, words, permanent=False) from problem
        spent += loop.time() - began if left < inf else 0.0
        yield reply
        left = _BASE_S + house.settings.time_limit_factor * max(seconds(), _WINDOW_S) - spent
