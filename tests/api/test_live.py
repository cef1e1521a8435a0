"""What one listener is told of a job, look by look."""

import asyncio
from contextlib import aclosing
from uuid import UUID

from tests.support.domain import Submit
from tests.support.work import begun, cut, finished, heard, taken
from webapp.api.live import Follower, Message, messages
from webapp.api.schemas import JobView, Restart
from webapp.core import endings, jobs
from webapp.core.errors import JobFailed
from webapp.core.house import House
from webapp.core.tables import Chunk, Job
from webapp.streams import Admission

PATIENCE_S = 20


async def test_a_job_that_is_started_over_takes_everything_back(
    house: House, owner: UUID, submit: Submit
) -> None:
    job = await submit()
    await cut(house, job, 10.0, 20.0, 30.0)
    for words in ("one", "two"):
        claim = await taken(house)
        await heard(house, claim, 0, words)
        await finished(house, claim)
    follower = Follower(owner, job.id)
    assert [message.event for message in await follower.look()] == ["job", "segment", "segment"]
    await jobs.cancel(house, owner, job.id)
    await jobs.retry(house, owner, job.id, start_over=True)
    messages = await follower.look()
    restarts = [message.data for message in messages if message.event == "restart"]
    assert restarts == [Restart(0), Restart(1)]
    assert not [message for message in messages if message.event == "segment"]


async def test_text_of_an_earlier_attempt_that_is_still_there_is_taken_back_later(
    house: House, owner: UUID, submit: Submit
) -> None:
    """A worker has taken the chunk up, and has not yet removed what the last one left."""
    job = await submit()
    claim = await begun(house, job)
    await heard(house, claim, 0, "half a")
    await endings.release(house, claim)
    follower = Follower(owner, job.id)
    await follower.look()
    await Chunk.update({Chunk.attempt: 2}).where(Chunk.job == job.id)
    assert await follower.look() == []
    again = await taken(house)
    await heard(house, again, 0, "a whole sentence")
    await heard(house, again, 1, "and another")
    told = [message for message in await follower.look() if message.event != "job"]
    assert [message.event for message in told] == ["restart", "segment", "segment"]


async def test_a_lost_hint_is_made_up_for_and_silence_is_broken(
    house: House, owner: UUID, submit: Submit
) -> None:
    job = await submit()
    async with (
        asyncio.timeout(PATIENCE_S),
        aclosing(messages(house, Admission(owner, _never), job.id, quiet=0.2)) as told,
    ):
        assert await anext(told) is not None
        assert await anext(told) is None
        await Job.update({Job.damaged_packets: 3}).where(Job.id == job.id)  # and nobody says so
        async for message in told:
            if message is not None:
                assert isinstance(message.data, JobView)
                assert message.data.damaged_packets == 3
                return


async def test_the_place_in_the_queue_moves_as_soon_as_another_job_does(
    house: House, owner: UUID, submit: Submit
) -> None:
    first, second = await submit(), await submit()
    admission = Admission(owner, _never)
    async with asyncio.timeout(PATIENCE_S), aclosing(messages(house, admission, second.id, quiet=60)) as told:
        assert _place(await anext(told)) == 2
        await jobs.cancel(house, owner, first.id)
        async for message in told:
            if message is not None:
                assert _place(message) == 1
                return


def _place(message: Message | None) -> int | None:
    assert message is not None
    assert isinstance(message.data, JobView)
    return message.data.place_in_queue


async def _never() -> None:
    raise AssertionError


async def test_a_setback_of_one_chunk_is_no_error_of_a_job_that_goes_on(
    house: House, owner: UUID, submit: Submit
) -> None:
    job = await submit()
    await cut(house, job, 10.0, 20.0)
    first, second = await taken(house), await taken(house)
    await endings.fail(house, first, JobFailed("engine_crashed", "It crashed.", permanent=False))
    assert JobView.of(await jobs.find(owner, job.id)).error is None
    await endings.fail(house, second, JobFailed("engine_crashed", "It crashed.", permanent=False))
    waiting = JobView.of(await jobs.find(owner, job.id))
    assert waiting.error
    assert waiting.status == "pending"
