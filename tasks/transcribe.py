"""The story of one job, from the bell to its end."""

import asyncio
import errno
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, TypedDict
from uuid import UUID

import structlog
from saq.job import Job as Bell

from tasks.child import EngineChild, EngineCrashed
from tasks.folders import private_folder
from tasks.lease import kept
from tasks.protocol import (
    ChunkDone,
    ChunkStarted,
    Done,
    Event,
    Failed,
    LanguageDetected,
    Opened,
    Position,
    SegmentFound,
    Transcribe,
)
from webapp.core import work
from webapp.core.database import CONNECTION_LOST, patiently
from webapp.core.errors import JobFailed, LeaseLost, Unavailable
from webapp.core.house import House
from webapp.core.options import JobOptions
from webapp.core.tables import Job

log = structlog.get_logger(__name__)


class Context(TypedDict):
    """What SAQ hands to every task: `job` is its own, the rest was put there at the start."""

    job: Bell
    house: House
    children: "asyncio.Queue[EngineChild]"


async def transcribe(context: Context, *, job: str) -> None:
    house = context["house"]
    claim = await patiently(work.claim, house, UUID(job))
    if claim is None:
        return
    with structlog.contextvars.bound_contextvars(job=job, attempt=claim.job.attempt):
        try:
            async with kept(house, claim, context["job"]), _engine(context["children"]) as child:
                await _work(house, child, claim)
        except LeaseLost:
            log.info("job is no longer ours")
        except asyncio.CancelledError:
            # The worker stops. Shielded, since whoever cancels may do so again.
            await asyncio.shield(_give_back(house, claim))
            raise


async def _work(house: House, child: EngineChild, claim: work.Claim) -> None:
    log.info("job taken up", start=claim.start, size=claim.job.object_size)
    try:
        with _explained():
            with private_folder() as folder:
                recording = await _fetch(house, claim, folder)
                await _listen(house, child, claim, recording)
            await patiently(work.complete, house, claim)
            log.info("job completed")
    except JobFailed as reason:
        log.warning("attempt failed", code=reason.code, permanent=reason.permanent)
        await patiently(work.fail, house, claim, reason)


async def _fetch(house: House, claim: work.Claim, folder: Path) -> Path:
    """The name is ours and has no extension: nothing about it may steer the decoder."""
    path = folder / "recording"
    if not await house.storage.download(claim.job.object_key, path, claim.job.object_etag):
        raise JobFailed(
            "upload_missing", "The recording is gone from the storage. Upload it again.", permanent=True
        )
    return path


async def _listen(house: House, child: EngineChild, claim: work.Claim, recording: Path) -> None:
    request = Transcribe(
        path=recording,
        options=_options(claim.job),
        start=claim.start,
        first_chunk=claim.next_chunk,
        language=claim.job.detected_language,
    )
    notes = Notes(house, claim)
    patience = asyncio.timeout(None)
    try:
        async with patience, aclosing(child.transcribe(request)) as events:
            _expect_more(patience, house)
            async for event in events:
                patience.reschedule(None)  # a database that is away is not the engine's fault
                await notes.take(event)
                _expect_more(patience, house)
    except TimeoutError as problem:
        if not patience.expired():
            raise
        raise JobFailed("engine_stalled", _STALLED, permanent=False) from problem


class Notes:
    """Writes down what the engine says."""

    def __init__(self, house: House, claim: work.Claim) -> None:
        self._house = house
        self._claim = claim
        self._segments: Counter[int] = Counter()

    async def take(self, event: Event) -> None:
        match event:
            case Opened(duration):
                await self._write(work.learn, duration=duration)
            case LanguageDetected(language, probability):
                await self._write(work.learn, detected_language=language, language_probability=probability)
            case ChunkStarted(index, start, end):
                await self._write(work.begin_chunk, index, start, end)
            case SegmentFound(chunk, segment):
                await self._write(work.save_segment, chunk, self._segments[chunk], segment)
                self._segments[chunk] += 1
            case Position(seconds):
                await self._write(work.advance, seconds)
            case ChunkDone(index):
                await self._write(work.finish_chunk, index)
            case Done(duration=duration, damaged_packets=damaged, missing=missing):
                damage = {"damaged_packets": damaged, "missing_seconds": missing}
                await self._write(work.learn, duration=duration, **damage)
            case Failed(code=code, message=message, permanent=permanent):
                raise JobFailed(code, message, permanent=permanent)

    async def _write(self, verb: Callable[..., Any], *args: Any, **facts: Any) -> None:
        await patiently(verb, self._house, self._claim, *args, **facts)


def _expect_more(patience: asyncio.Timeout, house: House) -> None:
    patience.reschedule(asyncio.get_running_loop().time() + house.settings.engine_stall_s)


def _options(job: Job) -> JobOptions:
    return JobOptions(
        model=job.model,
        language=job.language,
        task=job.task,  # type: ignore[arg-type]  # the database holds nothing else
        initial_prompt=job.initial_prompt,
        hotwords=job.hotwords,
        vad_filter=job.vad_filter,
        word_timestamps=job.word_timestamps,
        beam_size=job.beam_size,
    )


@contextmanager
def _explained() -> Iterator[None]:
    """Turns what may go wrong around the engine into a reason that a person can do something with."""
    try:
        yield
    except EngineCrashed as problem:
        raise JobFailed("engine_crashed", _CRASHED, permanent=False) from problem
    except Unavailable as problem:
        raise JobFailed(problem.code, problem.message, permanent=False) from problem
    except OSError as problem:
        if problem.errno not in _DISK_ERRORS:
            raise
        raise JobFailed("worker_disk", _DISK, permanent=False) from problem
    except (JobFailed, LeaseLost, *CONNECTION_LOST):
        raise
    except Exception as problem:
        # Not left to the lease: it would be tried as often, but nobody would be told what was wrong.
        log.exception("attempt stumbled")
        raise JobFailed("worker_failed", _STUMBLED, permanent=False) from problem


_DISK_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EIO}
_CRASHED = "The engine stopped unexpectedly. If this happens again, try a smaller model or a shorter piece."
_STALLED = "The engine made no progress for too long. Try again, or use a smaller model."
_STUMBLED = "The worker stumbled. Try again; if that fails, tell whoever runs this server: its log says why."
_DISK = "The worker has no room to keep the recording while it works. Tell whoever runs this server."


@asynccontextmanager
async def _engine(children: "asyncio.Queue[EngineChild]") -> AsyncIterator[EngineChild]:
    child = await children.get()
    try:
        yield child
    finally:
        children.put_nowait(child)


async def _give_back(house: House, claim: work.Claim) -> None:
    try:
        await work.release(house, claim)
    except LeaseLost:
        pass
    except Exception as problem:
        # The lease runs out by itself.
        log.warning("job not given back", problem=repr(problem))
