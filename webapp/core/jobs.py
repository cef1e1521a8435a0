"""What an owner can do with jobs. Every verb owns its transaction and ends by telling who watches."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from uuid import UUID

import msgspec

from webapp.core import arrival, endings, removals, restarts, turns
from webapp.core.errors import Conflict, Invalid, NotFound, Unavailable
from webapp.core.house import House
from webapp.core.leases import locked
from webapp.core.options import WantedOptions, settle
from webapp.core.tables import ACTIVE, Chunk, Job, SegmentRow, Status, Upload

PAGE_LIMIT = 100


class Page(msgspec.Struct, frozen=True):
    """`next` is the cursor of the page after this one, None on the last."""

    jobs: list[Job]
    next: UUID | None


class Deletion(msgspec.Struct, frozen=True):
    """What was removed. `objects`, `versions` and `bytes` are what the storage had of it, with all versions.

    `pending_removals`: so much the storage did not let go of. It is removed as soon as it does.
    """

    id: UUID
    recording_bytes: int
    segments: int
    chunks: int
    queue_entries: int
    objects: int
    versions: int
    bytes: int
    pending_removals: int


async def submit(house: House, owner: UUID, upload: Upload, wanted: WantedOptions) -> tuple[Job, bool]:
    """The job made of an upload, and whether this call made it: asking again returns the same job."""
    if known := await made_of(owner, upload.id):
        return known, False
    options = settle(wanted, house.settings)
    try:
        stored = await arrival.keep(house, upload)
    except Conflict:
        # A twin of this request was faster, and has moved what arrived.
        if known := await made_of(owner, upload.id):
            return known, False
        raise
    made = await arrival.insert(house, upload, stored, options)
    if made is None:
        return await _made_by_twin(house, upload), False
    await turns.ring(house, made.id)
    await house.events.publish(owner, made.id)
    with suppress(Unavailable):  # else the bucket's own rule removes it
        await house.storage.delete(upload.key)
    return made, True


async def find(owner: UUID, job: UUID) -> Job:
    found = await Job.objects().where(Job.id == job, Job.owner == owner).first()
    if found is None:
        raise NotFound("There is no such recording here. It may have been deleted.")
    return found


async def made_of(owner: UUID, upload: UUID) -> Job | None:
    return await Job.objects().where(Job.upload == upload, Job.owner == owner).first()


async def page(
    owner: UUID, *, after: UUID | None = None, limit: int = 20, status: Status | None = None
) -> Page:
    """Newest first. Keys sort by the moment they were made, so a key is all the cursor there is."""
    if not 1 <= limit <= PAGE_LIMIT:
        raise Invalid(f"Ask for 1 to {PAGE_LIMIT} jobs at a time.", field="limit")
    # Keys first: an index has them all. Else the planner, to whom an owner's jobs lie evenly among others',
    # may read the table backwards, and come by a million of those before one of the owner's.
    keys = Job.select(Job.id).where(Job.owner == owner).order_by(Job.id, ascending=False)
    if after is not None:
        keys = keys.where(Job.id < after)
    if status is not None:
        keys = keys.where(Job.status == status.value)
    wanted = Job.id.is_in(keys.limit(limit + 1))
    found = await Job.objects().where(wanted).order_by(Job.id, ascending=False)
    return Page(found[:limit], found[limit - 1].id if len(found) > limit else None)


async def places_in_queue(jobs: list[Job]) -> dict[UUID, int]:
    """How many turns each pending job is away from a worker: 1 is next. Others' jobs count too, unnamed."""
    pending = [str(job.id) for job in jobs if job.status == Status.PENDING]
    if not pending:
        return {}
    rows = await Job.raw(
        "WITH due AS MATERIALIZED (SELECT id, served_at FROM jobs WHERE planned_at IS NULL"
        " AND lease_token IS NULL AND status IN ('pending', 'processing') AND next_attempt_at <= now() UNION"
        " SELECT jobs.id, jobs.served_at FROM chunks JOIN jobs ON jobs.id = chunks.job WHERE"
        " chunks.status = 'pending' AND chunks.queued_at IS NOT NULL AND chunks.next_attempt_at <= now())"
        " SELECT mine.id, 1 + (SELECT count(*) FROM due WHERE (due.served_at, due.id)"
        " < (mine.served_at, mine.id)) AS place FROM jobs mine"
        " WHERE mine.id = ANY({}::uuid[]) AND mine.status = 'pending'",
        pending,
    )
    return {UUID(str(row["id"])): row["place"] for row in rows}


async def cancel(house: House, owner: UUID, job: UUID) -> Job:
    """Whoever works on it can write nothing more, and stops. The text so far stays."""
    async with _held(owner, job) as found:
        if found.status not in ACTIVE:
            raise Conflict(f"This job is {found.status} already; there is nothing to cancel.")
        await endings.end(job, Status.CANCELLED)
    await house.events.publish(owner, job)
    return await find(owner, job)


async def retry(house: House, owner: UUID, job: UUID, *, start_over: bool = False) -> Job:
    """Another round of attempts, from where the last one stopped unless it is to `start_over`."""
    async with _held(owner, job) as found:
        if found.status not in (Status.FAILED, Status.CANCELLED):
            raise Conflict(f"Only a failed or cancelled job can be tried again; this one is {found.status}.")
        await (restarts.from_the_start(job) if start_over else restarts.where_it_stopped(house, job))
        await restarts.back_in_line(house, job)
    await turns.ring(house, job)
    await house.events.publish(owner, job)
    return await find(owner, job)


async def delete(house: House, owner: UUID, job: UUID) -> Deletion:
    """Even while somebody works on it. Rows go at once, and objects as soon as the storage is there."""
    async with _held(owner, job) as found:
        segments = await SegmentRow.count().where(SegmentRow.job == job)
        chunks = await Chunk.count().where(Chunk.job == job)
        noted = await removals.note_job(found)
        # The upload takes the job, its chunks and its segments with it.
        await Upload.delete().where(Upload.id == found.upload)
    silenced = await house.doorbell.silence(job)
    await house.events.publish(owner, job)
    erased, pending = await removals.carry_out_now(house, noted)
    return Deletion(
        id=job,
        recording_bytes=found.object_size,
        segments=segments,
        chunks=chunks,
        queue_entries=silenced,
        **msgspec.structs.asdict(erased),
        pending_removals=pending,
    )


@asynccontextmanager
async def _held(owner: UUID, job: UUID) -> AsyncIterator[Job]:
    """The owner's job in a transaction in which nobody else changes it."""
    await find(owner, job)
    async with locked(job):
        yield await find(owner, job)


async def _made_by_twin(house: House, upload: Upload) -> Job:
    found = await made_of(upload.owner, upload.id)
    if found is None:
        # Made and deleted since: the copy is ours alone, and nobody would ever look for it.
        await house.storage.remove(arrival.kept_key(upload))
        raise NotFound("There is no such recording here. It may have been deleted.")
    return found
