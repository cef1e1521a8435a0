"""A piece of a recording on its way through the model: window by window, each in as many ways as it takes."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tasks.care import HIGHEST_COMPRESSION, LOWEST_LOGPROB, NO_SPEECH, Attempt, Care
from tasks.doubting import too_few_words
from tasks.pieces import Piece
from tasks.samples import RATE
from tasks.whisper import FRAMES_PER_SECOND, FULL, Alignment, Decoded, Encoded, Features, Prompts, Whisper
from webapp.core.language import SURE, Votes

# Frames that are encoded: the fewest that the sound fits into. They are few, so that many windows have the
# same size; only those can be decoded together.
SIZES = (1000, 1500, 2000, FULL)
# Frames of silence after the sound: with less, the model begins to repeat itself.
_SILENCE = 400
# Of a window; an answer with more was cut short. And a timestamp counts 20 ms.
_MOST_TOKENS, _FRAMES_PER_TIMESTAMP = 200, 2
# Sampling may find words that a search has missed. With more warmth it would invent them.
_WARM = 0.2
# Seconds of speech behind the last word of a window: with more, they are heard again.
_LEFT_OVER, _STRIDE = 2.0, 5.0
# Of speech, in seconds: less of it at the end of a piece is the last sound of what was found already.
_SHORTEST_SPEECH = 0.2


@dataclass(frozen=True)
class Manner:
    """What is the same for all pieces of a request. Without a language it is found for each window."""

    whisper: Whisper
    care: Care
    prompts: Prompts
    task: str
    words: bool


@dataclass
class Window:
    size: int  # frames of sound
    encoded: Encoded
    language: str | None
    attempts: list[Attempt]
    results: list[Decoded] = field(default_factory=list)

    @property
    def frames(self) -> int:
        return 2 * int(self.encoded.shape[1])


@dataclass(frozen=True)
class Found:
    """Of one window: faster-whisper's segments, in the piece's time."""

    segments: list[dict[str, Any]]
    decoded: Decoded
    language: str | None
    few: bool  # words, for as much speech


class Track:
    def __init__(self, owner: int, piece: Piece, manner: Manner) -> None:
        self.owner = owner
        self.piece = piece
        self.manner = manner
        self.language: str | None = None
        self.mixed = False
        self.windows = 0
        self.rank = 0  # turns it has had, and those it is held to have had
        self.window: Window | None = None
        self._seek = 0
        self._last_word_end = 0.0
        self._features: Features = manner.whisper.features(piece.samples)
        self._ahead: Encoded | None = None

    @property
    def done(self) -> bool:
        """Also where only silence is left: a window of its own for that would cost as much as any other."""
        here, end = self._seconds(self._seek), self._seconds(self._features.shape[1])
        silent = self.windows > 0 and self.piece.speech is not None
        return here >= end or (silent and self.piece.spoken(here, end) < _SHORTEST_SPEECH)

    @property
    def tokenizer(self) -> Any:
        language = self.window.language if self.window else self.language
        return self.manner.whisper.tokenizer(language, self.manner.task)

    @property
    def prompt(self) -> list[int]:
        return self.manner.whisper.prompt(self.tokenizer, self.manner.prompts, first=self._seek == 0)

    def votes(self) -> Votes:
        """For the language of the first window, which is then encoded already."""
        if self._ahead is None:
            (self._ahead,) = self.manner.whisper.encode([self.sound(self.frames)])
        return self.manner.whisper.language(self._ahead)

    @property
    def frames(self) -> int:
        """Of the window that is open, or as many as the next one needs."""
        if self.window:
            return self.window.frames
        return _frames(self._size()) if self.manner.care.short else FULL

    def sound(self, frames: int) -> Features:
        """The next window, filled up with silence."""
        size = self._size()
        window = self._features[:, self._seek : self._seek + size]
        return np.pad(window, ((0, 0), (0, frames - size)))

    def take_ahead(self) -> Encoded | None:
        ahead, self._ahead = self._ahead, None
        return ahead

    def open(self, encoded: Encoded) -> None:
        if self.mixed:
            self.language = self._spoken_in(encoded)
        self.window = Window(self._size(), encoded, self.language, list(self.manner.care.attempts))

    def judge(self, decoded: Decoded) -> Decoded | None:
        """What is to be taken. None: it is to be decoded again in another way."""
        window = self.opened
        window.results.append(decoded)
        if is_silent(decoded) or self._is_good(decoded):
            return decoded
        if window.frames < FULL:  # the first suspicion is that there was too little around it
            (window.encoded,) = self.manner.whisper.encode([self.sound(FULL)])
            return None
        if len(window.attempts) > 1:
            del window.attempts[0]
            return None
        plain = [each for each in window.results if each.compression_ratio <= HIGHEST_COMPRESSION]
        return max(plain or window.results, key=lambda each: each.avg_logprob)

    def split(self, decoded: Decoded) -> tuple[list[dict[str, Any]], int, bool]:
        if is_silent(decoded):
            return [], self._seek + self.opened.size, True
        tokens = [*decoded.tokens, *self._ending(decoded.tokens)]
        return self.manner.whisper.split(self.tokenizer, tokens, self._seek, self.opened.size)

    def close(
        self,
        decoded: Decoded,
        found: tuple[list[dict[str, Any]], int, bool],
        alignment: Alignment | None,
    ) -> Found:
        """Goes on behind what was found."""
        segments, seek, lone = found
        here, end = self._seconds(self._seek), self._seconds(self._seek + self.opened.size)
        if alignment:
            alignment.give_words(segments, self.tokenizer, self._last_word_end)
            last = next((s["words"][-1]["end"] for s in reversed(segments) if s["words"]), None)
            self._last_word_end = last or self._last_word_end
            if last and last > here and not lone:
                seek = round(last * FRAMES_PER_SECOND)
        if segments and lone and self._is_left_over(segments[-1]["end"], end):
            seek = max(round(segments[-1]["end"] * FRAMES_PER_SECOND), self._seek + FRAMES_PER_SECOND)
        few = not is_silent(decoded) and self._is_few(decoded)
        taken = Found(segments, decoded, self.opened.language, few)
        self._seek = max(seek, self._seek + 1)
        self.window, self.windows = None, self.windows + 1
        return taken

    @property
    def opened(self) -> Window:
        assert self.window
        return self.window

    @property
    def position(self) -> float:
        """Seconds of the piece that are done."""
        return min(self._seconds(self._seek), len(self.piece.samples) / RATE)

    def _is_good(self, decoded: Decoded) -> bool:
        likely = decoded.avg_logprob >= decoded.attempt.enough
        plain = decoded.compression_ratio <= HIGHEST_COMPRESSION
        return likely and plain and (decoded.attempt.temperature >= _WARM or not self._is_few(decoded))

    def _is_few(self, decoded: Decoded) -> bool:
        start = self._seconds(self._seek)
        spoken = self.piece.spoken(start, start + self._seconds(self.opened.size))
        return too_few_words(self.tokenizer.decode(decoded.tokens), spoken)

    def _spoken_in(self, encoded: Encoded) -> str | None:
        """Where it is not clear, as in the window before."""
        best = self.manner.whisper.language(encoded).best
        return best[0] if best and (best[1] >= SURE or self.language is None) else self.language

    def _ending(self, tokens: list[int]) -> list[int]:
        """The time at which the sound ends, where the last words have none. In the middle of a sound they are
        cut off, and heard again in the next window; here nothing follows."""
        last = self._seek + self.opened.size >= self._features.shape[1]
        begin = int(self.tokenizer.timestamp_begin)
        if not (last and tokens and tokens[-1] < begin and len(tokens) < _MOST_TOKENS):
            return []
        return [begin + self.opened.size // _FRAMES_PER_TIMESTAMP]

    def _is_left_over(self, last: float, end: float) -> bool:
        """Not after a few seconds only: sound that passes for speech would be heard over and over."""
        return last > self._seconds(self._seek) + _STRIDE and self.piece.spoken(last, end) > _LEFT_OVER

    def _size(self) -> int:
        return min(FULL, int(self._features.shape[1]) - self._seek)

    @staticmethod
    def _seconds(frames: int) -> float:
        return frames / FRAMES_PER_SECOND


def is_silent(decoded: Decoded) -> bool:
    """Unlikely words where the model hears no speech. What only sampling could find needs less of a doubt."""
    line = NO_SPEECH / 2 if decoded.attempt.temperature else NO_SPEECH
    return decoded.no_speech_prob > line and decoded.avg_logprob < LOWEST_LOGPROB


def _frames(size: int) -> int:
    fitting: Iterator[int] = (frames for frames in SIZES if size + _SILENCE <= frames)
    return next(fitting, FULL)
