"""Owners, jobs and texts in numbers, made by the database itself. Only for databases that are thrown away."""

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg

from webapp.core.ids import new_id
from webapp.core.tables import User

SEGMENTS_EACH = 3
_LIBRARY = Path(__file__).with_name("library.sql")
_OWNERS = """
WITH made AS (SELECT * FROM unnest({}::uuid[], {}::text[]) AS wanted(id, hash)),
    users AS (INSERT INTO users (id) SELECT id FROM made RETURNING id)
INSERT INTO login_sessions (id, owner, token_hash, expires_at)
SELECT uuidv7(), made.id, made.hash, now() + interval '1 day' FROM made JOIN users USING (id)
"""
_JOBS = """
WITH wanted AS (
    SELECT uuidv7() AS id, uuidv7() AS upload, owner, number
    FROM unnest({}::uuid[]) AS owners(owner), generate_series(1, {}::int) AS number
), uploads AS (
    INSERT INTO uploads (id, owner, key, filename, content_type, options, expires_at)
    SELECT upload, owner, upload::text, 'talk.flac', 'audio/flac', jsonb_build_object(), now() FROM wanted
    RETURNING id
), jobs AS (
    INSERT INTO jobs (id, owner, upload, filename, object_key, object_size, object_etag, model, task,
        vad_filter, word_timestamps, status, attempt_limit, planned_at, finished_at, duration, position,
        detected_language)
    SELECT wanted.id, owner, upload, 'talk-' || number || '.flac', upload::text, 1000000, 'x', 'base',
        'transcribe', true, true, 'completed', 3, now(), now(), 600, 600, 'en'
    FROM wanted JOIN uploads ON uploads.id = upload RETURNING id
), chunks AS (
    INSERT INTO chunks (id, job, index, start, "end", status, finished_at)
    SELECT uuidv7(), id, 0, 0, 600, 'completed', now() FROM jobs RETURNING job
)
INSERT INTO segments (id, job, chunk, index, start, "end", text, avg_logprob, compression_ratio,
    no_speech_prob, temperature)
SELECT uuidv7(), job, 0, number, number * 5, number * 5 + 5, ' And so on, for ' || number || ' more words.',
    -0.2, 1.2, 0.01, 0 FROM chunks, generate_series(0, {}::int) AS number
"""


async def spaces(count: int) -> dict[UUID, str]:
    """Owners, each with the secret of a browser that may enter."""
    made = {new_id(): f"benchmark-secret-{number:08}" for number in range(count)}
    hashes = [hashlib.sha256(secret.encode()).hexdigest() for secret in made.values()]
    await User.raw(_OWNERS, [str(owner) for owner in made], hashes)
    return made


async def finished_jobs(owners: Iterable[UUID], each: int) -> None:
    await User.raw(_JOBS, [str(owner) for owner in owners], each, SEGMENTS_EACH - 1)


async def one_at_work(owners: Iterable[UUID]) -> dict[UUID, UUID]:
    """The newest job of each owner, by owner: somebody works on it from now on."""
    rows = await User.raw(
        "UPDATE jobs SET status = 'processing', finished_at = NULL, position = 60, working_since = now()"
        " WHERE id IN (SELECT DISTINCT ON (owner) id FROM jobs WHERE owner = ANY({}::uuid[])"
        " ORDER BY owner, id DESC) RETURNING owner, id",
        [str(owner) for owner in owners],
    )
    return {UUID(str(row["owner"])): UUID(str(row["id"])) for row in rows}


async def library(
    connection: "asyncpg.Connection[Any]", jobs: int, segments: int, owners: int
) -> tuple[UUID, UUID]:
    """Gives the owner of every fifth job, and one whose jobs are old. `segments` are those of each."""
    filled = _LIBRARY.read_text().format(jobs=jobs, segments=segments, owners=owners)
    for statement in filter(str.strip, filled.split(";\n")):
        await connection.execute(statement, timeout=1200)
    first, second = await connection.fetch("SELECT id FROM users ORDER BY id LIMIT 2")
    return UUID(str(first["id"])), UUID(str(second["id"]))


async def in_the_middle(owner: UUID) -> UUID:
    rows = await User.raw(
        "SELECT id FROM jobs WHERE owner = {} ORDER BY id LIMIT 1"
        " OFFSET (SELECT count(*) / 2 FROM jobs WHERE owner = {})",
        owner,
        owner,
    )
    return UUID(str(rows[0]["id"]))
