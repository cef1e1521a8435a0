"""Reading along: what is new, what is no more, and nothing twice."""

from uuid import UUID

from tests.support.domain import Submit
from tests.support.work import cut, finished, heard, taken
from webapp.core import endings
from webapp.core.following import Following, Look
from webapp.core.house import House
from webapp.core.tables import Chunk, SegmentRow


def texts(look: Look) -> dict[int, list[str]]:
    return {chunk.index: [segment.text for segment in chunk.segments] for chunk in look.fresh}


async def test_a_chunk_that_is_done_is_read_once_wherever_it_stands(house: House, submit: Submit) -> None:
    job = await submit()
    await cut(house, job, 10.0, 20.0, 30.0)
    first, second, third = [await taken(house) for _ in range(3)]
    await heard(house, third, 0, "c")
    await finished(house, third)
    following = Following(job.id)
    assert texts(await following.look()) == {0: [], 1: [], 2: [" c"]}
    await heard(house, first, 0, "a")
    assert texts(await following.look()) == {0: [" a"], 1: []}
    await finished(house, first)
    assert texts(await following.look()) == {0: [" a"], 1: []}
    look = await following.look()
    assert texts(look) == {1: []}
    assert [chunk.index for chunk in look.chunks] == [0, 1, 2]
    await finished(house, second)
    assert texts(await following.look()) == {1: []}
    assert [chunk.index for chunk in (await following.look()).chunks] == [2]  # no more rows than are needed


async def test_a_listener_goes_on_after_what_it_has(house: House, submit: Submit) -> None:
    job = await submit()
    await cut(house, job, 10.0, 20.0)
    await finished(house, await taken(house))
    settled = await _id(job.id, 0)
    look = await Following(job.id, settled).look()
    assert (look.stands, texts(look)) == (True, {1: []})
    other = await submit()
    look = await Following(other.id, settled).look()
    assert (look.stands, texts(look)) == (False, {})


async def test_another_attempt_at_a_chunk_takes_nothing_else_back(house: House, submit: Submit) -> None:
    job = await submit()
    await cut(house, job, 10.0, 20.0)
    first, second = await taken(house), await taken(house)
    await heard(house, first, 0, "a")
    await heard(house, second, 0, "b")
    following = Following(job.id)
    before = {chunk.index: chunk.ids for chunk in (await following.look()).chunks}
    await endings.release(house, first)
    await heard(house, await taken(house), 0, "a")
    look = await following.look()
    assert (look.stands, look.gone) == (True, [])
    after = {chunk.index: chunk.ids for chunk in look.chunks}
    assert (before[0] != after[0], before[1] == after[1]) == (True, True)


async def test_a_job_that_is_started_over_leaves_nothing_standing(house: House, submit: Submit) -> None:
    job = await submit()
    await cut(house, job, 10.0, 20.0, 30.0)
    for _ in range(2):
        claim = await taken(house)
        await heard(house, claim, 0, "old")
        await finished(house, claim)
    following = Following(job.id)
    await following.look()
    await SegmentRow.delete().where(SegmentRow.job == job.id)
    await Chunk.update({Chunk.status: "pending"}).where(Chunk.job == job.id)
    look = await following.look()
    assert (look.stands, look.gone, texts(look)) == (False, [0, 1], {0: [], 1: [], 2: []})
    assert (await following.look()).stands
    await Chunk.delete().where(Chunk.job == job.id)
    look = await following.look()
    assert (look.stands, look.gone, look.chunks) == (False, [0, 1, 2], [])


async def _id(job: UUID, index: int) -> UUID:
    row = await Chunk.objects().get((Chunk.job == job) & (Chunk.index == index))
    assert row is not None
    found: UUID = row.id
    return found
