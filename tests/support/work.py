"""A worker's part, played by hand: what it writes, without an engine."""

from itertools import pairwise
from uuid import uuid4

from webapp.core import planning, turns, work
from webapp.core.house import House
from webapp.core.leases import ChunkClaim, PlanClaim
from webapp.core.planning import NewChunk
from webapp.core.tables import Job
from webapp.core.transcript import Segment

WORDS = ("Ask not what your country can do for you;", "ask what you can do for your country.")


def segment(index: int, text: str, start: float = 0.0) -> Segment:
    begin = start + index * 5.0
    return Segment(start=begin, end=begin + 4.5, text=f" {text}", avg_logprob=-0.2)


def stretch(index: int, start: float, end: float, *, key: str | None = None) -> NewChunk:
    return NewChunk(index=index, start=start, end=end, speech=end - start, silent=False, audio_key=key)


async def planned(house: House, job: Job) -> PlanClaim:
    """The job must be the one whose turn it is."""
    claim = await turns.take_plan(house, uuid4())
    assert claim is not None
    assert claim.job.id == job.id
    return claim


async def taken(house: House) -> ChunkClaim:
    claim = await turns.take_chunk(house, uuid4())
    assert claim is not None
    return claim


async def cut(house: House, job: Job, *ends: float) -> None:
    """Plans a job into chunks that end at these seconds; its language is known."""
    claim = await planned(house, job)
    await planning.learn(house, claim, duration=ends[-1], detected_language="en", language_probability=0.97)
    for index, (start, end) in enumerate(pairwise((0.0, *ends))):
        await planning.add_chunk(house, claim, stretch(index, start, end))
    await planning.finish(house, claim, duration=ends[-1])


async def begun(house: House, job: Job, *, duration: float = 10.0) -> ChunkClaim:
    await cut(house, job, duration)
    return await taken(house)


async def heard(house: House, claim: ChunkClaim, index: int, text: str) -> None:
    await work.save_segment(house, claim, index, segment(index, text, claim.chunk.start))


async def transcribed(house: House, job: Job, *texts: str) -> None:
    claim = await begun(house, job)
    for index, text in enumerate(texts or WORDS):
        await heard(house, claim, index, text)
    await finished(house, claim)


async def finished(house: House, claim: ChunkClaim) -> None:
    await work.finish_chunk(house, claim)
