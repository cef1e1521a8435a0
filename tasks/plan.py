"""The first step of a job: its recording is fetched and cut into chunks, which any worker may hear.

The first one is heard here at once if an engine has room, so that there are words soon.
"""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import ExitStack, aclosing, suppress
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import structlog
from saq.job import Job as Bell

from tasks.child import Decoder, EngineChild
from tasks.crew import Crew
from tasks.duty import claimed, on_duty
from tasks.folders import private_folder
from tasks.hear import hear
from tasks.limits import within_limits
from tasks.protocol import ChunkCut, Cut, CutDone, Failed, Opened, Position, Reply
from tasks.sound import fetch_recording
from webapp.core import planning, turns
from webapp.core.database import patiently
from webapp.core.errors import JobFailed, LeaseLost
from webapp.core.house import House
from webapp.core.leases import ChunkClaim, PlanClaim
from webapp.core.planning import NewChunk
from webapp.core.removals import chunk_key

log = structlog.get_logger(__name__)

# Takes a chunk under the token it is given.
Take = Callable[[UUID], Coroutine[Any, Any, ChunkClaim | None]]


async def plan_next(house: House, crew: Crew, bell: Bell | None) -> bool:
    """False if the decoder is busy, or nothing waits to be planned, or enough is planned ahead."""
    if not crew.has_idle_decoder:
        return False
    if not crew.has_idle_engine and not await patiently(turns.plan_ahead, house):
        return False
    # Who hears what lies in the folder may do so for longer than it takes to plan.
    with private_folder() as folder:
        async with asyncio.TaskGroup() as hearers:
            hearer = Hearer(house, crew, bell, hearers)
            with crew.decoder() as decoder:
                claim = await claimed(partial(turns.take_plan, house), house) if decoder else None
                if decoder is None or claim is None:
                    return False
                planner = Planner(house, claim, folder, hearer)
                with structlog.contextvars.bound_contextvars(
                    job=str(claim.job.id), attempt=claim.job.attempt
                ):
                    async with on_duty(house, claim, bell):
                        await planner.plan(decoder)
            await planner.finish()
    return True


class Hearer:
    """Hears in this worker what was just cut here: its sound need not go to the storage and back."""

    def __init__(self, house: House, crew: Crew, bell: Bell | None, tasks: asyncio.TaskGroup) -> None:
        self._house = house
        self._crew = crew
        self._bell = bell
        self._tasks = tasks

    async def take(self, sound: Path, verb: Take) -> bool:
        """False if no engine has room: then nothing is taken. The engine is ours before the chunk is."""
        with ExitStack() as place:
            engine = place.enter_context(self._crew.engine())
            if engine is None:
                return False
            chunk = await claimed(verb, self._house)
            if chunk:
                self._tasks.create_task(self._hear(place.pop_all(), engine, chunk, sound))
        return True

    async def _hear(self, place: ExitStack, engine: EngineChild, chunk: ChunkClaim, sound: Path) -> None:
        with place:
            await hear(self._house, engine, chunk, self._bell, partial(_is_here, sound))


async def _is_here(sound: Path) -> Path:
    return sound


class Planner:
    """`only`: the single chunk of a short recording, whose sound stays here. `done` once all is cut."""

    def __init__(self, house: House, claim: PlanClaim, folder: Path, hearer: Hearer) -> None:
        self._house = house
        self._claim = claim
        self._folder = folder
        self._hearer = hearer
        self._position = 0.0
        self.only: ChunkCut | None = None
        self.done: CutDone | None = None

    async def plan(self, decoder: Decoder) -> None:
        log.info("recording taken up", start=self._claim.start, size=self._claim.job.object_size)
        request = Cut(
            path=await fetch_recording(self._house, self._claim.job, self._folder),
            folder=self._folder,
            start=self._claim.start,
            first_chunk=self._claim.next_chunk,
        )
        async with (
            aclosing(decoder.cut(request)) as replies,
            aclosing(within_limits(self._house, replies, lambda: self._position)) as limited,
        ):
            async for reply in limited:
                await self._take(reply)

    async def finish(self) -> None:
        """No longer on duty for the job: by this it is let go, and its only chunk is heard here if it can."""
        if self.done is None:
            return
        finish = partial(
            planning.finish,
            self._house,
            self._claim,
            duration=self.done.duration,
            damaged_packets=self.done.damaged_packets,
            missing_seconds=self.done.missing,
        )
        with suppress(LeaseLost):
            if not self.only or not await self._hearer.take(self.only.path, lambda own: finish(token=own)):
                await patiently(finish)
            log.info("recording cut", job=str(self._claim.job.id), duration=self.done.duration)

    async def _take(self, reply: Reply) -> None:
        match reply:
            case Opened(duration):
                await patiently(planning.learn, self._house, self._claim, duration=duration)
            case Position(seconds):
                self._position = seconds
            case ChunkCut():
                await self._add(reply)
            case CutDone():
                self.done = reply
            case Failed(code=code, message=message, permanent=permanent):
                raise JobFailed(code, message, permanent=permanent)

    async def _add(self, cut: ChunkCut) -> None:
        silent = self._claim.job.vad_filter and not cut.speech
        if cut.index == 0 and not silent:
            if cut.last:
                self.only = cut
            elif await self._hearer.take(cut.path, partial(self._first, cut)):
                return
        stored = None if silent or self.only else await self._store(cut)
        chunk = _new(cut, silent=silent, stored=stored)
        await patiently(planning.add_chunk, self._house, self._claim, chunk, wait=self.only is not None)

    async def _first(self, cut: ChunkCut, token: UUID) -> ChunkClaim | None:
        """Should this worker be lost, or the language stay open, it is cut out of the recording once more:
        it lies at the beginning."""
        return await planning.add_chunk(self._house, self._claim, _new(cut), token=token)

    async def _store(self, cut: ChunkCut) -> str:
        job = self._claim.job
        key = chunk_key(job.owner, job.id, job.attempt, cut.index)
        await self._house.storage.put(key, cut.path)
        cut.path.unlink()
        return key


def _new(cut: ChunkCut, *, silent: bool = False, stored: str | None = None) -> NewChunk:
    return NewChunk(
        index=cut.index,
        start=cut.start,
        end=cut.end,
        speech=cut.speech,
        silent=silent,
        audio_key=stored,
        spans=cut.spans,
    )
