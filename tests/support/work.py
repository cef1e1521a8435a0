"""A worker's part, played by hand: what it writes, without an engine."""

from webapp.core import work
from webapp.core.house import House
from webapp.core.tables import Job
from webapp.core.transcript import Segment
from webapp.core.work import Claim

WORDS = ("Ask not what your country can do for you;", "ask what you can do for your country.")


def segment(index: int, text: str) -> Segment:
    return Segment(start=index * 5.0, end=index * 5.0 + 4.5, text=f" {text}", avg_logprob=-0.2)


async def begun(house: House, job: Job, *, duration: float = 10.0) -> Claim:
    claim = await work.claim(house, job.id)
    assert claim is not None
    await work.learn(house, claim, duration=duration, detected_language="en", language_probability=0.97)
    await work.begin_chunk(house, claim, claim.next_chunk, claim.start, duration)
    return claim


async def heard(house: House, claim: Claim, index: int, text: str) -> None:
    await work.save_segment(house, claim, claim.next_chunk, index, segment(index, text))


async def transcribed(house: House, job: Job, *texts: str) -> None:
    claim = await begun(house, job)
    for index, text in enumerate(texts or WORDS):
        await heard(house, claim, index, text)
    await finished(house, claim)


async def finished(house: House, claim: Claim) -> None:
    await work.finish_chunk(house, claim, claim.next_chunk)
    await work.complete(house, claim)
