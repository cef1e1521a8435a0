"""One voice in two channels: lines and microphones let through a little of what is said at the other end.

It is weak, but words can be made out, so they would be told twice. What is somebody's own does not resemble
the other channel: over half a second voices in our recordings reach a likeness of at most 0.4, echoes nearly
always more than 0.9. So a channel is silenced where it is much weaker than the other one and resembles it.
"""

import numpy as np

from tasks.samples import RATE, Samples

_WEAKER, _ALIKE = 10, 0.5  # decibels; correlation
_STEP = RATE // 2
# An echo comes later by the length of the line, and our own microphone may be nearer than it seems.
_LATEST = RATE // 4
_INAUDIBLE = 1e-8  # power


def without_echoes(channels: list[Samples]) -> list[Samples]:
    """Where there are two; of others nobody knows which belong together."""
    if len(channels) != 2:
        return channels
    return [_own(here, there) for here, there in (channels, channels[::-1])]


def _own(here: Samples, there: Samples) -> Samples:
    own = here.copy()
    for start in range(0, len(here), _STEP):
        if _is_echo(start, here, there):
            own[start : start + _STEP] = 0
    return own


def _is_echo(start: int, here: Samples, there: Samples) -> bool:
    end = start + _STEP
    sound, power = here[start:end], _power(here[start:end])
    if power < _INAUDIBLE or power * 10 ** (_WEAKER / 10) > _power(there[start:end]):
        return False
    return _likeness(sound, there[max(0, start - _LATEST) : end + _LATEST]) >= _ALIKE


def _likeness(sound: Samples, around: Samples) -> float:
    """The highest correlation of the sound with any stretch, as long as itself, of what is around it."""
    size = 1 << (len(sound) + len(around)).bit_length()
    products = np.fft.irfft(np.fft.rfft(around, size) * np.conj(np.fft.rfft(sound, size)), size)
    sums = np.concatenate([[0.0], np.cumsum(np.square(around, dtype=np.float64))])
    powers = (sums[len(sound) :] - sums[: -len(sound)]) * np.square(sound, dtype=np.float64).sum()
    return float(np.max(np.abs(products[: len(powers)]) / np.sqrt(np.maximum(powers, 1e-12))))


def _power(samples: Samples) -> float:
    return float(np.square(samples, dtype=np.float64).mean())
