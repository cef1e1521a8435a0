"""What happens to one job, as messages: state rather than history, so that a reconnect needs no replay."""

from collections.abc import AsyncGenerator
from uuid import UUID

import msgspec

from webapp.api.jobs import view
from webapp.api.schemas import Deleted, JobSegment, JobView, Restart, is_active
from webapp.core import jobs
from webapp.core.chunks import ChunkText
from webapp.core.errors import NotFound
from webapp.core.following import Following, Look
from webapp.core.house import House
from webapp.core.tables import Status
from webapp.streams import QUIET_S, Admission, Batch, follow


class Message(msgspec.Struct, frozen=True):
    """The same over SSE (`event:` and `data:`) and over a WebSocket (one object)."""

    event: str
    data: JobView | JobSegment | Restart | Deleted


async def messages(
    house: House, admission: Admission, job: UUID, *, quiet: float = QUIET_S
) -> AsyncGenerator[Message | None, None]:
    """A snapshot, then changes; None after a look that found none, at the latest in `quiet` seconds.

    A `job` message with a final status is the last one.
    """
    async with house.events.subscribe(admission.owner) as queue:
        follower = Follower(admission.owner, job)
        for message in await follower.look():
            yield message
        if follower.over:
            return
        async for _ in follow(queue, follower.concerned, quiet=quiet):
            await admission.renew()
            found = await follower.look()
            for message in found:
                yield message
            if follower.over:
                return
            if not found:
                yield None


class Follower:
    """Remembers what one listener has been told."""

    def __init__(self, owner: UUID, job: UUID) -> None:
        self._owner = owner
        self._id = job
        self._job: JobView | None = None
        self._following = Following(job, words=True)
        self._told: dict[int, list[UUID]] = {}  # the segments of each chunk
        self.over = False

    def concerned(self, batch: Batch) -> bool:
        """While it waits, any job that moves may move its place in the queue."""
        waits = self._job is not None and self._job.status == Status.PENDING
        return batch.resync or waits or self._id in batch.jobs

    async def look(self) -> list[Message]:
        try:
            job = await jobs.find(self._owner, self._id)
        except NotFound:
            self.over = True
            return [Message("deleted", Deleted(self._id))]
        seen = await view(job)
        self.over = not is_active(job)
        text = self._news(await self._following.look())
        about = [Message("job", seen)] if self._changed(seen) else []
        self._job = seen
        return [*text, *about] if self.over else [*about, *text]

    def _changed(self, seen: JobView) -> bool:
        """Time passes by itself; who listens can count."""
        if self._job is None:
            return True
        return msgspec.structs.replace(self._job, processing_seconds=seen.processing_seconds) != seen

    def _news(self, look: Look) -> list[Message]:
        restarts = [Message("restart", Restart(index)) for index in look.gone if self._told.pop(index, None)]
        return [*restarts, *(message for chunk in look.fresh for message in self._news_of(chunk))]

    def _news_of(self, chunk: ChunkText) -> list[Message]:
        """A chunk's attempts are told apart by its segments: those of an earlier one are there no more."""
        told = self._told.get(chunk.index, [])
        stands = told == chunk.ids[: len(told)]
        first = len(told) if stands else 0
        # Of one that is done it is enough to know that it had any.
        self._told[chunk.index] = chunk.ids[:1] if chunk.done else chunk.ids
        news = [Message("segment", each) for each in _segments(chunk, first)]
        return news if stands else [Message("restart", Restart(chunk.index)), *news]


def _segments(chunk: ChunkText, first: int) -> list[JobSegment]:
    return [
        JobSegment(**msgspec.structs.asdict(segment), chunk=chunk.index, index=index)
        for index, segment in enumerate(chunk.segments[first:], first)
    ]
