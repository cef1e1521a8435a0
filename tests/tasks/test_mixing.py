from pathlib import Path

import numpy as np
import pytest

from tasks.protocol import ChildConfig
from tasks.samples import RATE, Samples
from tests.support.children import samples_of
from tests.support.handmade import wav
from tests.support.recordings import tone

# Numbers of channels, and sets of loudspeakers, for which FFmpeg has no mixing of its own.
UNMIXED = [(9, None), (15, None), (2, 0x600), (3, 0x700000), (10, 0x3FF)]


def recording(channels: list[Samples], speakers: int | None) -> bytes:
    whole = (np.stack(channels, axis=1) * 32767).astype("<i2")
    return wav(RATE, len(channels), whole.tobytes(), speakers=speakers)


def heard(path: Path, content: bytes, config: ChildConfig) -> Samples:
    path.write_bytes(content)
    return samples_of(path, config)


@pytest.mark.parametrize(("count", "speakers"), UNMIXED)
def test_channels_of_any_number_and_place_are_heard(
    count: int, speakers: int | None, tmp_path: Path, config: ChildConfig
) -> None:
    sound = heard(tmp_path / "audio", recording([tone(2)] * count, speakers), config)
    assert np.abs(sound - tone(2)).max() < 0.001


@pytest.mark.parametrize("speaker", [0, 4, 8])
def test_each_of_them_counts_alike(speaker: int, tmp_path: Path, config: ChildConfig) -> None:
    channels = [np.zeros(2 * RATE, np.float32)] * 9
    channels[speaker] = tone(2, loudness=0.9)
    sound = heard(tmp_path / "audio", recording(channels, None), config)
    assert np.abs(sound - tone(2, loudness=0.1)).max() < 0.001
