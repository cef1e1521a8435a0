"""Two microphones are heard apart; whatever else has two channels is mixed down as ever."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from itertools import count
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio

from tasks import apart, flac
from tasks.apart import as_heard
from tasks.child import Decoder, EngineChild
from tasks.listening import WINDOW, Likelihoods
from tasks.media import opened
from tasks.protocol import ChildConfig, ChunkCut, Cut, CutOut, Hear
from tasks.samples import RATE, Samples, joined, length
from tasks.voice import likelihoods
from tests.support.children import chunks_cut, everything, segments
from tests.support.conversation import (
    LEFT,
    RIGHT,
    in_turns,
    noise,
    on_a_disk,
    ordinary_stereo,
    side_by_side,
    voice,
)
from tests.support.handmade import wav
from tests.support.recordings import encode, tone
from tests.support.speech import Speech
from webapp.core.options import JobOptions


@pytest.fixture(scope="module")
def left(speech: Speech) -> Samples:
    return voice(speech, *LEFT)


@pytest.fixture(scope="module")
def right(speech: Speech) -> Samples:
    return voice(speech, *RIGHT)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def decoder(config: ChildConfig) -> AsyncIterator[Decoder]:
    async with Decoder(config) as child:
        yield child


def heard(path: Path, config: ChildConfig, *, seconds: float = 30) -> Samples:
    with opened(path, config) as recording:
        return joined(list(recording.windows(seconds)))


def windows(channels: Samples, seconds: float = 30) -> Iterator[Samples]:
    size = round(seconds * RATE)
    for start in range(0, length(channels), size):
        yield channels[:, start : start + size]


def judged(channels: Samples) -> Samples:
    return joined(list(as_heard(windows(channels), likelihoods)))


async def cut(decoder: Decoder, path: Path, folder: Path, **place: float) -> list[ChunkCut]:
    await asyncio.to_thread(folder.mkdir, exist_ok=True)
    return chunks_cut(await everything(decoder.cut(Cut(path=path, folder=folder, **place))))  # type: ignore[arg-type]


@pytest.mark.parametrize("arrange", [side_by_side, in_turns])
@pytest.mark.parametrize(
    ("louder", "echo", "hiss"), [(1.0, 0.0, 0.0), (1.0, 0.1, 0.001), (18.0, 0.0, 0.0003), (1.0, 0.0, 0.003)]
)
def test_two_people_on_two_channels_stay_apart(
    arrange: Callable[[Samples, Samples], Samples],
    louder: float,
    echo: float,
    hiss: float,
    left: Samples,
    right: Samples,
) -> None:
    channels = arrange(left, right / np.float32(louder))
    channels = channels + np.float32(echo) * channels[::-1] + noise(channels.shape, hiss)
    assert np.array_equal(judged(channels), channels)


def test_two_people_who_speak_for_seconds_alone_stay_apart(speech: Speech, config: ChildConfig) -> None:
    assert heard(speech["two_channels.flac"], config).shape == (2, 82220)


def test_one_voice_in_both_channels_is_one(left: Samples) -> None:
    same = np.stack([left, left])
    assert np.abs(judged(same) - left).max() < 1 / 32768


@pytest.mark.parametrize("loudness", [1.0, 0.1])
def test_a_voice_in_ordinary_stereo_is_one(loudness: float, left: Samples) -> None:
    channels = ordinary_stereo(left * np.float32(loudness))
    assert np.abs(judged(channels) - channels.mean(axis=0)).max() < 1 / 32768


def test_two_people_in_one_room_are_mixed(left: Samples, right: Samples) -> None:
    """Each sits by one of two microphones that are not far apart."""
    near, far = in_turns(left, right)
    one, two = (ordinary_stereo(sound) for sound in (near, far))
    assert judged(one + two[::-1]).ndim == 1


@pytest.mark.parametrize("silent", [0, 1])
@pytest.mark.parametrize("hiss", [0.0, 0.0005])
def test_beside_a_silent_channel_the_other_one_is_as_loud_as_it_was(
    silent: int, hiss: float, left: Samples
) -> None:
    channels = noise((2, len(left)), hiss)
    channels[1 - silent] = left
    assert np.abs(judged(channels) - left).max() < 1 / 32768 + 6 * hiss


def test_whoever_speaks_late_in_a_silent_channel_is_not_lost(left: Samples, right: Samples) -> None:
    long = np.tile(left, 7)
    assert len(long) > apart.MOST
    channels = side_by_side(long, np.concatenate([np.zeros_like(long), right]))
    assert np.abs(judged(channels) - channels.sum(axis=0)).max() < 1 / 32768


def test_sound_without_speech_is_mixed(left: Samples) -> None:
    for channels in (
        noise((2, 30 * RATE), 0.1),
        np.stack([tone(20), tone(20)[::-1]]),
        np.zeros((2, 0), np.float32),
    ):
        assert judged(channels).ndim == 1


@pytest.mark.parametrize("case", ["two", "one", "nobody"])
def test_no_more_is_read_for_it_than_it_takes(case: str, left: Samples, right: Samples) -> None:
    sound = {
        "two": np.tile(in_turns(left[: 10 * RATE], right[: 10 * RATE]), 20),
        "one": np.tile(ordinary_stereo(left), 20),
        "nobody": np.zeros((2, 400 * RATE), np.float32),
    }
    read = count()
    noted = (window for window, _ in zip(windows(sound[case], 1), read, strict=False))
    next(as_heard(noted, likelihoods))
    assert next(read) <= {"two": 25, "one": 60, "nobody": 181}[case]


def test_of_one_channel_nothing_is_judged() -> None:
    def never(samples: Samples) -> Likelihoods:
        raise AssertionError

    sound = tone(20)
    read = iter([sound[:WINDOW], sound[WINDOW:]])
    assert np.array_equal(next(as_heard(read, never)), sound[:WINDOW])
    assert np.array_equal(next(read), sound[WINDOW:])


def test_the_verdict_does_not_depend_on_the_windows(
    left: Samples, right: Samples, config: ChildConfig, tmp_path: Path
) -> None:
    for channels in (in_turns(left, right), ordinary_stereo(left)):
        path = on_a_disk(tmp_path / "recording", channels)
        whole = heard(path, config)
        assert np.array_equal(heard(path, config, seconds=0.7), whole)
        assert whole.ndim == 2 - (channels.shape[1] == len(left))


async def test_chunks_of_two_channels_go_on_alike_and_can_be_cut_out_again(
    decoder: Decoder, config: ChildConfig, left: Samples, right: Samples, tmp_path: Path
) -> None:
    path = on_a_disk(tmp_path / "recording", np.tile(in_turns(left, right), 5))
    chunks = await cut(decoder, path, tmp_path / "chunks")
    sounds = [flac.read_channels(chunk.path) for chunk in chunks]
    assert len(chunks) > 2
    assert np.array_equal(np.concatenate([np.stack(sound) for sound in sounds], axis=1), heard(path, config))
    for chunk, sound in zip(chunks, sounds, strict=True):
        target = tmp_path / "once more"
        await everything(decoder.cut(CutOut(path=path, target=target, start=chunk.start, end=chunk.end)))
        assert np.array_equal(flac.read_channels(target), sound)
    border = chunks[1]
    rest = await cut(decoder, path, tmp_path / "rest", start=border.start, first_chunk=border.index)
    assert [(each.start, each.end, each.spans) for each in rest] == [
        (each.start, each.end, each.spans) for each in chunks[1:]
    ]
    for each, sound in zip(rest, sounds[1:], strict=True):
        assert np.array_equal(flac.read_channels(each.path), sound)


async def test_speech_of_a_chunk_is_that_of_either_channel(
    decoder: Decoder, left: Samples, right: Samples, tmp_path: Path
) -> None:
    path = on_a_disk(tmp_path / "recording", in_turns(left, right))
    (chunk, *_) = chunks = await cut(decoder, path, tmp_path / "chunks")
    alone = [
        await cut(decoder, on_a_disk(tmp_path / "one", voice), tmp_path / "ones") for voice in (left, right)
    ]
    spoken = sum(each.speech for cut in alone for each in cut)
    assert sum(each.speech for each in chunks) == pytest.approx(spoken, rel=0.05)
    assert chunk.speech > 0


async def test_each_channel_has_its_own_text(
    decoder: Decoder, engine: EngineChild, options: JobOptions, speech: Speech, tmp_path: Path
) -> None:
    both = side_by_side(voice(speech, "jfk.flac"), voice(speech, "ls_1688-142285-0001.flac"))
    path = on_a_disk(tmp_path / "recording", both + np.float32(0.1) * both[::-1])
    (chunk,) = await cut(decoder, path, tmp_path / "chunks")
    told = await everything(engine.hear(Hear(path=chunk.path, options=options, start=0.0, spans=chunk.spans)))
    texts = {
        channel: "".join(segment.text for segment in segments(told) if segment.channel == channel).lower()
        for channel in (0, 1)
    }
    assert "what your country can do for you" in texts[0]
    assert "from showing his guest" in texts[1]
    assert "country" not in texts[1]
    assert "guest" not in texts[0]


@pytest.mark.parametrize("kinds", [("stereo aac", "aac"), ("aac", "stereo aac")])
def test_a_recording_may_change_its_channels_on_the_way(
    kinds: tuple[str, str], config: ChildConfig, tmp_path: Path
) -> None:
    parts = [encode(tmp_path / "part", kind, tone(5)).read_bytes() for kind in kinds]
    (tmp_path / "recording").write_bytes(b"".join(parts))
    sound = heard(tmp_path / "recording", config)
    assert sound.ndim == 1
    assert len(sound) / RATE == pytest.approx(10, abs=0.3)
    assert all(0.2 < np.abs(half).max() < 0.4 for half in np.array_split(sound, 2))


def test_six_channels_are_mixed_as_before(left: Samples, config: ChildConfig, tmp_path: Path) -> None:
    channels = np.zeros((len(left), 6))
    channels[:, 2] = left  # in the middle, where films have their words
    path = tmp_path / "film"
    path.write_bytes(wav(RATE, 6, (channels * 32767).astype("<i2").tobytes(), speakers=0x3F))
    sound = heard(path, config)
    assert sound.shape == left.shape
    assert np.corrcoef(sound, left)[0, 1] > 0.999
