"""Asks children, and reads what they answer."""

from collections import defaultdict
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
from pathlib import Path

import numpy as np

from tasks import flac
from tasks.child import Decoder, EngineChild
from tasks.hearing import Hearings
from tasks.media import opened
from tasks.models import Models
from tasks.protocol import ChildConfig, ChunkCut, Hear, Reply, SegmentFound
from tasks.samples import Samples
from webapp.core.transcript import Segment

KINDS = {"decoder": Decoder, "engine": EngineChild}


class Ears:
    """An engine without its process: what it tells lies here, by ticket."""

    def __init__(self, models: Models) -> None:
        self.told: defaultdict[int, list[Reply]] = defaultdict(list)
        self.hearings = Hearings(models.config, models, self._tell)

    def _tell(self, ticket: int, reply: Reply) -> None:
        self.told[ticket].append(reply)

    def hear(self, *requests: Hear) -> list[list[Reply]]:
        """All of them together, to their ends."""
        self.told.clear()
        for ticket, request in enumerate(requests):
            self.hearings.begin(ticket, request)
        self.finish()
        return [self.told[ticket] for ticket in range(len(requests))]

    def hear_one(self, request: Hear) -> list[Reply]:
        (told,) = self.hear(request)
        return told

    def finish(self) -> None:
        while self.hearings.busy:
            self.hearings.step()


async def everything(replies: AsyncGenerator[Reply, None]) -> list[Reply]:
    async with aclosing(replies):
        return [reply async for reply in replies]


def segments(told: Iterable[Reply]) -> list[Segment]:
    return [reply.segment for reply in told if isinstance(reply, SegmentFound)]


def text(told: Iterable[Reply]) -> str:
    return "".join(segment.text for segment in segments(told))


def chunks_cut(told: Iterable[Reply]) -> list[ChunkCut]:
    return [reply for reply in told if isinstance(reply, ChunkCut)]


def samples_of(path: Path, config: ChildConfig) -> Samples:
    with opened(path, config) as recording:
        return np.concatenate(list(recording.windows()))


def stored(target: Path, samples: Samples) -> Path:
    """As the decoder leaves a chunk for the engine."""
    flac.write(target, samples)
    return target
