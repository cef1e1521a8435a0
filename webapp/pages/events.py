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
from webapp.core import accounts, jobs, transcripts
from webapp.core.errors import NotFound, NotSignedIn
from webapp.core.events import Hint
from webapp.core.house import House
from webapp.core.tables import Job, Status
from webapp.core.transcripts import ChunkText
from webapp.pages.views import job_view, list_view, row, state
from webapp.streams import QUIET_S, Admission, Batch, concerning, ending_well, heard
from webapp.visitors import AnyRequest, TheHouse, Visitor, session_secret

# Elapsed and remaining time move on while a job runs, though nothing is heard.
TICK_S = 5.0
# What the column of a chunk's index holds.
MOST_CHUNKS = 2**31 - 1
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
    settled: FromQuery[int] = 0,
) -> ServerSentEvent:
    """`settled`: so many chunks are on the page already and will not change."""
    admission = _admission(request, house, visitor)
    return ServerSentEvent(
        ending_well(follow_job(house, admission, job_id, min(max(0, settled), MOST_CHUNKS)))
    )


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
    house: House, admission: Admission, job_id: UUID, settled: int
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
            news = await text.news(whole=batch.resync)
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
    """What one connection has been sent of a text that grows at its end."""

    def __init__(self, job: UUID, settled: int) -> None:
        self._job = job
        self._page_has = settled
        self._first = settled
        self._sent: dict[int, ChunkText] = {}

    async def news(self, *, whole: bool) -> str:
        """Fragments for what changed since; `whole` sends everything the page may lack again."""
        chunks = await transcripts.chunks(self._job, self._page_has if whole else self._first)
        # A new attempt at the work takes back the chunk that the last one had begun.
        if not whole and self._sent.keys() - {chunk.index for chunk in chunks}:
            return await self.news(whole=True)
        if whole:
            html = fragments.render("jobs/_following.html", chunks=chunks)
        else:
            html = "".join(self._one(chunk) for chunk in chunks if chunk != self._sent.get(chunk.index))
        self._remember(chunks)
        return html

    def _one(self, chunk: ChunkText) -> str:
        return fragments.render("jobs/_chunk_news.html", chunk=chunk, new=chunk.index not in self._sent)

    def _remember(self, chunks: list[ChunkText]) -> None:
        """Those before the first that is not done will not change, so they need not be read again."""
        self._first = next((chunk.index for chunk in chunks if not chunk.done), self._first)
        self._sent = {chunk.index: chunk for chunk in chunks if chunk.index >= self._first}


def _message(html: str) -> ServerSentEventMessage:
    return ServerSentEventMessage(html) if html else STILL_HERE
