"""Reading a text along while it grows in several places at once, and reading nothing again that stays."""

from itertools import takewhile
from uuid import UUID

import msgspec

from webapp.core import transcripts
from webapp.core.chunks import ChunkText


class Look(msgspec.Struct, frozen=True):
    """`chunks` are in order, those after the last settled one and it. `fresh` are those of them that may have
    changed, with their text. `gone` names chunks that were shown and are no more: the job was started over.
    """

    chunks: list[ChunkText]
    fresh: list[ChunkText]
    gone: list[int]
    stands: bool  # what was shown before is still true, but for chunks that are heard again


class Following:
    """What one listener was shown. A chunk that is done was shown whole, and is not read again.

    `settled` is the last of the chunks at the beginning that are all done. Its row is looked at each time
    all the same, since it goes when a job is started over.
    """

    def __init__(self, job: UUID, settled: UUID | None = None, *, words: bool = False) -> None:
        self._job = job
        self._settled = settled
        self._words = words
        self._shown: dict[int, UUID] = {}
        self._whole = {settled} if settled else set()

    async def look(self) -> Look:
        chunks = await transcripts.outline(self._job, self._settled)
        kept = self._settled is None or bool(chunks and self._has(chunks[0]))
        gone = self._gone(chunks, since=chunks[0].index if chunks and kept else 0)
        lacking = [chunk for chunk in chunks if not self._has(chunk)]
        fresh = await transcripts.filled(self._job, lacking, words=self._words)
        self._remember(chunks, gone)
        known = {chunk.index: chunk for chunk in (*chunks, *fresh)}
        return Look(list(known.values()), fresh, gone, kept and not gone)

    def _has(self, chunk: ChunkText) -> bool:
        return chunk.done and chunk.id in self._whole

    def _gone(self, chunks: list[ChunkText], *, since: int) -> list[int]:
        there = {chunk.id for chunk in chunks if chunk.id not in self._whole or chunk.done}
        gone = (index for index, shown in self._shown.items() if index >= since and shown not in there)
        return sorted(gone)

    def _remember(self, chunks: list[ChunkText], gone: list[int]) -> None:
        for index in gone:
            self._whole.discard(self._shown.pop(index))
        self._shown.update({chunk.index: chunk.id for chunk in chunks})
        self._whole.update(chunk.id for chunk in chunks if chunk.done)
        settled = [chunk.id for chunk in takewhile(lambda chunk: chunk.done, chunks)]
        self._settled = settled[-1] if settled else None
