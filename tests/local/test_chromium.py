"""Which Chromium the browser tests get."""

from pathlib import Path

import pytest

from local import chromium
from local.chromium import ChromiumUnavailable


@pytest.fixture
def bare_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on the PATH, with nothing in it yet."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.delenv("CHROMIUM", raising=False)
    return folder


def test_the_one_that_is_named_comes_first(
    bare_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _program(bare_path / "chromium")
    named = _program(tmp_path / "mine")
    monkeypatch.setenv("CHROMIUM", str(named))
    assert chromium.ensure(tmp_path / "own") == named


def test_the_one_on_the_path_comes_before_one_of_our_own(bare_path: Path, tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    unpacked = _program(own / "chromium")
    assert chromium.ensure(own) == unpacked
    installed = _program(bare_path / "google-chrome")
    assert chromium.ensure(own) == installed


def test_a_machine_that_has_none_and_no_apt_is_told_what_to_do(bare_path: Path, tmp_path: Path) -> None:
    with pytest.raises(ChromiumUnavailable, match="name one with CHROMIUM="):
        chromium.ensure(tmp_path / "own")


def _program(path: Path) -> Path:
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path
