"""What goes over the wire: inputs that refuse what they do not know, and outputs made of rows."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta

from webapp.core.clock import now
from webapp.core.modes import Mode
from webapp.core.options import Task, WantedOptions
from webapp.core.storage import Presigned
from webapp.core.tables import ACTIVE, Job, Status, Upload
from webapp.core.transcript import Segment

API = "/api/v1"


class NewUpload(msgspec.Struct, forbid_unknown_fields=True):
    filename: Annotated[str, Meta(min_length=1, max_length=1000)]
    size: Annotated[int, Meta(ge=0, le=1 << 50, description="In bytes, exactly")]
    content_type: Annotated[str, Meta(max_length=200)] = ""


class UploadForm(msgspec.Struct, frozen=True):
    """How to send the file. POST: a form of `fields` with the file last. PUT: the bytes with `headers`."""

    id: UUID
    method: str
    url: str
    fields: dict[str, str]
    headers: dict[str, str]
    size: int | None
    expires_at: datetime

    @classmethod
    def of(cls, upload: Upload, presigned: Presigned) -> "UploadForm":
        return cls(
            id=upload.id,
            method=presigned.method,
            url=presigned.url,
            fields=presigned.fields,
            headers=presigned.headers,
            size=upload.size,
            expires_at=upload.expires_at,
        )


class NewJob(WantedOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    upload: UUID


class Retry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`start_over`: the text found so far is dropped, and the recording is worked on from its beginning."""

    start_over: bool = False


class JobError(msgspec.Struct, frozen=True):
    code: str
    message: str


class JobLinks(msgspec.Struct, frozen=True):
    self: str
    transcript: str
    events: str


class JobView(msgspec.Struct, frozen=True, kw_only=True):
    """`progress` runs from 0 to 1; `position` and `duration` are seconds of audio."""

    id: UUID
    filename: str
    status: Status
    progress: float
    position: float
    duration: float | None
    place_in_queue: int | None
    model: str
    task: Task
    mode: Mode
    mixed_languages: bool
    language: str | None
    language_probability: float | None
    initial_prompt: str | None
    hotwords: str | None
    vad_filter: bool
    word_timestamps: bool
    beam_size: int | None
    attempt: int
    damaged_packets: int
    missing_seconds: float
    error: JobError | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    updated_at: datetime
    processing_seconds: float
    links: JobLinks

    @classmethod
    def of(cls, job: Job, place: int | None = None) -> "JobView":
        return cls(
            id=plain(job.id),
            filename=job.filename,
            status=Status(job.status),
            progress=progress(job),
            position=round(job.position, 3),
            duration=job.duration,
            place_in_queue=place,
            model=job.model,
            task="translate" if job.task == "translate" else "transcribe",
            mode=job.mode,  # type: ignore[arg-type]  # the database holds nothing else
            mixed_languages=job.mixed_languages,
            language=job.detected_language or job.language,
            language_probability=job.language_probability,
            initial_prompt=job.initial_prompt,
            hotwords=job.hotwords,
            vad_filter=job.vad_filter,
            word_timestamps=job.word_timestamps,
            beam_size=job.beam_size,
            attempt=job.attempt,
            damaged_packets=job.damaged_packets,
            missing_seconds=job.missing_seconds,
            error=_error(job),
            created_at=job.created_at,
            started_at=job.started_at,
            finished_at=job.finished_at,
            updated_at=job.updated_at,
            processing_seconds=seconds_worked(job),
            links=_links(job),
        )


class JobPage(msgspec.Struct, frozen=True):
    items: list[JobView]
    next_cursor: str | None


class JobSegment(Segment, frozen=True, kw_only=True):
    """A segment and where it stands: the chunk of the recording, and its place there.

    Chunks are heard side by side, so those of a later one may come first: order by `chunk`, then `index`."""

    chunk: int
    index: int


class Restart(msgspec.Struct, frozen=True):
    """Forget the segments of this chunk, and of no other: it is heard again."""

    chunk: int


class Deleted(msgspec.Struct, frozen=True):
    id: UUID


class Limits(msgspec.Struct, frozen=True):
    upload_bytes: int
    duration_seconds: float
    prompt_characters: int
    jobs_per_page: int


class Options(msgspec.Struct, frozen=True):
    models: list[str]
    default_model: str
    tasks: list[str]
    modes: list[Mode]
    default_mode: Mode
    languages: dict[str, str]
    formats: list[str]
    exports: list[str]
    limits: Limits


def progress(job: Job) -> float:
    if job.status == Status.COMPLETED:
        return 1.0
    if not job.duration:
        return 0.0
    return round(min(job.position / job.duration, 1.0), 4)


def seconds_worked(job: Job) -> float:
    running = 0.0
    if job.working_since:
        running = (now() - job.working_since).total_seconds()
    return round(max(0.0, job.processing_seconds + running), 3)


def is_active(job: Job) -> bool:
    return job.status in ACTIVE


def plain(value: UUID) -> UUID:
    """The database driver's own subclass does not pass for a UUID everywhere."""
    return UUID(str(value))


def _error(job: Job) -> JobError | None:
    """While others of its chunks are heard, the setback of one is no news for a program."""
    if job.error_code is None or job.status not in (Status.FAILED, Status.PENDING):
        return None
    return JobError(job.error_code, job.error_message or "")


def _links(job: Job) -> JobLinks:
    here = f"{API}/jobs/{job.id}"
    return JobLinks(here, f"{here}/transcript", f"{here}/events")
