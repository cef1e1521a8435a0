"""The text of each recording when nobody disturbs the work: what every other transcript is held against."""

import asyncio
import time
from dataclasses import dataclass

from tests.chaos.client import Client
from tests.chaos.cluster import Cluster
from tests.chaos.recordings import SECONDS, Recordings
from tests.chaos.schedule import Kind, PlannedJob
from tests.chaos.snapshot import Row, Snapshot, take
from tests.chaos.stream import Sent, Stream
from tests.chaos.waiting import until

_LIMIT_S = 300


@dataclass(frozen=True)
class ChunkText:
    """Borders in seconds, and (start, end, text) of each segment."""

    start: float
    end: float
    segments: list[tuple[float, float, str]]


Text = list[ChunkText]


@dataclass(frozen=True)
class References:
    """Two undisturbed runs. A chunk for which they differ is one where the engine itself is undecided.

    `pace` is how many seconds of sound the cluster hears in a second.
    """

    first: dict[str, Text]
    second: dict[str, Text]
    pace: float
    sent: list[Sent]

    @property
    def undecided(self) -> list[str]:
        return [
            f"{name}, chunk {index}"
            for name, text in self.first.items()
            for index, (one, other) in enumerate(zip(text, self.second[name], strict=False))
            if one != other
        ]

    def allows(self, recording: str, found: Text) -> bool:
        """Chunk by chunk as in one of both runs."""
        both = (self.first[recording], self.second[recording])
        return len(found) == len(both[0]) and all(
            any(index < len(text) and chunk == text[index] for text in both)
            for index, chunk in enumerate(found)
        )


async def listen(cluster: Cluster, client: Client, recordings: Recordings, names: list[str]) -> References:
    began = time.monotonic()
    first = await _sent(client, recordings, names, -2 * len(names))
    one = await _heard(cluster, first)
    second = await _sent(client, recordings, names, -len(names))
    other = await _heard(cluster, second)
    pace = 2 * sum(SECONDS[name] for name in names) / (time.monotonic() - began)
    return References(one, other, pace, [*first, *second])


async def _sent(client: Client, recordings: Recordings, names: list[str], first: int) -> list[Sent]:
    stream = Stream(client, recordings, len(names))
    plans = [
        PlannedJob(number, Kind.UNDISTURBED, name, at=0.0, web=0, then=0.0, extra=True)
        for number, name in enumerate(names, first)
    ]
    await stream.run(plans, asyncio.get_running_loop().time())
    return stream.sent


async def _heard(cluster: Cluster, sent: list[Sent]) -> dict[str, Text]:
    assert await until(lambda: _completed(cluster), _LIMIT_S), "undisturbed jobs do not complete"
    found = await take(cluster)
    return {each.plan.recording: text_of(found, str(each.job)) for each in sent}


async def _completed(cluster: Cluster) -> bool:
    async with cluster.database() as connection:
        left = await connection.fetchval("SELECT count(*) FROM jobs WHERE status <> 'completed'")
    return bool(left == 0)


def text_of(found: Snapshot, job: str) -> Text:
    chunks = [row for row in found.chunks if row["job"] == job]
    return [chunk_text(found, chunk) for chunk in sorted(chunks, key=lambda row: int(row["index"]))]


def chunk_text(found: Snapshot, chunk: Row) -> ChunkText:
    heard = [(row["start"], row["end"], row["text"]) for row in found.heard_in(chunk)]
    return ChunkText(chunk["start"], chunk["end"], heard)
