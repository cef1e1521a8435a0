"""What happens to one job, as messages: state rather than history, so that a reconnect needs no replay."""

from collections.abc import AsyncGenerator
from uuid import UUID

import msgspec

from webapp.api.jobs import view
from webapp.api.schemas import Deleted, JobSegment, JobView, Restart, is_active
from webapp.core import jobs, transcripts
from webapp.core.errors import NotFound
from webapp.core.house import House
from webapp.core.tables import Status
from webapp.core.transcripts import ChunkText
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
        self._first_open = 0  # chunks before this one were told whole and will not change
        self._told: dict[int, int] = {}  # how many segments of each later chunk
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
        restarted = self._restarted(seen)
        chunks = await transcripts.chunks(self._id, self._first_open)
        text = [*restarted, *(Message("segment", each) for each in self._news(chunks))]
        about = [Message("job", seen)] if self._changed(seen) else []
        self._job = seen
        return [*text, *about] if self.over else [*about, *text]

    def _changed(self, seen: JobView) -> bool:
        """Time passes by itself; who listens can count."""
        if self._job is None:
            return True
        return msgspec.structs.replace(self._job, processing_seconds=seen.processing_seconds) != seen

    def _restarted(self, seen: JobView) -> list[Message]:
        """A new attempt begins again with the chunk that the last one had not finished."""
        if self._job is None or self._job.attempt == seen.attempt or not self._told:
            return []
        self._told.clear()
        return [Message("restart", Restart(self._first_open))]

    def _news(self, chunks: list[ChunkText]) -> list[JobSegment]:
        found: list[JobSegment] = []
        for chunk in chunks:
            told = self._told.get(chunk.index, 0)
            for index, segment in enumerate(chunk.segments[told:], told):
                fields = msgspec.structs.asdict(segment)
                found.append(JobSegment(**fields, chunk=chunk.index, index=index))
            self._told[chunk.index] = len(chunk.segments)
            if chunk.done and chunk.index == self._first_open:
                self._first_open += 1
                del self._told[chunk.index]
        return found
