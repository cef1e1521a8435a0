"""Everything that is there at one moment: rows, bells, objects, processes and folders."""

import asyncio
import fcntl
import os
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import boto3
import psutil
from botocore.config import Config

from tests.chaos import bells
from tests.chaos.cluster import Cluster

Row = dict[str, Any]
TABLES = ("jobs", "chunks", "segments", "uploads", "removals")


@dataclass
class Snapshot:
    """Rows are as in the tables, with ids as strings. `bells` are the jobs that waiting bells name."""

    jobs: list[Row] = field(default_factory=list)
    chunks: list[Row] = field(default_factory=list)
    segments: list[Row] = field(default_factory=list)
    uploads: list[Row] = field(default_factory=list)
    removals: list[Row] = field(default_factory=list)
    bells: list[str] = field(default_factory=list)
    objects: list[str] = field(default_factory=list)
    orphans: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)

    def heard_in(self, chunk: Row) -> list[Row]:
        """The segments of a chunk, by index."""
        return self._by_chunk.get((chunk["job"], chunk["index"]), [])

    @cached_property
    def _by_chunk(self) -> dict[tuple[str, int], list[Row]]:
        found: dict[tuple[str, int], list[Row]] = {}
        for row in sorted(self.segments, key=lambda row: int(row["index"])):
            found.setdefault((row["job"], row["chunk"]), []).append(row)
        return found


async def take(cluster: Cluster) -> Snapshot:
    async with cluster.database() as connection, connection.transaction(isolation="repeatable_read"):
        rows = {table: await connection.fetch(f"SELECT * FROM {table}") for table in TABLES}  # noqa: S608
    waiting = await bells.waiting(cluster)
    return Snapshot(
        **{table: [_plain(row) for row in found] for table, found in rows.items()},
        bells=[str((bell.kwargs or {}).get("job")) for bell in waiting],
        objects=await asyncio.to_thread(_objects, cluster),
        orphans=_orphans(cluster),
        folders=_left_behind(cluster),
    )


def _plain(row: Any) -> Row:
    ids = ("id", "job", "owner", "upload", "lease_token")
    return {name: str(value) if name in ids and value else value for name, value in row.items()}


def storage(cluster: Cluster) -> Any:
    settings = cluster.settings
    return boto3.client(
        "s3",
        endpoint_url=settings.s3_endpoint_url,
        region_name=settings.s3_region,
        aws_access_key_id=settings.s3_access_key_id,
        aws_secret_access_key=settings.s3_secret_access_key,
        config=Config(signature_version="s3v4", s3={"addressing_style": "path"}),
    )


def _objects(cluster: Cluster) -> list[str]:
    pages = storage(cluster).get_paginator("list_objects_v2").paginate(Bucket=cluster.settings.s3_bucket)
    return [found["Key"] for page in pages for found in page.get("Contents", [])]


def _orphans(cluster: Cluster) -> list[str]:
    """Processes with our mark that belong to no process which runs now."""
    kin = {process.pid for service in cluster.services for process in service.tree()}
    return [
        f"{process.pid} {' '.join(process.info['cmdline'] or [])}"
        for process in psutil.process_iter(["cmdline"])
        if process.pid not in kin and _marked(process, cluster.tmp)
    ]


def _marked(process: psutil.Process, mark: Path) -> bool:
    with suppress(psutil.Error, OSError):
        return bool(process.environ().get("TMPDIR") == str(mark))
    return False


def _left_behind(cluster: Cluster) -> list[str]:
    """Work folders of nobody, older than the last start of a worker, which should have cleared them away."""
    last_start = max(worker.started_at for worker in cluster.workers)
    return [
        folder.name
        for folder in cluster.tmp.glob("audiotext-work-*")
        if _of_nobody(folder) and folder.stat().st_mtime < last_start
    ]


def _of_nobody(folder: Path) -> bool:
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True
