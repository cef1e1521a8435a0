"""Asks children, and reads what they answer."""

from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
from pathlib import Path

import numpy as np

from tasks import flac
from tasks.child import Decoder, EngineChild
from tasks.media import opened
from tasks.protocol import ChildConfig, ChunkCut, Reply, SegmentFound
from tasks.samples import Samples
from webapp.core.transcript import Segment

KINDS = {"decoder": Decoder, "engine": EngineChild}


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
