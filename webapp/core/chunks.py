"""Chunks as far as they are heard. Since that happens side by side and in any order, a text may have gaps."""

from collections.abc import Iterable
from uuid import UUID

import msgspec

from webapp.core.tables import TERMINAL, Job, Status
from webapp.core.transcript import Gap, Segment

# Nobody would miss less. It also keeps gaps from flickering where a chunk is nearly done.
SHORTEST_GAP_S = 1.0


class ChunkText(msgspec.Struct, frozen=True):
    """A stretch of the recording with the text found in it so far. `done`: it will not change any more."""

    id: UUID
    index: int
    start: float
    end: float
    position: float
    status: str
    segments: list[Segment] = []
    ids: list[UUID] = []  # of the segments: when the chunk is heard again they get new ones

    @property
    def done(self) -> bool:
        return self.status == Status.COMPLETED

    @property
    def heard(self) -> float:
        """Up to here there is text, or nobody speaks. A chunk without a word yet counts as not begun."""
        if self.done:
            return self.end
        return max(self.position, self.segments[-1].end) if self.segments else self.start


class Gaps(msgspec.Struct, frozen=True):
    """Those with text behind them, by the index of the chunk that they begin in; and the one at the end."""

    between: dict[int, Gap] = {}
    rest: Gap | None = None

    @property
    def all(self) -> list[Gap]:
        return [*self.between.values(), *([self.rest] if self.rest else [])]


def gaps(job: Job, chunks: Iterable[ChunkText]) -> Gaps:
    """Of neighbours, in order. Silence is no gap, and chunks that are missing in a row make one."""
    found: dict[int, Gap] = {}
    hole: tuple[int, float] | None = None  # begins in which chunk, and where
    end = None
    for chunk in chunks:
        end = chunk.end
        if hole and chunk.heard > chunk.start:
            if chunk.start - hole[1] >= SHORTEST_GAP_S:
                found[hole[0]] = Gap(hole[1], chunk.start)
            hole = None
        if hole is None and not chunk.done:
            hole = (chunk.index, chunk.heard)
    if end is None or job.status == Status.COMPLETED:
        return Gaps()
    return Gaps(found, _rest(job, hole[1] if hole else end, end))


def _rest(job: Job, start: float, cut_up_to: float) -> Gap | None:
    """As long as the recording is still being cut nobody knows where it ends, and nothing is promised."""
    end: float | None = cut_up_to
    if job.planned_at is None:
        if job.status not in TERMINAL:
            return None
        end = job.duration
    return Gap(start, end) if end is None or end - start >= SHORTEST_GAP_S else None
