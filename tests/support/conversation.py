"""Recordings of two people, and of one, with two channels."""

from pathlib import Path

import numpy as np

from tasks import flac
from tasks.samples import RATE, Samples
from tests.support.recordings import decoded
from tests.support.speech import Speech

LEFT = ("jfk.flac", "lj_LJ001-0001.flac", "lj_LJ001-0003.flac")
RIGHT = ("ls_1688-142285-0001.flac", "ls_1998-15444-0004.flac", "ls_2033-164914-0003.flac")


def voice(speech: Speech, *names: str) -> Samples:
    """One after the other, equally loud."""
    parts = [decoded(speech[name]) for name in names]
    return np.concatenate([part * (0.06 / np.sqrt(np.square(part).mean())) for part in parts])


def side_by_side(left: Samples, right: Samples) -> Samples:
    """The shorter one ends in silence."""
    longest = max(len(left), len(right))
    rows = [np.pad(channel, (0, longest - len(channel))) for channel in (left, right)]
    return np.stack(rows).astype(np.float32)


def in_turns(left: Samples, right: Samples) -> Samples:
    """First one speaks, then the other."""
    return side_by_side(left, np.concatenate([np.zeros_like(left), right]))


def noise(shape: tuple[int, ...], loudness: float) -> Samples:
    return np.random.default_rng(4).normal(0, loudness, shape).astype(np.float32)


def ordinary_stereo(sound: Samples) -> Samples:
    """Both microphones hear the same voice: one later and weaker, and each has its own noise."""
    late = np.roll(sound, RATE // 2000)
    return np.stack([sound, late * np.float32(0.4)]) + noise((2, len(sound)), 0.002)


def on_a_disk(path: Path, channels: Samples) -> Path:
    flac.write(path, channels)
    return path
