"""Where somebody speaks: the detector that faster-whisper brings along. Needs no speech model."""

from collections.abc import Callable

import numpy as np
from faster_whisper.vad import VadOptions, get_speech_timestamps

from tasks.protocol import ChildConfig
from tasks.samples import RATE, Samples, Span
from tasks.speech import SHORTEST_SILENCE


def speech_finder(config: ChildConfig) -> Callable[[Samples], list[Span]]:
    options = VadOptions(
        threshold=config.vad_threshold,
        min_silence_duration_ms=SHORTEST_SILENCE * 1000 // RATE,
        speech_pad_ms=0,
    )

    def find(samples: Samples) -> list[Span]:
        return [Span(span["start"], span["end"]) for span in get_speech_timestamps(samples, options)]

    return find


def voiced(samples: Samples, spans: list[Span]) -> Samples:
    """What is spoken, without the pauses."""
    return np.concatenate([np.empty(0, np.float32), *(samples[span.start : span.end] for span in spans)])
