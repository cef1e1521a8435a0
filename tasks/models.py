"""Whisper models on this machine: found or fetched, put on the best device that works, kept warm."""

import logging
import os
import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

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
from tasks.samples import RATE
from tasks.whisper import Whisper

log = logging.getLogger(__name__)

MODEL_FILES = ("model.bin", "config.json", "tokenizer.json")
# Two models of a job mix stay warm; a third pushes out the one that was idle longest.
WARM_MODELS = 2
# Until the hub answers at all, and until three gigabytes are here.
HUB_SECONDS, FETCH_SECONDS = 10.0, 800.0
NEAREST = {
    "int8_float16": "int8",
    "int8_bfloat16": "int8",
    "float16": "float32",
    "bfloat16": "float32",
}


@dataclass(frozen=True)
class Model:
    whisper: Whisper
    device: str
    compute_type: str


class Models:
    def __init__(self, config: ChildConfig) -> None:
        self.config = config
        self._warm: OrderedDict[str, Model] = OrderedDict()

    def get(self, name: str) -> Model:
        if name not in self._warm:
            while len(self._warm) >= WARM_MODELS:
                self._warm.popitem(last=False)
            self._warm[name] = load(name, self.config)
        self._warm.move_to_end(name)
        return self._warm[name]


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
        return Model(Whisper(whisper), device, whisper.model.compute_type)
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


def _try_out(whisper: WhisperModel) -> None:
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
