"""A long recording's first chunk goes to who cuts it, while the rest is still being cut."""

from uuid import UUID, uuid4

from tests.support.domain import Submit
from tests.support.work import finished, heard, planned, stretch, taken
from webapp.core import endings, jobs, planning, turns, work
from webapp.core.house import House
from webapp.core.language import Votes
from webapp.core.leases import ChunkClaim, PlanClaim
from webapp.core.removals import chunk_key
from webapp.core.tables import Chunk, Job, Status


async def first(house: House, claim: PlanClaim, token: UUID | None = None) -> ChunkClaim:
    found = stretch(0, 0.0, 25.0)
    chunk = await planning.add_chunk(house, claim, found, token=token or uuid4())
    assert chunk is not None
    return chunk


async def rest(house: House, claim: PlanClaim) -> None:
    key = chunk_key(claim.job.owner, claim.job.id, claim.job.attempt, 1)
    await planning.add_chunk(house, claim, stretch(1, 25.0, 200.0, key=key))
    await planning.finish(house, claim, duration=200.0)


async def test_first_chunk_is_heard_while_the_rest_is_cut(house: House, owner: UUID, submit: Submit) -> None:
    job = await submit(language="en")
    claim = await planned(house, job)
    chunk = await first(house, claim)
    assert (chunk.chunk.status, chunk.chunk.attempt) == (Status.PROCESSING, 1)
    assert await turns.take_chunk(house, uuid4()) is None
    await heard(house, chunk, 0, "Soon.")
    await rest(house, claim)
    await finished(house, chunk)
    await finished(house, await taken(house))
    assert (await jobs.find(owner, job.id)).status == Status.COMPLETED


async def test_taken_again_after_an_answer_that_was_lost_it_is_the_same(house: House, submit: Submit) -> None:
    claim, token = await planned(house, await submit()), uuid4()
    chunk, again = await first(house, claim, token), await first(house, claim, token)
    assert (again.chunk.id, again.chunk.attempt) == (chunk.chunk.id, 1)


async def test_first_chunk_of_a_worker_that_stops_waits_for_another(house: House, submit: Submit) -> None:
    claim = await planned(house, await submit(language="en"))
    chunk = await first(house, claim)
    await endings.release(house, chunk)
    assert (await taken(house)).chunk.id == chunk.chunk.id


async def test_first_chunk_of_a_worker_that_is_lost_is_anybodys(house: House, submit: Submit) -> None:
    job = await submit(language="en")
    chunk = await first(house, await planned(house, job))
    await Chunk.raw("UPDATE chunks SET lease_until = now() - interval '1 s' WHERE id = {}", chunk.chunk.id)
    await endings.lost(house, chunk)
    assert (await taken(house)).chunk.id == chunk.chunk.id


async def test_other_chunks_wait_until_the_first_has_settled_the_language(
    house: House, submit: Submit
) -> None:
    claim = await planned(house, await submit())
    chunk = await first(house, claim)
    await rest(house, claim)
    assert await turns.take_chunk(house, uuid4()) is None
    await work.settle_language(house, chunk, "en", 0.9)
    assert (await taken(house)).chunk.index == 1


async def test_first_chunk_that_leaves_the_language_open_lets_the_next_one_be_asked(
    house: House, submit: Submit
) -> None:
    claim = await planned(house, await submit())
    chunk = await first(house, claim)
    await rest(house, claim)
    await work.leave_language_open(house, chunk, Votes({"de": 0.4}, 1))
    assert (await taken(house)).chunk.index == 1


async def test_first_chunk_of_a_cancelled_job_is_nobodys(house: House, owner: UUID, submit: Submit) -> None:
    job: Job = await submit()
    chunk = await first(house, await planned(house, job))
    await jobs.cancel(house, owner, job.id)
    found = await Chunk.objects().get(Chunk.id == chunk.chunk.id)
    assert found is not None
    assert found.status == Status.CANCELLED
    assert found.lease_token is None
