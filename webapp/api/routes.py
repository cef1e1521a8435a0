"""The JSON API's routes."""

from litestar import Router
from litestar.types import ControllerRouterHandler

from webapp.api import events, information, jobs, transcripts, uploads
from webapp.api.dialect import dialect_router
from webapp.api.idempotency import ONCE
from webapp.api.schemas import API
from webapp.heads import head_of
from webapp.origins import NO_COOKIES

_HEALTH = [
    information.live,
    information.ready,
    head_of(information.live),
    head_of(information.ready),
]
_BEARER = [{"bearer": list[str]()}]


def _for_programs(tag: str, *handlers: ControllerRouterHandler) -> Router:
    return Router(
        API,
        route_handlers=[*handlers],
        tags=[tag],
        opt={NO_COOKIES: True},
        security=_BEARER,
        dependencies=ONCE,
    )


api_routes = [
    _for_programs("uploads", uploads.create_upload),
    _for_programs(
        "jobs",
        jobs.create_job,
        jobs.list_jobs,
        jobs.read_job,
        jobs.delete_job,
        jobs.cancel_job,
        jobs.retry_job,
        events.follow_job,
        events.follow_job_by_socket,
    ),
    _for_programs("transcripts", transcripts.read_transcript, transcripts.read_transcript_file),
    dialect_router,
    Router(API, route_handlers=[information.read_options], tags=["server"]),
    Router(f"{API}/health", route_handlers=_HEALTH, tags=["server"]),
    # Where platforms look.
    Router("/health", route_handlers=_HEALTH, include_in_schema=False),
]
