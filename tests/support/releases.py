"""A database as the first release left it, with rows of every kind, and ways to and from the next one."""

import importlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

import asyncpg

FIRST = importlib.import_module("piccolo_migrations.audiotext_2026_11_22t15_00_00_000000")
CHUNKS = importlib.import_module("piccolo_migrations.audiotext_2026_11_24t08_00_00_000000")


class Release:
    """`connection`: to a database of its own."""

    def __init__(self, connection: Any) -> None:
        self.connection = connection

    async def run(self, script: str) -> None:
        for statement in filter(str.strip, script.split(";\n")):
            await self.connection.execute(statement)

    async def insert(self, table: str, **columns: Any) -> None:
        names = ", ".join(f'"{name}"' for name in columns)
        values = ", ".join(f"${place}" for place in range(1, len(columns) + 1))
        insertion = f"INSERT INTO {table} ({names}) VALUES ({values})"  # noqa: S608 - names of our own
        await self.connection.execute(insertion, *columns.values())

    async def job(self, status: str, **columns: Any) -> UUID:
        owner, upload, job = uuid4(), uuid4(), uuid4()
        moment = await self.connection.fetchval("SELECT now()")
        await self.insert("users", id=owner)
        file = {"filename": "talk.flac", "owner": owner}
        await self.insert(
            "uploads", id=upload, key=str(upload), content_type="a", options="{}", expires_at=moment, **file
        )
        recording = {"object_key": "k", "object_size": 1, "object_etag": "e", "model": "base", "beam_size": 5}
        choices = {"task": "transcribe", "vad_filter": True, "word_timestamps": False, "attempt_limit": 3}
        if status == "processing":
            columns |= {"lease_token": uuid4(), "lease_until": moment, "attempt_started_at": moment}
        if status in ("completed", "failed", "cancelled"):
            columns |= {"finished_at": moment}
        given = {**file, **recording, **choices, **columns}
        await self.insert("jobs", id=job, upload=upload, status=status, **given)
        return job

    async def chunk(self, job: UUID, index: int, start: float, end: float, status: str) -> None:
        moment = await self.connection.fetchval("SELECT now()")
        lease = {"lease_token": uuid4(), "lease_until": moment} if status == "processing" else {}
        await self.insert(
            "chunks", id=uuid4(), job=job, index=index, start=start, end=end, status=status, **lease
        )
        scores = dict.fromkeys(("avg_logprob", "compression_ratio", "no_speech_prob", "temperature"), 0.0)
        text = {"id": uuid4(), "chunk": index, "index": 0, "text": f" part {index}"}
        await self.insert("segments", job=job, start=start, end=end, **text, **scores)

    async def texts(self, job: UUID) -> list[str]:
        rows = await self.connection.fetch("SELECT text FROM segments WHERE job = $1 ORDER BY chunk", job)
        return [row["text"] for row in rows]


@asynccontextmanager
async def first_release(url: str) -> AsyncIterator[Release]:
    server = await asyncpg.connect(url)
    name = f"release_{uuid4().hex}"
    await server.execute(f"CREATE DATABASE {name}")
    connection = await asyncpg.connect(url, database=name)
    try:
        release = Release(connection)
        await release.run(FIRST.FORWARDS)
        yield release
    finally:
        await connection.close()
        await server.execute(f"DROP DATABASE {name}")
        await server.close()
