"""Which language is spoken, settled once per job, before its chunks run apart.

A chunk whose sound leaves the language open is put back, and the next one is asked. What each of them heard
is added up; when enough were asked, the best guess has to do.
"""

from uuid import UUID

import msgspec

from webapp.core.tables import Chunk, Job, Status

# From this probability on a language counts as heard. A cough must not decide for three hours.
SURE = 0.5
CHUNKS_ASKED = 4
# With no speech found there is hardly text to come; it must not wait for ever for a language.
NOBODY_SPOKE = ("en", 0.0)


class Votes(msgspec.Struct, frozen=True):
    """`weights` sums the probabilities of so many `windows`; `heard` names the chunks they were in."""

    weights: dict[str, float] = {}
    windows: int = 0
    heard: list[int] = []

    def plus(self, other: "Votes") -> "Votes":
        weights = dict(self.weights)
        for language, weight in other.weights.items():
            weights[language] = weights.get(language, 0.0) + weight
        return Votes(weights, self.windows + other.windows, sorted({*self.heard, *other.heard}))

    @property
    def best(self) -> tuple[str, float] | None:
        """The language with the highest mean probability, if any was heard."""
        if not self.weights or not self.windows:
            return None
        language = max(self.weights, key=lambda each: self.weights[each])
        return language, self.weights[language] / self.windows


async def open_votes(job: UUID) -> Votes | None:
    """What was heard so far, or None once the language is settled. Wants the job's row locked."""
    found = await Job.objects().get(Job.id == job)
    if found is None or found.language or found.detected_language:
        return None
    votes = _votes(found)
    if not await _open_chunks(job) or not await _exhausted(found, votes):
        return votes
    await settle(job, *(votes.best or NOBODY_SPOKE))
    return None


async def settle(job: UUID, language: str, probability: float) -> None:
    await Job.update(
        {Job.detected_language: language, Job.language_probability: probability, Job.language_votes: None}
    ).where(Job.id == job)


async def add(job: UUID, votes: Votes) -> None:
    """Wants the job's row locked."""
    found = await Job.objects().get(Job.id == job)
    if found is None:
        return
    both = _votes(found).plus(votes)
    if both.best and both.best[1] >= SURE:
        await settle(job, *both.best)
        return
    await Job.update({Job.language_votes: msgspec.json.encode(both).decode()}).where(Job.id == job)


def _votes(job: Job) -> Votes:
    return msgspec.json.decode(job.language_votes, type=Votes) if job.language_votes else Votes()


async def _exhausted(job: Job, votes: Votes) -> bool:
    """Enough were asked, or there is nobody left to ask and there will be nobody."""
    if len(votes.heard) >= CHUNKS_ASKED:
        return True
    if job.planned_at is None:
        return False
    return not await _open_chunks(job.id, votes.heard)


async def _open_chunks(job: UUID, asked: list[int] | None = None) -> bool:
    query = Chunk.exists().where(
        Chunk.job == job, Chunk.status.is_in([Status.PENDING.value, Status.PROCESSING.value])
    )
    return bool(await (query.where(Chunk.index.not_in(asked)) if asked else query))
