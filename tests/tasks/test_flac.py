"""Between the decoder and the engine no sample is lost, none is added and none is changed."""

from pathlib import Path

import av
import av.error
import numpy as np
import pytest

from tasks import flac
from tasks.protocol import ChildConfig
from tasks.samples import RATE, Samples
from tests.support.children import samples_of, stored
from tests.support.recordings import KINDS, encode, silence, tone
from tests.support.speech import Speech


def noise(count: int) -> Samples:
    """Every value that a decoded sample may have."""
    whole = np.random.default_rng(5).integers(-32768, 32768, count).astype(np.int16)
    whole[:2] = (-32768, 32767)[:count]
    return whole.astype(np.float32) / 32768.0


@pytest.mark.parametrize("count", [1, 2, 17, 4095, 4096, 4097, 3 * RATE + 1])
def test_every_sample_comes_back_as_it_was(count: int, tmp_path: Path) -> None:
    read = flac.read(stored(tmp_path / "chunk", noise(count)))
    assert read.dtype == np.float32
    assert np.array_equal(read, noise(count))


@pytest.mark.parametrize("samples", [silence(0), silence(40), tone(40)], ids=["nothing", "silence", "tone"])
def test_sound_of_any_kind_is_kept(samples: Samples, tmp_path: Path) -> None:
    kept = np.round(samples * 32768) / 32768
    assert np.array_equal(flac.read(stored(tmp_path / "chunk", samples)), kept)


def test_speech_is_kept_in_less_room(speech: Speech, config: ChildConfig, tmp_path: Path) -> None:
    samples = samples_of(speech["lj_LJ001-0001.flac"], config)
    path = stored(tmp_path / "chunk", samples)
    assert np.array_equal(flac.read(path), samples)
    assert path.stat().st_size < 0.7 * 2 * len(samples)


def test_sound_that_is_too_loud_is_clipped_not_turned_over(tmp_path: Path) -> None:
    loud = np.array([1.0, 2.0, -1.0, -2.0, 0.0], dtype=np.float32)
    assert flac.read(stored(tmp_path / "chunk", loud)).tolist() == [32767 / 32768, 32767 / 32768, -1, -1, 0]


@pytest.mark.parametrize("count", [1, 4096, 3 * RATE + 1])
def test_of_two_channels_each_comes_back_as_it_was(count: int, tmp_path: Path) -> None:
    both = np.stack([noise(count), noise(count)[::-1]])
    path = stored(tmp_path / "chunk", both)
    assert np.array_equal(flac.read_channels(path), both)
    with av.open(str(path)) as container:
        assert container.streams.audio[0].layout.name == "stereo"


def test_what_is_stored_is_flac_of_16_khz_with_one_channel(tmp_path: Path) -> None:
    with av.open(str(stored(tmp_path / "chunk", tone(2)))) as container:
        sound = container.streams.audio[0]
        assert container.format.name == sound.codec_context.name == "flac"
        assert (sound.rate, sound.layout.name, sound.format.name) == (RATE, "mono", "s16")
        assert container.duration == 2 * av.time_base


def test_a_file_that_was_there_is_replaced(tmp_path: Path) -> None:
    stored(tmp_path / "chunk", noise(5 * RATE))
    assert np.array_equal(flac.read(stored(tmp_path / "chunk", noise(RATE))), noise(RATE))


@pytest.mark.parametrize("kind", sorted(KINDS.keys() - {"flac"}))
def test_nothing_but_flac_is_opened(kind: str, tmp_path: Path) -> None:
    """The engine opens what lies in the bucket, and should know as few formats as possible."""
    with pytest.raises((av.error.FFmpegError, ValueError)):
        flac.read(encode(tmp_path / "chunk", kind, tone(1)))


def test_a_list_that_names_another_file_is_not_followed(tmp_path: Path) -> None:
    secret = stored(tmp_path / "secret.flac", tone(1))
    (chunk := tmp_path / "chunk").write_text(f"ffconcat version 1.0\nfile {secret.name}\n")
    with pytest.raises((av.error.FFmpegError, ValueError)):
        flac.read(chunk)


def test_a_file_that_ends_too_early_does_not_pass_for_a_whole_one(tmp_path: Path) -> None:
    content = stored(tmp_path / "chunk", noise(10 * RATE)).read_bytes()
    (tmp_path / "chunk").write_bytes(content[: len(content) // 2])
    with pytest.raises(av.error.InvalidDataError):
        flac.read(tmp_path / "chunk")


@pytest.mark.parametrize("seconds", [0.1, 5, 60])
def test_a_disk_that_is_full_is_noticed_however_little_is_written(seconds: float, tmp_path: Path) -> None:
    (tmp_path / "chunk").symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left"):
        flac.write(tmp_path / "chunk", noise(round(seconds * RATE)))
