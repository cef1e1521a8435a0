"""What each mode does: in which ways a window is decoded, until one of them is good enough."""

from dataclasses import dataclass, replace

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
    """Seconds: a piece of `longest_piece` fits into one window; of pauses longer than `pause` only the
    `margin` stays on either side. With `short`, a window that is not full is not filled up with silence."""

    attempts: tuple[Attempt, ...]
    short: bool = True
    longest_piece: float = 28.0
    pause: float = 2.0
    margin: float = 0.75


MODES: dict[Mode, Care] = {
    "accurate": Care((Attempt(beam_size=5), *_SAMPLED), short=False),
    "balanced": Care((Attempt(beam_size=4), *_SAMPLED)),
    "fast": Care((Attempt(beam_size=1), *_SAMPLED), pause=0.6, margin=0.3),
}


def care_for(options: JobOptions) -> Care:
    chosen = MODES[options.mode]
    if options.beam_size is None:
        return chosen
    return replace(chosen, attempts=(Attempt(beam_size=options.beam_size), *_SAMPLED))
