"""The steps of faster-whisper's own loop, one by one and for several windows at once.

The only code that knows its insides: faster_whisper/transcribe.py 1.2.1, `generate_segments`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from ctranslate2 import StorageView
from faster_whisper import WhisperModel
from faster_whisper.tokenizer import Tokenizer
from faster_whisper.transcribe import get_compression_ratio, get_suppressed_tokens
from numpy.typing import NDArray

from tasks.care import Attempt
from tasks.numbers import number
from tasks.samples import Samples
from webapp.core.language import Votes
from webapp.core.options import JobOptions

Features = NDArray[np.float32]
Encoded = NDArray[Any]

# Frames of ten milliseconds, of which the model takes in this many at a time.
FRAMES_PER_SECOND, FULL = 100, 3000
_SECONDS_PER_FRAME = 1 / FRAMES_PER_SECOND
# The model takes in 448 tokens, half of them prompt; a few stay free for how they are put together.
PROMPT_TOKENS = 216
_LANGUAGES_KEPT = 5
_HYPOTHESES = 5
WIDTH = 8
# In steps of 20 ms: speech begins within the first second of a window.
_LATEST_START = 50
_PREPENDED, _APPENDED = "\"'“¿([{-", "\"'.。,，!！?？:：”)]}、"  # noqa: RUF001 - Chinese has its own


@dataclass(frozen=True)
class Decoded:
    tokens: list[int]
    avg_logprob: float
    compression_ratio: float
    no_speech_prob: float
    attempt: Attempt


@dataclass(frozen=True)
class Prompts:
    """As tokens. The first is for a recording's first window only, the second for all."""

    initial: list[int]
    hotwords: str | None


class Whisper:
    def __init__(self, model: WhisperModel) -> None:
        self._whisper: Any = model
        self._model = model.model
        self.tokenizer = cache(self._tokenizer)

    @property
    def width(self) -> int:
        """How many windows are decoded together."""
        return WIDTH

    @property
    def multilingual(self) -> bool:
        return bool(self._model.is_multilingual)

    def features(self, samples: Samples) -> Features:
        """A column per frame."""
        found: Features = self._whisper.feature_extractor(samples)
        return found[:, :-1]

    def encode(self, windows: Sequence[Features]) -> list[Encoded]:
        """Windows of one length. One by one on a CPU, whose cache holds no more; together on a GPU."""
        if self._model.device == "cpu":
            return [self._encode(window[None]) for window in windows]
        together = self._encode(np.stack(windows))
        return [together[place : place + 1] for place in range(len(windows))]

    def language(self, encoded: Encoded) -> Votes:
        likeliest = self._model.detect_language(_storage(encoded))[0][:_LANGUAGES_KEPT]
        return Votes({token[2:-2]: number(probability) for token, probability in likeliest}, 1)

    def prompts(self, options: JobOptions) -> Prompts:
        both = options.initial_prompt and options.hotwords
        share = PROMPT_TOKENS // 2 if both else PROMPT_TOKENS
        initial = self._shortened(options.initial_prompt, share)
        return Prompts(
            self._whisper.hf_tokenizer.encode(" " + initial.strip(), add_special_tokens=False).ids
            if initial
            else [],
            self._shortened(options.hotwords, share),
        )

    def prompt(self, tokenizer: Tokenizer, prompts: Prompts, *, first: bool) -> list[int]:
        previous = prompts.initial if first else []
        made: list[int] = self._whisper.get_prompt(tokenizer, previous, hotwords=prompts.hotwords)
        return made

    def decode(
        self,
        encoded: Sequence[Encoded],
        prompts: Sequence[list[int]],
        tokenizers: Sequence[Tokenizer],
        attempt: Attempt,
    ) -> list[Decoded]:
        """Of one length each, the encoded windows and the prompts."""
        results = self._model.generate(
            _storage(np.concatenate(encoded)),
            list(prompts),
            max_length=self._whisper.max_length,
            return_scores=True,
            return_no_speech_prob=True,
            suppress_tokens=list(get_suppressed_tokens(tokenizers[0], [-1]) or ()),
            max_initial_timestamp_index=_LATEST_START,
            **_search(attempt),
        )
        return [
            _decoded(result, tokenizer, attempt)
            for result, tokenizer in zip(results, tokenizers, strict=True)
        ]

    def split(
        self, tokenizer: Tokenizer, tokens: list[int], seek: int, size: int
    ) -> tuple[list[dict[str, Any]], int, bool]:
        """Segments with their times, where to go on, and whether the text ended in a lone timestamp: then all
        of the window is taken to be done."""
        found: tuple[list[dict[str, Any]], int, bool]
        found = self._whisper._split_segments_by_timestamps(
            tokenizer,
            tokens,
            seek * _SECONDS_PER_FRAME,
            size,
            size * _SECONDS_PER_FRAME,
            seek,
        )
        return found

    def align(
        self,
        tokenizer: Tokenizer,
        segments: Sequence[list[dict[str, Any]]],
        encoded: Sequence[Encoded],
        sizes: Sequence[int],
    ) -> list["Alignment"]:
        """When each word of each window was spoken. The tokenizer stands for all: only its language may
        differ."""
        texts = [[t for s in each for t in s["tokens"] if t < tokenizer.eot] for each in segments]
        found = self._whisper.find_alignment(tokenizer, texts, _storage(np.concatenate(encoded)), list(sizes))
        return [Alignment([each]) for each in found] if found else []

    def _encode(self, windows: Features) -> Encoded:
        encoded = self._model.encode(_storage(windows), to_cpu=True)
        return np.asarray(encoded)

    def _tokenizer(self, language: str | None, task: str) -> Tokenizer:
        return Tokenizer(
            self._whisper.hf_tokenizer,
            self.multilingual,
            task=task if self.multilingual else "transcribe",
            language=language if self.multilingual and language else "en",
        )

    def _shortened(self, text: str | None, most: int) -> str | None:
        """What is too long is cut at its end: the model fails when its prompts leave no room for text."""
        if text is None:
            return None
        tokens = self._whisper.hf_tokenizer.encode(" " + text.strip(), add_special_tokens=False)
        return text if len(tokens.ids) <= most else text[: tokens.offsets[most][0]]


class Alignment:
    """Stands in for the model where faster-whisper gives words their times: it aligns window by window, and
    ours were aligned together."""

    frames_per_second = FRAMES_PER_SECOND

    def __init__(self, found: list[Any]) -> None:
        self._found = found

    def find_alignment(self, *_: object) -> list[Any]:
        return self._found

    def give_words(self, segments: list[dict[str, Any]], tokenizer: Tokenizer, last_end: float) -> None:
        add: Any = WhisperModel.add_word_timestamps
        add(self, [segments], tokenizer, None, 0, _PREPENDED, _APPENDED, last_speech_timestamp=last_end)


def _search(attempt: Attempt) -> dict[str, Any]:
    if attempt.temperature:
        sampling = {"sampling_topk": 0, "sampling_temperature": attempt.temperature}
        return {"beam_size": 1, "num_hypotheses": _HYPOTHESES, **sampling}
    return {"beam_size": attempt.beam_size, "patience": 1}


def _decoded(result: Any, tokenizer: Tokenizer, attempt: Attempt) -> Decoded:
    tokens: list[int] = result.sequences_ids[0]
    text = tokenizer.decode(tokens).strip()
    return Decoded(
        tokens,
        avg_logprob=number(result.scores[0] * len(tokens) / (len(tokens) + 1)),
        compression_ratio=get_compression_ratio(text),
        no_speech_prob=number(result.no_speech_prob),
        attempt=attempt,
    )


def _storage(array: NDArray[Any]) -> StorageView:
    return StorageView.from_array(np.ascontiguousarray(array))
