"""Turns samples into segments. The one place that knows faster-whisper."""

import logging
import os
import threading
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ctranslate2
import numpy as np
from faster_whisper import WhisperModel
from faster_whisper.utils import (
    available_models,
    download_model,
)
from huggingface_hub import constants, get_session

from tasks.problems import ChildError, is_out_of_memory
from tasks.protocol import ChildConfig
from tasks.samples import RATE, Samples
from tasks.speech import Chunk
from tasks.timeline import number, placed, worth_keeping
from tasks.voice import speech_finder, voiced
from webapp.core.language import SURE, Votes
from webapp.core.options import JobOptions
from webapp.core.transcript import Segment

log = logging.getLogger(__name__)

MODEL_FILES = ("model.bin", "config.json", "tokenizer.json")
# Two models of a job mix stay warm; a third pushes out the one that was idle longest.
WARM_MODELS = 2
# How much of a chunk is asked for its language, and how many answers are worth remembering.
WINDOW = 30 * RATE
LANGUAGE_WINDOWS, LANGUAGES_KEPT = 4, 5
# What a model that knows no other language answers; it cannot be asked.
ENGLISH = Votes({"en": 1.0}, 1)
# Until the hub answers at all, and until three gigabytes are here.
HUB_SECONDS, FETCH_SECONDS = 10.0, 800.0
# The model takes in 448 tokens, half of them prompt; a few stay free for how they are put together.
PROMPT_TOKENS = 216
NEAREST = {
    "int8_float16": "int8",
    "int8_bfloat16": "int8",
    "float16": "float32",
    "bfloat16": "float32",
}


@dataclass(frozen=True)
class Model:
    whisper: Any
    device: str
    compute_type: str


class Engine:
    def __init__(self, config: ChildConfig) -> None:
        self.config = config
        self._warm: OrderedDict[str, Model] = OrderedDict()

    def model(self, name: str) -> Model:
        if name not in self._warm:
            while len(self._warm) >= WARM_MODELS:
                self._warm.popitem(last=False)
            self._warm[name] = load(name, self.config)
        self._warm.move_to_end(name)
        return self._warm[name]

    def language_of(self, chunk: Chunk, model: str) -> Votes:
        """Asks half a minute of speech at a time, until it is sure or was asked often enough."""
        if not self.model(model).whisper.model.is_multilingual:
            return ENGLISH
        speech = voiced(chunk.samples, speech_finder(self.config)(chunk.samples))
        votes = Votes()
        for start in range(0, min(len(speech), LANGUAGE_WINDOWS * WINDOW), WINDOW):
            votes = votes.plus(self._vote(speech[start : start + WINDOW], model))
            if votes.best and votes.best[1] >= SURE:
                break
        return votes

    def hear(self, chunk: Chunk, options: JobOptions, language: str | None) -> Iterator[Segment]:
        """The segments come as they are recognised: half a minute of speech at a time."""
        whisper = self.model(options.model).whisper
        prompts = fitting_prompts(whisper.hf_tokenizer, options)
        found, _ = whisper.transcribe(chunk.samples, **prompts, **self._arguments(options, language))
        return (placed(segment, chunk) for segment in found if worth_keeping(segment))

    def _vote(self, speech: Samples, model: str) -> Votes:
        _, _, all_of_them = self.model(model).whisper.detect_language(speech)
        likeliest = all_of_them[:LANGUAGES_KEPT]
        return Votes({name: number(probability) for name, probability in likeliest}, 1)

    def _arguments(self, options: JobOptions, language: str | None) -> dict[str, Any]:
        return {
            "language": language,
            "task": options.task,
            "beam_size": options.beam_size or 5,
            "word_timestamps": options.word_timestamps,
            "vad_filter": options.vad_filter,
            "vad_parameters": {
                "threshold": self.config.vad_threshold,
                "min_silence_duration_ms": self.config.vad_min_silence_ms,
            },
            # With it, one invented sentence breeds the next.
            "condition_on_previous_text": False,
        }


def fitting_prompts(tokenizer: Any, options: JobOptions) -> dict[str, str | None]:
    """What is too long is cut at its end: the model fails when its prompts leave no room for text."""
    both = options.initial_prompt and options.hotwords
    share = PROMPT_TOKENS // 2 if both else PROMPT_TOKENS
    return {
        "initial_prompt": _shortened(options.initial_prompt, tokenizer, share),
        "hotwords": _shortened(options.hotwords, tokenizer, share),
    }


def _shortened(text: str | None, tokenizer: Any, most: int) -> str | None:
    if text is None:
        return None
    tokens = tokenizer.encode(" " + text.strip(), add_special_tokens=False)
    return text if len(tokens.ids) <= most else text[: tokens.offsets[most][0]]


def load(name: str, config: ChildConfig) -> Model:
    if name not in config.models:
        raise ChildError(
            "model_unavailable",
            f"This server no longer offers the model {name}. Choose another one and try again.",
            permanent=True,
        )
    folder = _folder(name, config)
    threads = config.cpu_threads or len(os.sched_getaffinity(0))
    for device in _devices(config.device):
        compute_type = _compute_type(config.compute_type, device)
        try:
            whisper = WhisperModel(
                str(folder),
                device=device,
                compute_type=compute_type,
                cpu_threads=threads,
            )
            if device == "cuda":
                _try_out(whisper)
        except RuntimeError as problem:
            if is_out_of_memory(problem):
                raise
            log.warning("The model %s does not run on %s: %s", name, device, problem)
            continue
        return Model(whisper, device, whisper.model.compute_type)
    raise ChildError(
        "model_unavailable",
        f"The model {name} could not be loaded. Try again later, or choose another model.",
        permanent=False,
    )


def _devices(wanted: str) -> list[str]:
    """With `auto`, a machine whose CUDA libraries are incomplete still works, on its CPU."""
    if wanted != "auto":
        return [wanted]
    return ["cuda", "cpu"] if ctranslate2.get_cuda_device_count() else ["cpu"]


def _compute_type(wanted: str, device: str) -> str:
    if wanted == "auto":
        return wanted
    try:
        supported = ctranslate2.get_supported_compute_types(device)
    except (RuntimeError, ValueError):  # the device is absent: loading says so better
        return wanted
    if wanted in supported:
        return wanted
    nearest = NEAREST.get(wanted, "auto")
    chosen = nearest if nearest in supported else "auto"
    log.warning("This %s cannot compute in %s; using %s.", device, wanted, chosen)
    return chosen


def _try_out(whisper: Any) -> None:
    """CUDA's libraries are looked for at the first use, which must not be a person's job."""
    silence = np.zeros(RATE, dtype=np.float32)
    list(whisper.transcribe(silence, language="en", max_new_tokens=1)[0])


def _folder(name: str, config: ChildConfig) -> Path:
    folder = config.models_dir / name
    if _complete(folder):
        return folder
    if name in available_models():
        _download(name, folder)
    if _complete(folder):
        return folder
    raise ChildError(
        "model_unavailable",
        f"The model {name} is not on this server. The folder {folder.name} in MODELS_DIR must hold "
        f"{', '.join(MODEL_FILES)}. Try again later, or choose another model.",
        permanent=False,
    )


def _complete(folder: Path) -> bool:
    return all((folder / name).is_file() for name in MODEL_FILES)


def _download(name: str, folder: Path) -> None:
    """The hub's client waits without end; a thread can be left waiting, and dies with this process."""
    log.info("Fetching the model %s; this happens once.", name)
    fetching = threading.Thread(target=_fetch, args=(name, folder), daemon=True)
    fetching.start()
    fetching.join(FETCH_SECONDS)


def _fetch(name: str, folder: Path) -> None:
    try:
        get_session().head(constants.ENDPOINT, timeout=HUB_SECONDS)
        download_model(name, output_dir=str(folder))
    except Exception as problem:  # the hub's client raises errors of several libraries
        log.warning("The model %s could not be fetched: %s", name, problem)
