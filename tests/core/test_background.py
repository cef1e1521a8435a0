"""Work beside other work ends when it should, however it takes being cancelled."""

import asyncio

from webapp.core.background import beside


async def test_work_that_mistakes_a_cancellation_for_something_else_ends_all_the_same() -> None:
    """As a Redis client does that is just connecting."""

    async def stubborn() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            await asyncio.sleep(60)

    async with asyncio.timeout(5), beside(stubborn()) as task:
        await asyncio.sleep(0.01)
    assert task.cancelled()


async def test_work_that_failed_does_not_fail_the_body() -> None:
    async def failing() -> None:
        raise ValueError

    async with beside(failing()) as task:
        await asyncio.sleep(0.01)
    assert isinstance(task.exception(), ValueError)
