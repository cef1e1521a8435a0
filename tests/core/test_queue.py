"""Bells: they wake workers, and nothing worse happens to them than being rung again."""

import asyncio
import time
from typing import Any

import pytest
from saq.job import Status
from saq.worker import Worker

from webapp.core.background import beside
from webapp.core.house import House
from webapp.core.ids import new_id
from webapp.core.queue import TASK


async def test_sweep_by_a_clock_that_is_ahead_stops_nobody(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SAQ would cancel what another worker does, and that worker would begin again, and again."""
    ended = asyncio.Event()

    async def work(context: object, *, job: str) -> None:
        await asyncio.sleep(3)
        ended.set()

    queue = house.doorbell.queue
    # Sweeping is what this test does itself.
    timers: Any = {"sweep": 3600}
    worker: Worker[Any] = Worker(queue, [(TASK, work)], dequeue_timeout=1, timers=timers)
    await queue.redis.set(queue._sweep, 1)
    async with beside(worker.start()):
        await house.doorbell.ring(new_id(), "a-bell")
        while not (bell := await queue.job("a-bell")) or bell.status != Status.ACTIVE:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        await queue.redis.delete(queue._sweep)
        honest = time.time
        monkeypatch.setattr("saq.job.now", lambda: round((honest() + 90) * 1000))
        assert await queue.sweep() == [bell.id]
        monkeypatch.undo()
        async with asyncio.timeout(6):
            await ended.wait()


async def test_bell_whose_worker_died_can_be_rung_again(house: House) -> None:
    queue, job = house.doorbell.queue, new_id()
    await house.doorbell.ring(job, "a-bell")
    bell = await queue.dequeue(timeout=2)
    assert bell
    await bell.update(status=Status.ACTIVE)
    assert await queue.sweep() == []
    assert (await house.doorbell.ring(job, "a-bell"), await queue.count("queued")) == (True, 0)
    await queue.redis.delete(queue._sweep)
    bell.started = bell.touched = 1
    await queue.redis.set(bell.id, queue.serialize(bell))
    assert await queue.sweep() == [bell.id]
    await house.doorbell.ring(job, "a-bell")
    assert await queue.count("queued") == 1
