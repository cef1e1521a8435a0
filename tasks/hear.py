"""One chunk of a job, from a worker's claim to its text in the database."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from functools import partial
from pathlib import Path
from typing import Any

import structlog
from saq.job import Job as Bell

from tasks.child import EngineChild
from tasks.crew import Crew
from tasks.duty import claimed, on_duty
from tasks.folders import private_folder
from tasks.limits import within_limits
from tasks.protocol import Failed, Hear, Heard, LanguageHeard, Position, Reply, SegmentFound
from tasks.sound import fetch_chunk
from webapp.core import turns, work
from webapp.core.database import patiently
from webapp.core.errors import JobFailed
from webapp.core.house import House
from webapp.core.language import SURE, Votes
from webapp.core.leases import ChunkClaim
from webapp.core.options import JobOptions
from webapp.core.tables import Job

log = structlog.get_logger(__name__)

# Of its end the recording's length is told a little differently; a chunk more would be longer.
_TOLERANCE_S = 1.0

Sound = Callable[[], Awaitable[Path]]
Ask = Callable[[Hear], AsyncGenerator[Reply, None]]


async def hear_next(house: House, crew: Crew, bell: Bell | None) -> bool:
    """False if all engines are busy or no chunk waits."""
    # The folder first: a worker that has no room for it must not take what others could work on.
    with crew.engine() as engine, private_folder() as folder:
        if engine is None:
            return False
        await crew.courtesy(engine)
        claim = await claimed(partial(turns.take_chunk, house), house)
        if claim is None:
            return False
        await hear(house, engine, claim, bell, partial(fetch_chunk, house, crew, claim, folder))
    return True


async def hear(house: House, engine: EngineChild, claim: ChunkClaim, bell: Bell | None, sound: Sound) -> None:
    chunk = claim.chunk
    names = {"job": str(claim.job.id), "chunk": chunk.index, "attempt": chunk.attempt}
    with structlog.contextvars.bound_contextvars(**names):
        async with on_duty(house, claim, bell):
            notes = Notes(house, claim)
            alone = _has_failed(house, claim)
            await _listen(house, partial(engine.hear, alone=alone), _request(claim, await sound()), notes)
            if notes.done:
                await patiently(work.finish_chunk, house, claim)
                log.info("chunk heard", start=chunk.start, end=chunk.end)


async def _listen(house: House, ask: Ask, request: Hear, notes: "Notes") -> None:
    async with (
        aclosing(ask(request)) as replies,
        aclosing(within_limits(house, replies, lambda: notes.length)) as limited,
    ):
        async for reply in limited:
            await notes.take(reply)


class Notes:
    """Writes down what the engine says."""

    def __init__(self, house: House, claim: ChunkClaim) -> None:
        self._house = house
        self._claim = claim
        self._segments = 0
        self._votes = Votes()
        self.length = claim.chunk.end - claim.chunk.start
        self.done = False

    async def take(self, reply: Reply) -> None:
        match reply:
            case LanguageHeard(weights, windows):
                await self._hear_language(Votes(weights, windows))
            case SegmentFound(segment):
                await self._write(work.save_segment, self._segments, segment)
                self._segments += 1
            case Position(seconds):
                await self._write(work.advance, seconds)
            case Heard(done=True):
                self.done = True
            case Heard():
                await self._write(work.leave_language_open, self._votes)
            case Failed(code=code, message=message, permanent=permanent):
                raise JobFailed(code, message, permanent=permanent)

    async def _hear_language(self, votes: Votes) -> None:
        self._votes = votes
        if votes.best and (votes.best[1] >= SURE or not must_be_sure(self._claim)):
            await self._write(work.settle_language, *votes.best)

    async def _write(self, verb: Callable[..., Any], *args: Any) -> None:
        await patiently(verb, self._house, self._claim, *args)


def _request(claim: ChunkClaim, sound: Path) -> Hear:
    return Hear(
        path=sound,
        options=_options(claim.job),
        start=claim.chunk.start,
        language=claim.job.language or claim.job.detected_language,
        only_if_sure=must_be_sure(claim),
        spans=claim.spans,
    )


def must_be_sure(claim: ChunkClaim) -> bool:
    """Where there are other chunks to ask. A recording of one chunk is cut whole before anybody hears it."""
    job = claim.job
    return job.planned_at is None or job.duration is None or claim.chunk.end < job.duration - _TOLERANCE_S


def _options(job: Job) -> JobOptions:
    return JobOptions(
        model=job.model,
        language=job.language,
        task=job.task,  # type: ignore[arg-type]  # the database holds nothing else
        mode=job.mode,  # type: ignore[arg-type]  # nor here
        mixed_languages=job.mixed_languages,
        initial_prompt=job.initial_prompt,
        hotwords=job.hotwords,
        vad_filter=job.vad_filter,
        word_timestamps=job.word_timestamps,
        beam_size=job.beam_size,
    )


def _has_failed(house: House, claim: ChunkClaim) -> bool:
    """Then it may take down whatever is heard with it. What was given back costs no attempt: it raised the
    limit instead."""
    forgiven = max(0, claim.chunk.attempt_limit - house.settings.job_attempts)
    return claim.chunk.attempt - forgiven > 1
