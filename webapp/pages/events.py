"""The live streams of the list and of one job: fragments with stable ids, state rather than history.

What is shown is read again when a hint arrives, and from time to time without one.
"""

from array import array
from functools import partial
from uuid import UUID

from litestar import get
from litestar.params import FromPath, FromQuery
from litestar.response import ServerSentEventMessage

from webapp import fragments
from webapp.compression import AS_IT_IS
from webapp.core import accounts, jobs
from webapp.core.errors import NotFound, NotSignedIn
from webapp.core.following import Following
from webapp.core.house import House
from webapp.core.tables import Job, Status
from webapp.eventstream import EventStream
from webapp.feeds import Feeds, Shown
from webapp.pages.views import Passage, TextView, job_view, list_view, row, state, text_view
from webapp.streams import QUIET_S, Admission, Batch
from webapp.visitors import AnyRequest, TheFeeds, TheHouse, Visitor, session_secret

# Elapsed and remaining time move on while a job runs, though nothing is heard.
TICK_S = 5.0
# What does not move by itself: only a hint that its sender could not send would be made up for.
LOOK_S = 60.0


@get("/events", opt={AS_IT_IS: True})
async def list_events(
    request: AnyRequest,
    house: TheHouse,
    feeds: TheFeeds,
    visitor: Visitor,
    after: FromQuery[UUID | None] = None,
) -> EventStream:
    admission = _admission(request, house, feeds, visitor)
    feed = feeds.open(admission.owner, ("list", after), lambda owner: FollowedList(owner, after))
    return EventStream(feed, admission)


@get("/jobs/{job_id:uuid}/events", opt={AS_IT_IS: True})
async def job_events(
    request: AnyRequest,
    house: TheHouse,
    feeds: TheFeeds,
    visitor: Visitor,
    job_id: FromPath[UUID],
    settled: FromQuery[UUID | None] = None,
) -> EventStream:
    """`settled`: up to this chunk all are on the page already, and will not change."""
    admission = _admission(request, house, feeds, visitor)
    what = ("job", job_id, settled)
    feed = feeds.open(admission.owner, what, lambda owner: FollowedJob(owner, job_id, settled))
    return EventStream(feed, admission)


def _admission(request: AnyRequest, house: House, feeds: Feeds, visitor: UUID | None) -> Admission:
    secret = session_secret(request)
    if visitor is None or secret is None:
        raise NotSignedIn("There is nothing to follow yet. Upload a recording first.")
    ask = partial(accounts.owner_of_session, secret, house.settings.session_days)
    return feeds.admissions.of(visitor, secret, ask)


class FollowedList:
    def __init__(self, owner: UUID, after: UUID | None) -> None:
        self._owner, self._after = owner, after
        # Hashes of which rows there are and of what each looks like: thousands of lists may be open.
        self._order, self._looks = array("q"), array("q")
        self.again_s = TICK_S

    def concerns(self, batch: Batch) -> bool:
        return True

    async def look(self, batch: Batch) -> Shown:
        seen = await list_view(self._owner, self._after)
        rows = [row(view) for view in seen.jobs]
        order, looks = array("q", (hash(view.job.id) for view in seen.jobs)), array("q", map(hash, rows))
        moved = batch.resync or order != self._order
        pairs = zip(rows, looks, self._looks, strict=False)  # what moved is sent whole
        changed = "".join(html for html, now, before in pairs if now != before)
        self._order, self._looks = order, looks
        self.again_s = TICK_S if seen.active else LOOK_S
        whole = _message(fragments.render("jobs/_list.html", list=seen)) if moved or batch.joined else b""
        return Shown(whole, whole if moved else _message(changed))


class FollowedJob:
    def __init__(self, owner: UUID, job: UUID, settled: UUID | None) -> None:
        self._owner, self._job = owner, job
        self._text = FollowedText(job, settled)
        self._state = 0  # a hash of it
        self._status: str = Status.PENDING

    @property
    def again_s(self) -> float:
        return {Status.PROCESSING: TICK_S, Status.PENDING: QUIET_S}.get(Status(self._status), LOOK_S)

    def concerns(self, batch: Batch) -> bool:
        """Other jobs of this owner concern the page only in that the queue may have moved."""
        return batch.resync or self._job in batch.jobs or self._status == Status.PENDING

    async def look(self, batch: Batch) -> Shown:
        """Who has just come is sent what may be lacking on a page, and so are the others: it does no harm."""
        try:
            job = await jobs.find(self._owner, self._job)
        except NotFound:
            return _gone()
        whole = batch.resync or batch.joined
        html = state(await job_view(job))
        news = await self._text.news(job, whole=whole)
        known, self._state, self._status = self._state, hash(html), job.status
        message = _message((html if known != self._state or whole else "") + news)
        return Shown(message if whole else b"", message)


def _gone() -> Shown:
    """The page closes its stream on the second one; else it would ask again and again."""
    deleted = _message(fragments.render("jobs/_deleted.html"))
    both = deleted + ServerSentEventMessage("", event="gone").encode()
    return Shown(both, both, last=True)


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


def _message(html: str) -> bytes:
    return ServerSentEventMessage(html).encode() if html else b""
