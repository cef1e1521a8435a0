"""What this server offers, and how it is."""

from typing import Any

import msgspec
from litestar import Response, get

from webapp.api.schemas import Limits, Options
from webapp.core import health
from webapp.core.exports import FORMATS
from webapp.core.jobs import PAGE_LIMIT
from webapp.core.languages import LANGUAGES
from webapp.core.modes import MODES
from webapp.core.options import PROMPT_LENGTH, TASKS
from webapp.visitors import TheHouse


class Live(msgspec.Struct, frozen=True):
    status: str


class Parts(msgspec.Struct, frozen=True):
    database: bool
    redis: bool
    storage: bool
    worker: bool


class Ready(msgspec.Struct, frozen=True):
    status: str
    parts: Parts
    worker_age: float | None


@get("/options", operation_id="readOptions", summary="What this server offers", sync_to_thread=False)
def read_options(house: TheHouse) -> Options:
    settings = house.settings
    return Options(
        models=list(settings.models),
        default_model=settings.default_model,
        tasks=list(TASKS),
        modes=list(MODES),
        default_mode=settings.default_mode,
        languages=LANGUAGES,
        formats=list(settings.allowed_formats),
        exports=list(FORMATS),
        limits=Limits(
            upload_bytes=settings.max_upload_bytes,
            duration_seconds=settings.max_duration_h * 3600,
            prompt_characters=PROMPT_LENGTH,
            jobs_per_page=PAGE_LIMIT,
        ),
    )


@get("/live", operation_id="readLive", summary="Whether the process answers")
async def live() -> Live:
    return Live("ok")


@get("/ready", operation_id="readReady", summary="Whether recordings can be taken and transcribed")
async def ready(house: TheHouse) -> Response[Ready]:
    """503 names the part that is away. `worker_age` is the seconds since a worker was last heard of."""
    found = await health.check(house)
    heard = found.worker_age is not None and found.worker_age < health.SILENT_AFTER_S
    parts = Parts(found.database, found.redis, found.storage, heard)
    return _answer(Ready("ok" if found.ready else "unavailable", parts, found.worker_age), found.ready)


def _answer(body: Ready, ready: bool) -> "Response[Any]":
    return Response(body, status_code=200 if ready else 503)
