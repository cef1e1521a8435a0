"""The first step of a job: its recording is fetched and cut into chunks, which any worker may hear."""

from contextlib import ExitStack, aclosing
from functools import partial
from pathlib import Path

import structlog
from saq.job import Job as Bell

from tasks.child import Decoder
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


async def plan_next(house: House, crew: Crew, bell: Bell | None) -> bool:
    """False if the decoder is busy, or nothing waits to be planned, or enough is planned ahead."""
    if not crew.has_idle_decoder:
        return False
    if not crew.has_idle_engine and not await patiently(turns.plan_ahead, house):
        return False
    with private_folder() as folder, ExitStack() as until_heard:
        with crew.decoder() as decoder:
            claim = await claimed(partial(turns.take_plan, house), house) if decoder else None
            if decoder is None or claim is None:
                return False
            planner = Planner(house, claim, folder)
            with structlog.contextvars.bound_contextvars(job=str(claim.job.id), attempt=claim.job.attempt):
                async with on_duty(house, claim, bell):
                    await planner.plan(decoder)
        if planner.done:
            engine = until_heard.enter_context(crew.engine()) if planner.only else None
            chunk = await planner.finish(take=engine is not None)
            if engine and chunk and planner.only:
                await hear(house, engine, chunk, bell, partial(_is_here, planner.only.path))
    return True


async def _is_here(sound: Path) -> Path:
    return sound


class Planner:
    """`only`: the single chunk of a short recording, whose sound stays here. `done` once all is cut."""

    def __init__(self, house: House, claim: PlanClaim, folder: Path) -> None:
        self._house = house
        self._claim = claim
        self._folder = folder
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

    async def finish(self, *, take: bool) -> ChunkClaim | None:
        """No longer on duty for the job: by this it is let go. Its only chunk is ours then, if we are to
        `take` it."""
        assert self.done
        finish = partial(
            planning.finish,
            self._house,
            self._claim,
            duration=self.done.duration,
            damaged_packets=self.done.damaged_packets,
            missing_seconds=self.done.missing,
        )
        try:
            chunk = await claimed(lambda token: finish(token=token if take else None), self._house)
        except LeaseLost:
            return None
        log.info("recording cut", job=str(self._claim.job.id), duration=self.done.duration)
        return chunk

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
        if cut.last and cut.index == 0 and not silent:
            self.only = cut
        stored = None if silent or self.only else await self._store(cut)
        chunk = NewChunk(
            index=cut.index,
            start=cut.start,
            end=cut.end,
            speech=cut.speech,
            silent=silent,
            audio_key=stored,
            spans=cut.spans,
        )
        await patiently(planning.add_chunk, self._house, self._claim, chunk, wait=self.only is not None)

    async def _store(self, cut: ChunkCut) -> str:
        job = self._claim.job
        key = chunk_key(job.owner, job.id, job.attempt, cut.index)
        await self._house.storage.put(key, cut.path)
        cut.path.unlink()
        return key
