"""What is noted for removal is removed, however often it takes; and what nobody noted is swept up."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from uuid import UUID, uuid4

import pytest

from local.servers import Servers
from tests.support.domain import Submit
from tests.support.work import cut, finished, planned, stretch, taken
from webapp.core import planning, removals, sweeping
from webapp.core.clock import later
from webapp.core.erasing import Erased
from webapp.core.errors import Unavailable
from webapp.core.house import House
from webapp.core.storage import Storage, StoredKey
from webapp.core.tables import Chunk, Job, Removal


class OddStorage(Storage):
    """Refuses one key, and says that what it has was stored long ago."""

    refused = ""
    age_s = 0.0

    async def remove(self, prefix: str) -> Erased:
        if prefix == self.refused:
            raise Unavailable("The storage refuses this server.", code="storage_refused")
        return await super().remove(prefix)

    async def listed(self, prefix: str) -> AsyncIterator[list[StoredKey]]:
        async for page in super().listed(prefix):
            yield [StoredKey(each.key, later(seconds=-self.age_s)) for each in page]


@pytest.fixture
def odd(house: House) -> tuple[House, OddStorage]:
    storage = OddStorage(house.settings)
    return replace(house, storage=storage), storage


async def put(house: House, *keys: str) -> None:
    for key in keys:
        await asyncio.to_thread(
            house.storage._inside.put_object, Bucket=house.storage.bucket, Key=key, Body=b"fLaC"
        )


async def there(house: House, *keys: str) -> list[bool]:
    return [await house.storage.head(key) is not None for key in keys]


def keys_of(owner: UUID, count: int) -> list[str]:
    job = uuid4()
    return [removals.chunk_key(owner, job, 1, index) for index in range(count)]


async def test_finished_chunk_takes_its_sound_with_it(house: House, owner: UUID, submit: Submit) -> None:
    job = await submit()
    claim = await planned(house, job)
    keys = [removals.chunk_key(owner, job.id, 1, index) for index in (0, 1, 10)]
    await put(house, *keys)
    await planning.learn(house, claim, detected_language="en", language_probability=0.9)
    for index, key in enumerate(keys[:2]):
        await planning.add_chunk(house, claim, stretch(index, index * 10.0, index * 10.0 + 10.0, key=key))
    for _ in range(2):
        await finished(house, await taken(house))
    await removals.carry_out(house)
    assert await there(house, *keys) == [False, False, True], "1-1 is not 1-10"
    assert await Removal.count() == 0


async def test_what_is_noted_survives_a_storage_that_is_away(
    house: House, owner: UUID, servers: Servers
) -> None:
    (key,) = keys_of(owner, 1)
    await put(house, key)
    await removals.note(key)
    servers.s3.stop()
    for _ in range(2):
        with pytest.raises(Unavailable):
            await removals.carry_out(house)
    servers.s3.start()
    await removals.carry_out(house)
    assert await there(house, key) == [False]
    assert await Removal.count() == 0


async def test_what_cannot_be_removed_stands_in_nobodys_way(
    odd: tuple[House, OddStorage], owner: UUID
) -> None:
    house, storage = odd
    stuck, other = keys_of(owner, 2)
    await put(house, stuck, other)
    storage.refused = stuck
    await removals.note(stuck)
    await removals.note(other)
    for _ in range(2):
        with pytest.raises(Unavailable):
            await removals.carry_out(house)
    assert await there(house, stuck, other) == [True, False]
    assert await Removal.count() == 1


async def test_many_workers_share_what_is_to_be_removed(house: House, owner: UUID) -> None:
    keys = keys_of(owner, 12)
    await put(house, *keys)
    for key in keys:
        await removals.note(key)
    await asyncio.gather(*(removals.carry_out(house) for _ in range(4)))
    assert not any(await there(house, *keys))
    assert await Removal.count() == 0


async def test_what_is_due_later_waits(house: House, owner: UUID) -> None:
    (key,) = keys_of(owner, 1)
    await put(house, key)
    await removals.note(key, delay=60)
    await removals.carry_out(house)
    assert await there(house, key) == [True]


async def test_sound_that_no_chunk_needs_is_swept_up(
    odd: tuple[House, OddStorage], owner: UUID, submit: Submit
) -> None:
    house, storage = odd
    job = await submit()
    await cut(house, job, 10.0, 20.0)
    keys = [removals.chunk_key(owner, job.id, 1, index) for index in range(3)]
    (foreign,) = keys_of(owner, 1)
    for index, key in enumerate(keys[:2]):
        await Chunk.update({Chunk.audio_key: key}).where(Chunk.job == job.id, Chunk.index == index)
    await put(house, *keys, foreign)
    assert await sweeping.sweep(house) == 0, "what is new may be written down at this moment"
    storage.age_s = 3600.0
    await sweeping.sweep(house)
    assert await there(house, *keys, foreign) == [True, True, False, False]
    await finished(house, await taken(house))
    await Chunk.update({Chunk.audio_key: keys[0]}).where(Chunk.job == job.id, Chunk.index == 0)
    await sweeping.sweep(house)
    assert await there(house, *keys) == [False, True, False]
    assert await there(house, job.object_key) == [True]
    assert await Job.exists().where(Job.id == job.id)
