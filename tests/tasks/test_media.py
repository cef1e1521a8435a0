import time
from pathlib import Path

import av
import msgspec
import numpy as np
import pytest

from tasks.media import MediaError, opened
from tasks.protocol import ChildConfig
from tasks.samples import RATE, Samples, Tape
from tests.support.recordings import KINDS, add_picture, encode, silence, tone, wav_bytes


def read(path: Path, config: ChildConfig) -> Samples:
    with opened(path, config) as recording:
        return np.concatenate(list(recording.windows()))


def refused(path: Path, config: ChildConfig) -> str:
    with pytest.raises(MediaError) as caught:
        read(path, config)
    assert caught.value.message.endswith(".")
    return caught.value.code


def broken_in_the_middle(path: Path) -> Path:
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 3000] = np.random.default_rng(7).bytes(3000)
    path.write_bytes(content)
    return path


def cut_in_half(path: Path) -> Path:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    return path


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_recording_is_read_in_full_whatever_its_name(
    kind: str, tmp_path: Path, config: ChildConfig
) -> None:
    path = encode(tmp_path / "audio", kind, tone(20))
    with opened(path, config) as recording:
        samples = np.concatenate(list(recording.windows()))
        assert recording.duration == pytest.approx(20, abs=0.2)
        assert recording.damaged_packets == 0
        assert recording.missing == 0
    assert len(samples) / RATE == pytest.approx(20, abs=0.2)
    assert 0.15 < np.abs(samples).max() < 0.4


def test_sound_comes_in_windows_of_the_size_asked_for(tmp_path: Path, config: ChildConfig) -> None:
    path = encode(tmp_path / "audio", "mp3", tone(20))
    with opened(path, config) as recording:
        sizes = [len(window) / RATE for window in recording.windows(seconds=8)]
    assert sizes == [8, 8, pytest.approx(4, abs=0.2)]


def test_what_is_read_does_not_depend_on_the_windows(tmp_path: Path, config: ChildConfig) -> None:
    path = encode(tmp_path / "audio", "mp3", tone(20))
    with opened(path, config) as recording:
        small = np.concatenate(list(recording.windows(seconds=0.7)))
    assert np.array_equal(small, read(path, config))


def test_a_recording_from_a_browser_gets_its_length_from_its_packets(
    tmp_path: Path, config: ChildConfig
) -> None:
    path = encode(tmp_path / "audio", "webm", tone(20), options={"live": "1"})
    with av.open(str(path)) as container:
        assert container.duration is None
    with opened(path, config) as recording:
        assert recording.duration == pytest.approx(20, abs=0.2)


def test_the_sound_of_a_film_is_read(tmp_path: Path, config: ChildConfig) -> None:
    path = encode(tmp_path / "audio", "mov", tone(5), picture=True)
    assert len(read(path, config)) / RATE == pytest.approx(5, abs=0.2)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("ffconcat version 1.0\nfile secret.ts\n", "audio"),
        ("ffconcat version 1.0\nfile secret.ts\n", "audio.mp3"),
        ("#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile://{secret}\n#EXT-X-ENDLIST\n", "a"),
        ("#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile://{secret}\n#EXT-X-ENDLIST\n", "a.m3u8"),
        ("#EXTM3U\n#EXTINF:9,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n", "a.m3u8"),
        ("v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 5004 RTP/AVP 0\n", "a"),
    ],
)  # fmt: skip
def test_a_list_of_other_files_or_addresses_is_refused_at_once(
    text: str, name: str, tmp_path: Path, config: ChildConfig
) -> None:
    secret = encode(tmp_path / "secret.ts", "ts", tone(2))
    (tmp_path / name).write_text(text.replace("{secret}", str(secret)))
    begun = time.monotonic()
    assert refused(tmp_path / name, config) == "unknown_format"
    assert time.monotonic() - begun < 1


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty_file"),
        (np.random.default_rng(1).bytes(100_000), "unknown_format"),
        (b"<html><title>404 Not Found</title></html>", "unknown_format"),
        (wav_bytes(1, 1, bytes(4000)), "sample_rate"),
        (wav_bytes(16_000, 64, bytes(64_000)), "channels"),
        (wav_bytes(16_000, 1, b""), "nothing_decoded"),
    ],
)
def test_what_is_no_usable_recording_is_refused_with_a_reason(
    content: bytes, code: str, tmp_path: Path, config: ChildConfig
) -> None:
    path = tmp_path / "audio"
    path.write_bytes(content)
    assert refused(path, config) == code


def test_a_film_without_sound_is_refused_as_such(tmp_path: Path, config: ChildConfig) -> None:
    with av.open(str(tmp_path / "audio"), "w", format="matroska") as output:
        add_picture(output)
    assert refused(tmp_path / "audio", config) == "no_sound_track"


@pytest.mark.parametrize("kind", ["mp3", "m4a", "ts", "aac"])
def test_damage_in_the_middle_costs_that_place_alone_and_is_counted(
    kind: str, tmp_path: Path, config: ChildConfig
) -> None:
    path = broken_in_the_middle(encode(tmp_path / "audio", kind, tone(20)))
    with opened(path, config) as recording:
        samples = np.concatenate(list(recording.windows()))
        assert recording.damaged_packets > 0
    assert len(samples) / RATE > 18.5
    assert np.abs(samples[-3 * RATE : -RATE]).max() > 0.2


@pytest.mark.parametrize("kind", ["wav", "flac", "mp3", "ogg", "webm", "ts"])
def test_of_a_recording_cut_short_the_rest_is_read(kind: str, tmp_path: Path, config: ChildConfig) -> None:
    path = cut_in_half(encode(tmp_path / "audio", kind, tone(20)))
    assert 8 < len(read(path, config)) / RATE < 12


@pytest.mark.parametrize("kind", ["flac", "webm"])
def test_what_a_recording_cut_short_lacks_is_told(kind: str, tmp_path: Path, config: ChildConfig) -> None:
    path = cut_in_half(encode(tmp_path / "audio", kind, tone(20)))
    with opened(path, config) as recording:
        list(recording.windows())
        assert 8 < recording.missing < 12


def test_a_recording_without_its_table_of_contents_is_refused(tmp_path: Path, config: ChildConfig) -> None:
    path = cut_in_half(encode(tmp_path / "audio", "m4a", tone(20)))
    assert refused(path, config) == "unknown_format"


def test_a_longer_recording_than_allowed_is_refused_before_it_is_read(
    tmp_path: Path, config: ChildConfig
) -> None:
    path = encode(tmp_path / "audio", "mp3", tone(20))
    strict = msgspec.structs.replace(config, max_duration_s=10)
    with pytest.raises(MediaError, match="longer") as caught, opened(path, strict):
        pytest.fail("it was opened")
    assert caught.value.code == "too_long"


@pytest.fixture
def liar(tmp_path: Path) -> Path:
    """Ten minutes of silence in a few kilobytes, claiming to be two seconds long."""
    path = encode(tmp_path / "audio", "flac", silence(600))
    content = bytearray(path.read_bytes())
    content[21] &= 0xF0
    content[22:26] = (2 * RATE).to_bytes(4, "big")
    path.write_bytes(content)
    return path


def test_a_recording_that_lies_about_its_length_is_stopped_at_the_limit(
    liar: Path, config: ChildConfig
) -> None:
    strict = msgspec.structs.replace(config, max_duration_s=60)
    with opened(liar, strict) as recording:
        assert recording.duration == pytest.approx(2)
        windows = recording.windows(seconds=10)
        assert sum(len(next(windows)) for _ in range(5)) == 50 * RATE
        with pytest.raises(MediaError) as caught:
            list(windows)
    assert caught.value.code == "too_long"


def test_a_pause_of_the_recorder_keeps_its_place_in_time(tmp_path: Path, config: ChildConfig) -> None:
    path = encode(tmp_path / "audio", "webm", tone(10), pause=(4.0, 3.0))
    samples = read(path, config)
    assert len(samples) / RATE == pytest.approx(13, abs=0.2)
    assert np.abs(samples[round(4.2 * RATE) : round(6.8 * RATE)]).max() == 0
    assert np.abs(samples[round(7.2 * RATE) : 12 * RATE]).max() > 0.2


def test_a_clock_that_jumps_by_days_adds_no_days_of_silence(tmp_path: Path, config: ChildConfig) -> None:
    path = encode(tmp_path / "audio", "webm", tone(10), pause=(4.0, 200_000.0))
    generous = msgspec.structs.replace(config, max_duration_s=300_000)
    assert len(read(path, generous)) / RATE == pytest.approx(10, abs=0.2)


def test_a_recording_may_change_its_sample_rate_on_the_way(tmp_path: Path, config: ChildConfig) -> None:
    first = encode(tmp_path / "first", "aac", tone(5)).read_bytes()
    second = encode(tmp_path / "second", "stereo aac", tone(5)).read_bytes()
    (tmp_path / "audio").write_bytes(first + second)
    samples = read(tmp_path / "audio", config)
    assert len(samples) / RATE == pytest.approx(10, abs=0.3)


def test_tags_in_an_old_encoding_do_not_stop_a_recording(tmp_path: Path, config: ChildConfig) -> None:
    path = encode(tmp_path / "audio", "flac", tone(2))
    content = path.read_bytes()
    assert b"Lavf" in content
    path.write_bytes(content.replace(b"Lavf", b"L\xe9\xff!"))
    assert len(read(path, config)) == 2 * RATE


def test_a_pause_is_silence_in_both_channels() -> None:
    tape = Tape(2)
    tape.append(np.ones((2, 7 * RATE), np.int16))
    tape.append_silence(25 * RATE)
    first, *_, last = tape.take(5 * RATE, rest=True)
    assert first.shape == (2, 5 * RATE)
    assert first.all()
    assert last.shape == (2, 2 * RATE)
    assert not last.any()
