"""The text of a job as far as it is there: whole for reading and export, by chunk to follow along."""

from typing import Any
from uuid import UUID

import msgspec
from piccolo.columns.combination import WhereRaw
from piccolo.custom_types import Combinable

from webapp.core.chunks import ChunkText, gaps
from webapp.core.ids import new_id
from webapp.core.paragraphs import joined, tidy
from webapp.core.tables import Chunk, Job, SegmentRow, Status
from webapp.core.transcript import Segment, Transcript, Word


async def read(job: Job) -> Transcript:
    """The caller has looked the job up as its owner's."""
    partial = job.status != Status.COMPLETED
    cut = await outline(job.id) if partial else []
    rows = await _rows(SegmentRow.job == job.id)
    return Transcript(
        segments=[_segment(row) for row in rows],
        title=job.filename,
        language=job.detected_language or job.language,
        language_probability=job.language_probability,
        duration=job.duration,
        model=job.model,
        task=job.task,
        partial=partial,
        gaps=gaps(job, _with_texts(cut, rows)).all,
    )


async def chunks(job: UUID, *, words: bool = True) -> list[ChunkText]:
    """In order, with what text they have."""
    return await filled(job, await outline(job), words=words)


async def outline(job: UUID, settled: UUID | None = None) -> list[ChunkText]:
    """The chunks in order, without their text. With `settled`, from that one on, if it still is completed."""
    found = await Chunk.raw(
        'SELECT id, index, start, "end", position, status FROM chunks WHERE job = {} AND index >= coalesce('
        "(SELECT index FROM chunks WHERE id = {} AND job = {} AND status = 'completed'), 0) ORDER BY index",
        job,
        settled,
        job,
    )
    return [ChunkText(**row) for row in found]


async def filled(job: UUID, chunks: list[ChunkText], *, words: bool) -> list[ChunkText]:
    """With their text. The times of single words are by far the most of it: not everybody wants them."""
    if not chunks:
        return []
    # One parameter, however many they are: a statement has room for 32,767.
    in_them = WhereRaw("chunk = ANY({}::int[])", [chunk.index for chunk in chunks])
    return _with_texts(chunks, await _rows(SegmentRow.job == job, in_them, words=words))


async def openings(jobs: list[UUID]) -> dict[UUID, str]:
    """The first words of each job that has any, in the order in which channels speak."""
    found = await SegmentRow.raw(
        "SELECT wanted.id, string_agg(text, ' ' ORDER BY chunk, moment, index) AS words"
        " FROM unnest({}::uuid[]) AS wanted(id) CROSS JOIN LATERAL (SELECT chunk, index, text,"
        " start * (channel IS NOT NULL)::int AS moment FROM segments WHERE job = wanted.id"
        " ORDER BY chunk, moment, index LIMIT 3) AS first GROUP BY wanted.id",
        [str(job) for job in jobs],
    )
    return {UUID(str(row["id"])): tidy(row["words"]) for row in found}


async def texts(jobs: list[UUID]) -> dict[UUID, str]:
    """The whole text of each job that has any, without times."""
    found = await SegmentRow.raw(
        "SELECT job, array_agg(text ORDER BY chunk, start * (channel IS NOT NULL)::int, index) AS texts"
        " FROM segments WHERE job = ANY({}::uuid[]) GROUP BY job",
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
        channel=segment.channel,
        language=segment.language,
        doubts=segment.doubts,
    )


def _stored(words: list[Word]) -> str:
    kept = [msgspec.structs.replace(word, word=_storable(word.word)) for word in words]
    return msgspec.json.encode(kept).decode()


def _storable(text: str) -> str:
    """PostgreSQL keeps no NUL, neither in text nor in JSON."""
    return text.replace("\0", "")


def _with_texts(chunks: list[ChunkText], rows: list[dict[str, Any]]) -> list[ChunkText]:
    texts: dict[int, list[dict[str, Any]]] = {}
    for row in rows:
        texts.setdefault(row["chunk"], []).append(row)
    return [_with_text(chunk, texts.get(chunk.index, [])) for chunk in chunks]


def _with_text(chunk: ChunkText, rows: list[dict[str, Any]]) -> ChunkText:
    ids = [row["id"] for row in rows]
    return msgspec.structs.replace(chunk, segments=[_segment(row) for row in rows], ids=ids)


async def _rows(*where: Combinable, words: bool = True) -> list[dict[str, Any]]:
    wanted = SegmentRow.all_columns() if words else SegmentRow.all_columns(exclude=[SegmentRow.words])
    return await SegmentRow.select(*wanted).where(*where).order_by(SegmentRow.chunk, SegmentRow.index)


def _segment(row: dict[str, Any]) -> Segment:
    words = row.get("words")
    return Segment(
        start=row["start"],
        end=row["end"],
        text=row["text"],
        words=None if words is None else msgspec.json.decode(words, type=list[Word]),
        avg_logprob=row["avg_logprob"],
        compression_ratio=row["compression_ratio"],
        no_speech_prob=row["no_speech_prob"],
        temperature=row["temperature"],
        channel=row["channel"],
        language=row["language"],
        doubts=row["doubts"],
    )
