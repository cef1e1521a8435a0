"""What each mode does: in which ways a window is decoded, until one of them is good enough."""

from dataclasses import dataclass

import msgspec

from webapp.core.modes import Mode
from webapp.core.options import JobOptions

# Where Whisper's authors draw their lines: less likely, more repetitive, and hardly speech at all.
LOWEST_LOGPROB = -1.0
HIGHEST_COMPRESSION = 2.4
NO_SPEECH = 0.6


class Attempt(msgspec.Struct, frozen=True):
    """One way to decode. What comes out with an average log probability under `enough` is tried again."""

    beam_size: int = 1
    temperature: float = 0.0
    enough: float = LOWEST_LOGPROB


_SAMPLED = tuple(Attempt(temperature=temperature) for temperature in (0.2, 0.4, 0.6, 0.8, 1.0))


@dataclass(frozen=True)
class Care:
    """`longest_piece` in seconds: each cut costs context, and what is not cut is not decoded side by side.
    With `short` a window that is not full is not filled up with silence either."""

    attempts: tuple[Attempt, ...]
    longest_piece: float = 28.0
    short: bool = True


MODES: dict[Mode, Care] = {
    "accurate": Care((Attempt(beam_size=5), *_SAMPLED), short=False),
    "balanced": Care((Attempt(beam_size=5), *_SAMPLED)),
    "fast": Care((Attempt(beam_size=2), *_SAMPLED)),
}


def care(options: JobOptions) -> Care:
    chosen = MODES[options.mode]
    if options.beam_size is None:
        return chosen
    attempts = (Attempt(beam_size=options.beam_size), *_SAMPLED)
    return Care(attempts, chosen.longest_piece, chosen.short)
