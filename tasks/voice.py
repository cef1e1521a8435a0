"""Where somebody speaks: the detector that faster-whisper brings along. Needs no speech model."""

from collections.abc import Callable

import numpy as np
from faster_whisper.vad import VadOptions, get_speech_timestamps, get_vad_model

from tasks.listening import SHORTEST_SILENCE, WINDOW, Likelihoods
from tasks.protocol import ChildConfig
from tasks.samples import RATE, Samples, Span


def likelihoods(samples: Samples) -> Likelihoods:
    """One for each window."""
    # The detector silences the end of what it is given, so that gets a window too much.
    padded = np.pad(samples, (0, -len(samples) % WINDOW + WINDOW))
    found: Likelihoods = np.asarray(get_vad_model()(padded), dtype=np.float32).reshape(-1)[:-1]
    return found


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
