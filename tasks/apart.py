"""Whether the two channels of a recording are two microphones, as of a telephone call.

Ordinary stereo has every voice in both channels, at about the same level. In simulated rooms and with voices
panned to one side, at most 1 % of what was spoken was 15 dB weaker in the other channel than is usual there.
Of two people on two channels it was a sixth at least, even if they talked at the same time all along: speech
leaves gaps, in time and in pitch, in which only the other one is heard. So levels are compared moment by
moment in four bands, only where the detector hears speech, after each channel's usual level is taken off.
Correlation is not asked: reverberation lowers it between two microphones in one room, too.

The verdict depends on the beginning of the recording alone, in blocks at fixed places, so a job that goes on
later comes to the same one. No more is read for it than is needed before the first cut can be made anyway.
"""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from tasks.listening import WINDOW, Detect
from tasks.samples import RATE, Samples

Levels = NDArray[np.float32]  # in decibels: channel, moment, band
Spoken = NDArray[np.bool_]  # channel, moment

MOMENT = 3 * WINDOW
BLOCK = 60 * MOMENT
MOST = 31 * BLOCK
_BANDS = (150, 600, 1200, 2400, 4000)
_AUDIBLE, _WEAKER, _NOBODY = 25, 15, -100.0
# A channel this much quieter than the other one holds nobody, or only the other one's echo.
_SILENT = 30
# Without a voice of its own it is not taken off by half, but added: whoever speaks there later is heard, too.
_QUIET = 20
_TWO, _ONE = 0.1, 0.02
_LEAST_SPOKEN, _SURELY_OWN, _SURELY_ALIKE = 0.5, 1.0, 30.0  # seconds


@dataclass(frozen=True)
class Voice:
    """Seconds of speech in one channel, and the share of it that the other channel lacks."""

    spoken: float
    own: float


def as_heard(windows: Iterator[Samples], detect: Detect) -> Iterator[Samples]:
    """Windows of two channels stay so only if these are two microphones; of one they are let through."""
    first = next(windows, None)
    if first is None:
        return
    windows = chain([first], windows)
    if first.ndim == 1:
        yield from windows
        return
    judge, held = Judge(detect), deque[Samples]()
    while not judge.clear and (window := next(windows, None)) is not None:
        held.append(window)
        judge.hear(window)
    way = judge.verdict()
    while held:
        yield way(held.popleft())
    yield from map(way, windows)


class Judge:
    def __init__(self, detect: Detect) -> None:
        self._detect = detect
        self._waiting: Samples = np.empty((2, 0), np.float32)
        self._levels: Levels = np.empty((2, 0, len(_BANDS) - 1), np.float32)
        self._spoken: Spoken = np.empty((2, 0), np.bool_)
        self._power = np.zeros(2)
        self.clear = False

    def hear(self, window: Samples) -> None:
        self._waiting = np.concatenate([self._waiting, window], axis=1)
        while self._waiting.shape[1] >= BLOCK and not self.clear:
            self._take(BLOCK)
            self.clear = _is_clear(self._voices) or self._spoken.shape[1] * MOMENT >= MOST

    def verdict(self) -> Callable[[Samples], Samples]:
        if not self.clear:  # the recording has ended
            self._take(self._waiting.shape[1])
        if _are_two(self._voices):
            return _both
        quieter, louder = sorted(self._power)
        return _sum if quieter < louder * 10 ** (-_QUIET / 10) else _mean

    @property
    def _voices(self) -> list[Voice]:
        return voices(self._levels, self._spoken)

    def _take(self, count: int) -> None:
        block, self._waiting = np.split(self._waiting, [count], axis=1)
        self._power += np.square(block).sum(axis=1)
        block = block[:, : count - count % MOMENT]
        if block.shape[1]:
            self._levels = np.concatenate([self._levels, levels(block)], axis=1)
            self._spoken = np.concatenate([self._spoken, self._speech(block)], axis=1)

    def _speech(self, block: Samples) -> Spoken:
        likely = np.stack([self._detect(channel) for channel in block])
        spoken: Spoken = likely.reshape(2, -1, MOMENT // WINDOW).max(axis=2) >= 0.5
        return spoken


def levels(block: Samples) -> Levels:
    moments = block.reshape(2, -1, MOMENT) * np.hanning(MOMENT).astype(np.float32)
    power = np.square(np.abs(np.fft.rfft(moments, axis=2)))
    edges = [MOMENT * frequency // RATE for frequency in _BANDS]
    bands = np.add.reduceat(power[:, :, : edges[-1]], edges[:-1], axis=2)
    found: Levels = (10 * np.log10(bands / MOMENT**2 + 1e-10)).astype(np.float32)
    return found


def voices(levels: Levels, spoken: Spoken) -> list[Voice]:
    usual = [_usual(levels[channel], spoken[channel]) for channel in (0, 1)]
    if abs(usual[0] - usual[1]) > _SILENT:
        return [Voice(0, 0)] * 2
    above = [levels[channel] - usual[channel] for channel in (0, 1)]
    return [_voice(above[one], above[1 - one], spoken[one]) for one in (0, 1)]


def _usual(levels: Levels, spoken: Spoken) -> float:
    """How loud somebody is who speaks here."""
    if not spoken.any():
        return _NOBODY
    return float(np.percentile(10 * np.log10((10 ** (levels[spoken] / 10)).sum(axis=1)), 75))


def _voice(here: Levels, there: Levels, spoken: Spoken) -> Voice:
    audible = spoken[:, None] & (here > -_AUDIBLE)
    own = audible & (here - there >= _WEAKER)
    return Voice(float(spoken.sum()) * MOMENT / RATE, float(own.sum() / max(1, audible.sum())))


def _are_two(voices: list[Voice]) -> bool:
    return all(voice.spoken >= _LEAST_SPOKEN and voice.own >= _TWO for voice in voices)


def _is_clear(voices: list[Voice]) -> bool:
    """Of ordinary stereo later than of two: a call may begin with an announcement in both channels."""
    two = _are_two(voices) and all(voice.spoken * voice.own >= _SURELY_OWN for voice in voices)
    return two or all(voice.spoken >= _SURELY_ALIKE and voice.own <= _ONE for voice in voices)


def _both(window: Samples) -> Samples:
    return window


def _mean(window: Samples) -> Samples:
    """As whole numbers of 16 bits, which a chunk keeps as they are."""
    return _whole(window.sum(axis=0) / 2)


def _sum(window: Samples) -> Samples:
    return _whole(window.sum(axis=0))


def _whole(samples: Samples) -> Samples:
    whole: Samples = np.round(samples * 32768).clip(-32768, 32767).astype(np.float32) / np.float32(32768)
    return whole
