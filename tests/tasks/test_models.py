"""Models are found or refused, put on what the machine has, and a few of them stay warm."""

import logging
import socket
import threading
from pathlib import Path

import msgspec
import pytest

from tasks.models import Models, load
from tasks.problems import ChildError
from tasks.protocol import ChildConfig

change = msgspec.structs.replace


def test_a_model_that_is_not_offered_is_refused(config: ChildConfig) -> None:
    with pytest.raises(ChildError, match="no longer offers") as caught:
        load("large-v3", config)
    assert caught.value.permanent


@pytest.mark.parametrize("name", ["small", "our-own"])
def test_a_model_that_is_not_here_and_cannot_be_fetched_is_said_so(
    name: str, config: ChildConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ChildError, match=r"tokenizer\.json") as caught:
        load(name, change(config, models=(name,), models_dir=tmp_path))
    assert caught.value.code == "model_unavailable"
    assert not caught.value.permanent


def test_a_hub_that_never_answers_is_not_waited_for(
    config: ChildConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", address)
        monkeypatch.setattr("tasks.models.HUB_SECONDS", 0.5)
        with pytest.raises(ChildError) as caught:
            load("small", change(config, models=("small",), models_dir=tmp_path))
        silent.accept()[0].close()
    assert caught.value.code == "model_unavailable"


def test_a_download_that_never_ends_is_left_behind(
    config: ChildConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for_ever = threading.Event()
    monkeypatch.setattr("tasks.models._fetch", lambda *_: for_ever.wait())
    monkeypatch.setattr("tasks.models.FETCH_SECONDS", 0.1)
    with pytest.raises(ChildError) as caught:
        load("small", change(config, models=("small",), models_dir=tmp_path))
    for_ever.set()
    assert caught.value.code == "model_unavailable"


def test_arithmetic_that_the_device_lacks_is_replaced_and_told(
    config: ChildConfig, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        model = load("tiny.en", change(config, device="cpu", compute_type="float16"))
    assert model.compute_type == "float32"
    assert "cannot compute in float16; using float32" in caplog.text


def test_only_so_many_models_stay_in_memory(config: ChildConfig, tmp_path: Path) -> None:
    for name in ("one", "two", "three"):
        (tmp_path / name).symlink_to((config.models_dir / "tiny.en").resolve())
    models = Models(change(config, models=("one", "two", "three"), models_dir=tmp_path))
    first = models.get("one")
    second = models.get("two")
    assert models.get("one") is first
    models.get("three")
    assert models.get("one") is first
    assert models.get("two") is not second
