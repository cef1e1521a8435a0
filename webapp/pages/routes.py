"""All handlers of pages."""

from litestar import Router

from webapp.heads import head_of
from webapp.pages import account, events, exports, jobs, uploads

pages_router = Router(
    "/",
    include_in_schema=False,
    route_handlers=[
        jobs.index,
        head_of(jobs.index),
        jobs.submit,
        jobs.show,
        jobs.cancellation,
        jobs.retry,
        jobs.deletion,
        exports.export,
        events.list_events,
        events.job_events,
        uploads.create,
        uploads.create_form,
        uploads.show_form,
        uploads.arrival,
        account.account,
        account.create_token,
        account.revoke_token,
        account.close,
    ],
)
