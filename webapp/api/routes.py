"""The JSON API's routes."""

from litestar import Router

from webapp.api import events, information, jobs, transcripts, uploads
from webapp.api.dialect import dialect_router
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

api_routes = [
    Router(
        API,
        route_handlers=[
            uploads.create_upload,
            jobs.create_job,
            jobs.list_jobs,
            jobs.read_job,
            jobs.delete_job,
            jobs.cancel_job,
            jobs.retry_job,
            transcripts.read_transcript,
            transcripts.read_transcript_file,
            events.follow_job,
            events.follow_job_by_socket,
        ],
        opt={NO_COOKIES: True},
        security=_BEARER,
    ),
    dialect_router,
    Router(API, route_handlers=[information.read_options]),
    Router(f"{API}/health", route_handlers=_HEALTH),
    # Where platforms look.
    Router("/health", route_handlers=_HEALTH, include_in_schema=False),
]
