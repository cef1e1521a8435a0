"""A job is held on to in the database and in the queue, each by its own clock."""

import asyncio
from dataclasses import replace

import pytest

from tasks.lease import kept
from tests.support.domain import Submit
from webapp.core import work
from webapp.core.house import House


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
    claim = await work.claim(patient, job.id)
    assert claim
    async with kept(patient, claim, bell):
        await asyncio.sleep(1)
    again = await house.doorbell.queue.job(bell.key)
    assert again
    assert again.touched > touched
