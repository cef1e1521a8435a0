"""What an owner can do with jobs. Every verb owns its transaction and ends by telling who watches."""

from contextlib import suppress
from uuid import UUID

import msgspec
from asyncpg import ForeignKeyViolationError

from webapp.core.bucket_rules import INCOMING, KEPT
from webapp.core.clock import now
from webapp.core.errors import Conflict, Invalid, NotFound, Unavailable
from webapp.core.house import House
from webapp.core.ids import new_id
from webapp.core.options import JobOptions, WantedOptions, settle
from webapp.core.storage import StoredObject
from webapp.core.tables import Job, Status, Upload

PAGE_LIMIT = 100


class Page(msgspec.Struct, frozen=True):
    """`next` is the cursor of the page after this one, None on the last."""

    jobs: list[Job]
    next: UUID | None


async def submit(house: House, owner: UUID, upload: Upload, wanted: WantedOptions) -> tuple[Job, bool]:
    """The job made of an upload, and whether this call made it: asking again returns the same job."""
    if known := await made_of(owner, upload.id):
        return known, False
    options = settle(wanted, house.settings)
    try:
        stored = await _keep(house, upload)
    except Conflict:
        # A twin of this request was faster, and has moved what arrived.
        if known := await made_of(owner, upload.id):
            return known, False
        raise
    made = await _insert(_job(house, upload, stored, options))
    if made is None:
        return await _made_by_twin(house, upload), False
    await house.doorbell.ring(made)
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
    query = Job.objects().where(Job.owner == owner).order_by(Job.id, ascending=False)
    if after is not None:
        query = query.where(Job.id < after)
    if status is not None:
        query = query.where(Job.status == status.value)
    found = await query.limit(limit + 1)
    return Page(found[:limit], found[limit - 1].id if len(found) > limit else None)


async def places_in_queue(jobs: list[Job]) -> dict[UUID, int]:
    """How many turns each pending job is away from a worker: 1 is next. Others' jobs count too, unnamed."""
    pending = [str(job.id) for job in jobs if job.status == Status.PENDING]
    if not pending:
        return {}
    rows = await Job.raw(
        "SELECT mine.id, count(*) AS place FROM jobs mine JOIN jobs other"
        " ON other.status = 'pending' AND other.id <= mine.id"
        " WHERE mine.id = ANY({}::uuid[]) AND mine.status = 'pending' GROUP BY mine.id",
        pending,
    )
    return {UUID(str(row["id"])): row["place"] for row in rows}


async def cancel(house: House, owner: UUID, job: UUID) -> Job:
    """Takes the lease away: whoever works on it can write nothing more, and stops. The text so far stays."""
    changed = await Job.raw(
        "UPDATE jobs SET status = 'cancelled', lease_token = NULL, lease_until = NULL,"
        " finished_at = now(), updated_at = now(), processing_seconds = processing_seconds + CASE"
        " WHEN status = 'processing' THEN extract(epoch FROM now() - attempt_started_at) ELSE 0 END"
        " WHERE id = {} AND owner = {} AND status IN ('pending', 'processing') RETURNING id",
        job,
        owner,
    )
    found = await find(owner, job)
    if not changed:
        raise Conflict(f"This job is {found.status} already; there is nothing to cancel.")
    await house.events.publish(owner, job)
    return found


async def retry(house: House, owner: UUID, job: UUID) -> Job:
    """Another round of attempts, from where the last one stopped."""
    changed = await Job.raw(
        "UPDATE jobs SET status = 'pending', attempt_limit = attempt + {}, next_attempt_at = now(),"
        " finished_at = NULL, updated_at = now(), error_code = NULL, error_message = NULL"
        " WHERE id = {} AND owner = {} AND status IN ('failed', 'cancelled') RETURNING id",
        house.settings.job_attempts,
        job,
        owner,
    )
    found = await find(owner, job)
    if not changed:
        raise Conflict(f"Only a failed or cancelled job can be tried again; this one is {found.status}.")
    await house.doorbell.ring(found)
    await house.events.publish(owner, job)
    return found


async def delete(house: House, owner: UUID, job: UUID) -> None:
    """Audio first: should the storage be away, the row stays and the owner can ask again."""
    found = await find(owner, job)
    await house.storage.delete(found.object_key, f"{INCOMING}{owner}/{found.upload}")
    # The upload takes the job, its chunks and its segments with it.
    await Upload.delete().where(Upload.id == found.upload, Upload.owner == owner)
    await house.events.publish(owner, job)


async def _made_by_twin(house: House, upload: Upload) -> Job:
    found = await made_of(upload.owner, upload.id)
    if found is None:
        # Made and deleted since: the copy is ours alone, and nobody would ever look for it.
        await house.storage.delete(_kept_key(upload))
        raise NotFound("There is no such recording here. It may have been deleted.")
    return found


async def _keep(house: House, upload: Upload) -> StoredObject:
    """Copies what arrived, exactly as checked, to where no signed form can write."""
    arrived = await house.storage.head(upload.key)
    if arrived is None:
        raise _not_arrived()
    await _refuse_wrong_size(house, upload, arrived)
    kept = await house.storage.copy(upload.key, _kept_key(upload), arrived.etag)
    if kept is None or kept.size != arrived.size:
        raise _not_arrived()
    return kept


async def _refuse_wrong_size(house: House, upload: Upload, arrived: StoredObject) -> None:
    """The store enforces this where it can; not every store does."""
    expected = upload.size
    if arrived.size == (expected or arrived.size) and 0 < arrived.size <= house.settings.max_upload_bytes:
        return
    await house.storage.delete(upload.key)
    if arrived.size == 0:
        raise Invalid("The file is empty. Choose one with sound in it.", code="empty_file")
    raise Conflict("What arrived is not the file that was announced. Upload it again.", code="upload_changed")


def _not_arrived() -> Conflict:
    return Conflict("The file has not arrived in the storage. Upload it again.", code="upload_missing")


def _kept_key(upload: Upload) -> str:
    return f"{KEPT}{upload.owner}/{upload.id}"


def _job(house: House, upload: Upload, stored: StoredObject, options: JobOptions) -> Job:
    moment = now()
    return Job(
        id=new_id(),
        owner=upload.owner,
        upload=upload.id,
        filename=upload.filename,
        object_key=_kept_key(upload),
        object_size=stored.size,
        object_etag=stored.etag,
        **msgspec.structs.asdict(options),
        status=Status.PENDING.value,
        created_at=moment,
        updated_at=moment,
        attempt=0,
        attempt_limit=house.settings.job_attempts,
        attempt_position=0.0,
        next_attempt_at=moment,
        position=0.0,
        processing_seconds=0.0,
        damaged_packets=0,
        missing_seconds=0.0,
    )


async def _insert(job: Job) -> Job | None:
    """None when a twin of this request was faster, even if what it made was deleted since."""
    insertion = Job.insert(job).on_conflict(target=Job.upload, action="DO NOTHING").returning(Job.id)
    try:
        made = await insertion
    except ForeignKeyViolationError:
        return None
    return job if made else None
