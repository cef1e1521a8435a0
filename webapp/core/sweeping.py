"""Looks for sound of chunks in the bucket that no chunk names.

A worker that dies between storing a chunk and writing it down leaves such an object, and nobody has noted it.
"""

import structlog

from webapp.core.bucket_rules import CHUNKS
from webapp.core.house import House
from webapp.core.storage import StoredKey
from webapp.core.tables import Chunk

log = structlog.get_logger(__name__)

# Younger ones may be about to be written down.
_SETTLED_S = 600


async def sweep(house: House) -> int:
    """How many stray objects were removed. Raises Unavailable if the storage is away."""
    removed = 0
    async for page in house.storage.listed(CHUNKS):
        for key in await _stray(page):
            await house.storage.remove(key)
            removed += 1
    if removed:
        log.info("stray sound removed", objects=removed)
    return removed


async def _stray(stored: list[StoredKey]) -> list[str]:
    rows = await Chunk.raw(
        "SELECT key FROM unnest({}::text[], {}::timestamptz[]) AS stored(key, modified)"
        " WHERE modified < now() - make_interval(secs => {}) AND NOT EXISTS"
        " (SELECT FROM chunks WHERE chunks.audio_key = stored.key AND chunks.status <> 'completed')",
        [each.key for each in stored],
        [each.modified for each in stored],
        float(_SETTLED_S),
    )
    return [row["key"] for row in rows]
