"""Hints over a real Valkey: to the owner only, and never relied upon."""

import asyncio
from uuid import UUID

from local.servers import Servers
from webapp.core.events import CLOSING, RESYNC, Events, Hint, Inbox
from webapp.core.house import House
from webapp.core.ids import new_id


async def heard(inbox: Inbox, seconds: float = 5) -> Hint:
    async with asyncio.timeout(seconds):
        (hint,) = await inbox.take()
        return hint


async def test_owner_hears_of_a_job_and_a_stranger_hears_nothing(
    house: House, owner: UUID, stranger: UUID
) -> None:
    job = new_id()
    async with house.events.subscribe(owner) as mine, house.events.subscribe(stranger) as theirs:
        await house.events.publish(owner, job)
        assert await heard(mine) == job
        assert not theirs.take_nowait()


async def test_all_tabs_of_an_owner_hear(house: House, owner: UUID) -> None:
    job = new_id()
    async with house.events.subscribe(owner) as one, house.events.subscribe(owner) as other:
        await house.events.publish(owner, job)
        assert (await heard(one), await heard(other)) == (job, job)


async def test_every_process_hears(house: House, owner: UUID) -> None:
    elsewhere = Events(house.redis, house.settings.queue_name)
    async with elsewhere.listening(), elsewhere.subscribe(owner) as inbox:
        assert await heard(inbox) is RESYNC
        await house.events.publish(owner, job := new_id())
        assert await heard(inbox) == job


async def test_listener_is_told_to_look_again_after_redis_was_away(
    house: House, owner: UUID, servers: Servers
) -> None:
    async with house.events.subscribe(owner) as inbox:
        await asyncio.to_thread(servers.valkey.kill)
        await house.events.publish(owner, new_id())
        await asyncio.to_thread(servers.valkey.start)
        assert await heard(inbox, 15) is RESYNC
        await house.events.publish(owner, job := new_id())
        assert await heard(inbox) == job


async def test_slow_listener_gets_one_resync_in_place_of_a_growing_queue(house: House, owner: UUID) -> None:
    async with house.events.subscribe(owner) as inbox:
        for _ in range(250):
            await house.events.publish(owner, new_id())
        await asyncio.sleep(1)
        hints = inbox.take_nowait()
    assert len(hints) <= 100
    assert RESYNC in hints


async def test_closing_ends_streams_that_are_open_and_those_that_come_later(
    house: House, owner: UUID
) -> None:
    events = Events(house.redis, "unused")
    async with events.subscribe(owner) as before:
        events.close()
        assert await heard(before) is CLOSING
    async with events.subscribe(owner) as after:
        assert await heard(after) is CLOSING


async def test_nothing_is_remembered_of_listeners_that_left(house: House, owner: UUID) -> None:
    async with house.events.subscribe(owner):
        assert house.events.listeners == 1
    assert house.events.listeners == 0


async def test_the_same_hint_waits_once(house: House, owner: UUID) -> None:
    inbox, job = Inbox(), new_id()
    for _ in range(250):
        inbox.put(job)
    assert inbox.take_nowait() == {job}
