"""The live streams of the list and of one job: fragments with stable ids, state rather than history.

Each connection re-reads what it shows when a hint arrives, and from time to time without one.
"""

import asyncio
from collections.abc import AsyncGenerator
from functools import partial
from uuid import UUID

from litestar import get
from litestar.params import FromPath, FromQuery
from litestar.response import ServerSentEvent, ServerSentEventMessage

from webapp import fragments
from webapp.core import accounts, jobs
from webapp.core.errors import NotFound, NotSignedIn
from webapp.core.events import Hint
from webapp.core.following import Following
from webapp.core.house import House
from webapp.core.tables import Job, Status
from webapp.pages.views import Passage, TextView, job_view, list_view, row, state, text_view
from webapp.streams import QUIET_S, Admission, Batch, concerning, ending_well, heard
from webapp.visitors import AnyRequest, TheHouse, Visitor, session_secret

# Elapsed and remaining time move on while a job runs, though nothing is heard.
TICK_S = 5.0
STILL_HERE = ServerSentEventMessage(data=None, comment="still here")


@get("/events")
async def list_events(
    request: AnyRequest, house: TheHouse, visitor: Visitor, after: FromQuery[UUID | None] = None
) -> ServerSentEvent:
    admission = _admission(request, house, visitor)
    return ServerSentEvent(ending_well(follow_list(house, admission, after)))


@get("/jobs/{job_id:uuid}/events")
async def job_events(
    request: AnyRequest,
    house: TheHouse,
    visitor: Visitor,
    job_id: FromPath[UUID],
    settled: FromQuery[UUID | None] = None,
) -> ServerSentEvent:
    """`settled`: up to this chunk all are on the page already, and will not change."""
    admission = _admission(request, house, visitor)
    return ServerSentEvent(ending_well(follow_job(house, admission, job_id, settled)))


def _admission(request: AnyRequest, house: House, visitor: UUID | None) -> Admission:
    secret = session_secret(request)
    if visitor is None or secret is None:
        raise NotSignedIn("There is nothing to follow yet. Upload a recording first.")
    return Admission(visitor, partial(accounts.owner_of_session, secret, house.settings.session_days))


async def follow_list(
    house: House, admission: Admission, after: UUID | None
) -> AsyncGenerator[ServerSentEventMessage, None]:
    async with house.events.subscribe(admission.owner) as queue:
        shown: dict[UUID, str] | None = None
        batch: Batch | None = Batch(frozenset())
        while batch is not None:
            await admission.renew()
            seen = await list_view(admission.owner, after)
            rows = {view.job.id: row(view) for view in seen.jobs}
            if shown is None or batch.resync or list(rows) != list(shown):
                yield _message(fragments.render("jobs/_list.html", list=seen))
            else:
                yield _message("".join(html for job, html in rows.items() if html != shown[job]))
            shown = rows
            batch = await heard(queue, quiet=TICK_S if seen.active else QUIET_S)


async def follow_job(
    house: House, admission: Admission, job_id: UUID, settled: UUID | None
) -> AsyncGenerator[ServerSentEventMessage, None]:
    async with house.events.subscribe(admission.owner) as queue:
        text, shown = FollowedText(job_id, settled), ""
        batch: Batch | None = Batch(frozenset(), resync=True)
        while batch is not None:
            await admission.renew()
            try:
                job = await jobs.find(admission.owner, job_id)
            except NotFound:
                yield ServerSentEventMessage(fragments.render("jobs/_deleted.html"))
                # The page closes its stream on this; else it would ask again and again.
                yield ServerSentEventMessage("", event="gone")
                return
            html = state(await job_view(job))
            news = await text.news(job, whole=batch.resync)
            yield _message((html if html != shown or batch.resync else "") + news)
            shown = html
            batch = await _heard_of(job, queue)


async def _heard_of(job: Job, queue: "asyncio.Queue[Hint]") -> Batch | None:
    """Other jobs of this owner concern the page only in that the queue may have moved."""

    def concerns(batch: Batch) -> bool:
        return batch.resync or job.id in batch.jobs or job.status == Status.PENDING

    quiet = TICK_S if job.status == Status.PROCESSING else QUIET_S
    return await concerning(queue, concerns, quiet=quiet)


class FollowedText:
    """What one connection has been sent of a text that grows in several places."""

    def __init__(self, job: UUID, settled: UUID | None) -> None:
        self._job = job
        self._page_has = settled
        self._begin()

    def _begin(self) -> None:
        self._following = Following(self._job, self._page_has)
        self._sent: dict[int, tuple[object, ...]] = {}
        self._rest = ""

    async def news(self, job: Job, *, whole: bool) -> str:
        """Fragments for what changed since; `whole` sends everything the page may lack again."""
        if whole:
            self._begin()
        look = await self._following.look()
        if not look.stands:
            return await self._all_anew(job)
        text = text_view(job, look.chunks)
        html = self._lacking(text) if whole else self._changed(text, {chunk.index for chunk in look.fresh})
        self._remember(text)
        return html + self._changed_rest(text)

    async def _all_anew(self, job: Job) -> str:
        """The job was started over: not even what was settled is true any more."""
        self._begin()
        text = text_view(job, (await self._following.look()).chunks)
        # Settled ones are on the page now, outside of what follows: they must not be sent into that again.
        self._page_has = text.settled[-1].chunk.id if text.settled else None
        self._remember(text)
        self._changed_rest(text)
        return fragments.render("jobs/_text.html", text=text)

    def _lacking(self, text: TextView) -> str:
        lacking = [each for each in text.passages if each.chunk.id != self._page_has]
        return fragments.render("jobs/_following.html", passages=lacking)

    def _changed(self, text: TextView, fresh: set[int]) -> str:
        return "".join(self._one(passage) for passage in text.passages if passage.chunk.index in fresh)

    def _one(self, passage: Passage) -> str:
        known = self._sent.get(passage.chunk.index)
        if known == passage.look:
            return ""
        return fragments.render("jobs/_chunk_news.html", passage=passage, new=known is None)

    def _changed_rest(self, text: TextView) -> str:
        html = fragments.render("jobs/_rest.html", text=text)
        known, self._rest = self._rest, html
        return html if html != known else ""

    def _remember(self, text: TextView) -> None:
        self._sent.update({passage.chunk.index: passage.look for passage in text.passages})


def _message(html: str) -> ServerSentEventMessage:
    return ServerSentEventMessage(html) if html else STILL_HERE
