"""From what arrived in the bucket to the row of a job."""

import msgspec
from asyncpg import ForeignKeyViolationError

from webapp.core import turns
from webapp.core.bucket_rules import KEPT
from webapp.core.errors import Conflict, Invalid
from webapp.core.house import House
from webapp.core.ids import new_id
from webapp.core.leases import NOW, in_seconds
from webapp.core.options import JobOptions
from webapp.core.storage import StoredObject
from webapp.core.tables import Job, Status, Upload


async def keep(house: House, upload: Upload) -> StoredObject:
    """Copies what arrived, exactly as checked, to where no signed form can write."""
    arrived = await house.storage.head(upload.key)
    if arrived is None:
        raise _not_arrived()
    await _refuse_wrong_size(house, upload, arrived)
    kept = await house.storage.copy(upload.key, kept_key(upload), arrived.etag)
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


def kept_key(upload: Upload) -> str:
    return f"{KEPT}{upload.owner}/{upload.id}"


async def insert(house: House, upload: Upload, stored: StoredObject, options: JobOptions) -> Job | None:
    """None when a twin of this request was faster, even if what it made was deleted since."""
    job = _job(house, upload, stored, options)
    insertion = Job.insert(job).on_conflict(target=Job.upload, action="DO NOTHING").returning(Job.id)
    try:
        made = await insertion
    except ForeignKeyViolationError:
        return None
    return await Job.objects().get(Job.id == job.id) if made else None


def _job(house: House, upload: Upload, stored: StoredObject, options: JobOptions) -> Job:
    return Job(
        id=new_id(),
        owner=upload.owner,
        upload=upload.id,
        filename=upload.filename,
        object_key=kept_key(upload),
        object_size=stored.size,
        object_etag=stored.etag,
        **msgspec.structs.asdict(options),
        status=Status.PENDING.value,
        created_at=NOW,
        updated_at=NOW,
        attempt=0,
        attempt_limit=house.settings.job_attempts,
        # Whose turn it is goes by the database's clock alone.
        next_attempt_at=NOW,
        served_at=in_seconds(-turns.HEAD_START_S),
        working_from=0.0,
        position=0.0,
        processing_seconds=0.0,
        damaged_packets=0,
        missing_seconds=0.0,
    )
