"""The text of a job as far as it is there: whole for reading and export, by chunk to follow along."""

from typing import Any
from uuid import UUID

import msgspec

from webapp.core.ids import new_id
from webapp.core.paragraphs import joined, tidy
from webapp.core.tables import Chunk, Job, SegmentRow, Status
from webapp.core.transcript import Segment, Transcript, Word


class ChunkText(msgspec.Struct, frozen=True):
    """A stretch of the recording with the text found in it so far. `done`: it will not change any more."""

    index: int
    start: float
    end: float
    done: bool
    segments: list[Segment]


async def read(job: Job) -> Transcript:
    """The caller has looked the job up as its owner's."""
    return Transcript(
        segments=[_segment(row) for row in await _rows(job.id, 0)],
        title=job.filename,
        language=job.detected_language or job.language,
        language_probability=job.language_probability,
        duration=job.duration,
        model=job.model,
        task=job.task,
        partial=job.status != Status.COMPLETED,
    )


async def chunks(job: UUID, first: int = 0) -> list[ChunkText]:
    """From the chunk with this index on, in order."""
    found = (
        await Chunk.select(Chunk.index, Chunk.start, Chunk.end, Chunk.status)
        .where(Chunk.job == job, Chunk.index >= first)
        .order_by(Chunk.index)
    )
    texts: dict[int, list[Segment]] = {}
    for row in await _rows(job, first):
        texts.setdefault(row["chunk"], []).append(_segment(row))
    return [
        ChunkText(
            index=row["index"],
            start=row["start"],
            end=row["end"],
            done=row["status"] == Status.COMPLETED,
            segments=texts.get(row["index"], []),
        )
        for row in found
    ]


async def openings(jobs: list[UUID]) -> dict[UUID, str]:
    """The first words of each job that has any."""
    found = await SegmentRow.raw(
        "SELECT wanted.id, string_agg(first.text, ' ' ORDER BY first.chunk, first.index) AS words"
        " FROM unnest({}::uuid[]) AS wanted(id) CROSS JOIN LATERAL (SELECT chunk, index, text FROM segments"
        " WHERE job = wanted.id ORDER BY chunk, index LIMIT 3) AS first GROUP BY wanted.id",
        [str(job) for job in jobs],
    )
    return {UUID(str(row["id"])): tidy(row["words"]) for row in found}


async def texts(jobs: list[UUID]) -> dict[UUID, str]:
    """The whole text of each job that has any, without times."""
    found = await SegmentRow.raw(
        "SELECT job, array_agg(text ORDER BY chunk, index) AS texts FROM segments"
        " WHERE job = ANY({}::uuid[]) GROUP BY job",
        [str(job) for job in jobs],
    )
    return {UUID(str(row["job"])): joined(row["texts"]) for row in found}


def row(job: UUID, chunk: int, index: int, segment: Segment) -> SegmentRow:
    return SegmentRow(
        id=new_id(),
        job=job,
        chunk=chunk,
        index=index,
        words=None if segment.words is None else _stored(segment.words),
        start=segment.start,
        end=segment.end,
        text=_storable(segment.text),
        avg_logprob=segment.avg_logprob,
        compression_ratio=segment.compression_ratio,
        no_speech_prob=segment.no_speech_prob,
        temperature=segment.temperature,
    )


def _stored(words: list[Word]) -> str:
    kept = [msgspec.structs.replace(word, word=_storable(word.word)) for word in words]
    return msgspec.json.encode(kept).decode()


def _storable(text: str) -> str:
    """PostgreSQL keeps no NUL, neither in text nor in JSON."""
    return text.replace("\0", "")


async def _rows(job: UUID, first: int) -> list[dict[str, Any]]:
    return (
        await SegmentRow.select()
        .where(SegmentRow.job == job, SegmentRow.chunk >= first)
        .order_by(SegmentRow.chunk)
        .order_by(SegmentRow.index)
    )


def _segment(row: dict[str, Any]) -> Segment:
    words = row["words"]
    return Segment(
        start=row["start"],
        end=row["end"],
        text=row["text"],
        words=None if words is None else msgspec.json.decode(words, type=list[Word]),
        avg_logprob=row["avg_logprob"],
        compression_ratio=row["compression_ratio"],
        no_speech_prob=row["no_speech_prob"],
        temperature=row["temperature"],
    )
