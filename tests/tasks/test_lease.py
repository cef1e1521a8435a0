"""A job is held on to in the database and in the queue, each by its own clock."""

import asyncio
from dataclasses import replace
from uuid import UUID

import pytest
from saq.job import Job as Bell

from local.servers import Servers
from tasks.lease import kept
from tests.support.domain import Submit
from tests.support.work import planned
from webapp.core import jobs
from webapp.core.errors import LeaseLost
from webapp.core.house import House
from webapp.core.ids import new_id
from webapp.core.leases import Claim


async def test_queue_hears_of_a_job_often_enough_though_its_lease_is_long(
    house: House, submit: Submit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or it takes the worker for dead, and has it drop the job."""
    monkeypatch.setattr("tasks.lease.HEARTBEAT_S", 1)
    patient = replace(house, settings=replace(house.settings, lease_s=3600))
    job = await submit(model="tiny.en")
    bell = await house.doorbell.queue.dequeue(timeout=5)
    assert bell
    touched = bell.touched
    claim = await planned(patient, job)
    async with kept(patient, claim, bell):
        await asyncio.sleep(1)
    again = await house.doorbell.queue.job(bell.key)
    assert again
    assert again.touched > touched


async def test_cancelled_job_is_let_go_at_once_though_others_of_its_owner_change_too(
    house: House, owner: UUID, submit: Submit
) -> None:
    job = await submit()
    bell = await house.doorbell.queue.dequeue(timeout=5)
    claim = await planned(house, job)
    assert bell
    holding = asyncio.create_task(_held(house, claim, bell))
    while not house.events.listeners:  # noqa: ASYNC110 - nobody tells when one has come
        await asyncio.sleep(0.01)
    await jobs.cancel(house, owner, job.id)
    await house.events.publish(owner, new_id())
    async with asyncio.timeout(5):
        with pytest.raises(LeaseLost):
            await holding


async def test_cancellation_is_noticed_within_two_seconds_though_redis_is_away(
    house: House, owner: UUID, submit: Submit, servers: Servers
) -> None:
    """Nobody tells of it then, so the holder looks."""
    job = await submit()
    bell = await house.doorbell.queue.dequeue(timeout=5)
    claim = await planned(house, job)
    assert bell
    await asyncio.to_thread(servers.valkey.kill)
    holding = asyncio.create_task(_held(house, claim, bell))
    await asyncio.sleep(0.1)
    await jobs.cancel(house, owner, job.id)
    async with asyncio.timeout(2):
        with pytest.raises(LeaseLost):
            await holding


async def _held(house: House, claim: Claim, bell: Bell) -> None:
    async with kept(house, claim, bell):
        await asyncio.sleep(30)
