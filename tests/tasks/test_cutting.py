"""A recording becomes chunks in the decoder's process, and nothing of it is lost on the way."""

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import numpy as np
import psutil
import pytest
import pytest_asyncio

from tasks import flac
from tasks.child import Decoder
from tasks.protocol import ChildConfig, ChunkCut, Cut, CutDone, CutOut, Failed, Opened, Position, Reply
from tasks.samples import RATE, Samples
from tests.support.children import chunks_cut, everything, samples_of, stored
from tests.support.recordings import decoded, encode, silence
from tests.support.speech import Speech

change = msgspec.structs.replace


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def decoder(config: ChildConfig) -> AsyncIterator[Decoder]:
    async with Decoder(config) as child:
        yield child


@pytest.fixture(scope="module", params=["flac", "mp3", "webm"])
def recording(
    request: pytest.FixtureRequest, long_speech: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """More than one chunk, as people store them."""
    path = tmp_path_factory.mktemp("recordings") / "recording"
    return encode(path, request.param, decoded(long_speech))


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def chunks(
    recording: Path, decoder: Decoder, tmp_path_factory: pytest.TempPathFactory
) -> list[ChunkCut]:
    return await cut(decoder, recording, tmp_path_factory.mktemp("cut"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (made := tmp_path / "chunks").mkdir()
    return made


async def cut(decoder: Decoder, path: Path, folder: Path) -> list[ChunkCut]:
    return chunks_cut(await everything(decoder.cut(Cut(path=path, folder=folder))))


def failure(told: list[Reply]) -> tuple[str, bool]:
    assert isinstance(told[-1], Failed)
    return told[-1].code, told[-1].permanent


def inside(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


def whole(chunks: list[ChunkCut]) -> Samples:
    return np.concatenate([flac.read(chunk.path) for chunk in chunks])


async def test_a_short_recording_is_told_from_its_opening_to_its_end(
    decoder: Decoder, config: ChildConfig, speech: Speech, folder: Path
) -> None:
    path = speech["jfk.flac"]
    opened, *positions, chunk, done = await everything(decoder.cut(Cut(path=path, folder=folder)))
    assert opened == Opened(11.0)
    assert positions == [Position(11.0)]
    assert isinstance(chunk, ChunkCut)
    assert (chunk.index, chunk.start, chunk.end, chunk.last) == (0, 0.0, 11.0, True)
    assert 6 < chunk.speech < 11
    assert done == CutDone(duration=11.0, damaged_packets=0, missing=0.0)
    assert np.array_equal(flac.read(chunk.path), samples_of(path, config))


def test_the_chunks_hold_exactly_the_samples_of_the_recording(
    config: ChildConfig, recording: Path, chunks: list[ChunkCut]
) -> None:
    assert len(chunks) > 1
    assert np.array_equal(whole(chunks), samples_of(recording, config))


async def test_the_chunks_lie_where_they_were_asked_for_and_follow_each_other(
    decoder: Decoder, long_speech: Path, folder: Path
) -> None:
    chunks = await cut(decoder, long_speech, folder)
    assert [chunk.index for chunk in chunks] == list(range(len(chunks)))
    assert [chunk.start for chunk in chunks] == [0.0, *(chunk.end for chunk in chunks[:-1])]
    assert [chunk.last for chunk in chunks] == [False] * (len(chunks) - 1) + [True]
    assert inside(folder) == [chunk.path for chunk in chunks]
    assert all(len(flac.read(each.path)) == round((each.end - each.start) * RATE) for each in chunks)
    assert all(0 < chunk.speech <= chunk.end - chunk.start for chunk in chunks)
    spoken = [sum(end - start for start, end in chunk.spans) / 1000 for chunk in chunks]
    assert spoken == pytest.approx([chunk.speech for chunk in chunks], abs=0.002)


async def test_positions_lead_from_the_beginning_to_the_end(
    decoder: Decoder, long_speech: Path, folder: Path
) -> None:
    told = await everything(decoder.cut(Cut(path=long_speech, folder=folder)))
    positions = [reply.seconds for reply in told if isinstance(reply, Position)]
    assert positions == sorted(positions)
    assert len(positions) > 5
    assert positions[-1] == 200


async def test_cutting_that_goes_on_at_a_border_yields_the_same_chunks(
    decoder: Decoder, recording: Path, chunks: list[ChunkCut], folder: Path
) -> None:
    for border in chunks[1:]:
        request = Cut(path=recording, folder=folder, start=border.start, first_chunk=border.index)
        rest = chunks_cut(await everything(decoder.cut(request)))
        assert rest == [change(each, path=folder / each.path.name) for each in chunks[border.index :]]
        assert np.array_equal(whole(rest), whole(chunks[border.index :]))


async def test_cutting_that_goes_on_at_the_end_finds_nothing_more(
    decoder: Decoder, speech: Speech, folder: Path
) -> None:
    request = Cut(path=speech["jfk.flac"], folder=folder, start=11.0, first_chunk=1)
    told = await everything(decoder.cut(request))
    assert chunks_cut(told) == []
    assert told[-1] == CutDone(duration=11.0, damaged_packets=0, missing=0.0)


async def test_a_stretch_cut_out_is_the_chunk_that_was_cut(
    decoder: Decoder, recording: Path, chunks: list[ChunkCut], tmp_path: Path
) -> None:
    for chunk in chunks:
        target = tmp_path / "once more"
        request = CutOut(path=recording, target=target, start=chunk.start, end=chunk.end)
        told = await everything(decoder.cut(request))
        assert isinstance(told[-1], CutDone)
        assert np.array_equal(flac.read(target), flac.read(chunk.path))


async def test_for_a_stretch_nothing_behind_it_is_read(
    decoder: Decoder, long_speech: Path, tmp_path: Path
) -> None:
    request = CutOut(path=long_speech, target=tmp_path / "chunk", start=31.0, end=32.5)
    told = await everything(decoder.cut(request))
    assert max(reply.seconds for reply in told if isinstance(reply, Position)) < 65
    assert len(flac.read(tmp_path / "chunk")) == 1.5 * RATE


async def test_a_stretch_of_a_recording_that_has_become_shorter_is_what_is_left_or_a_failure(
    decoder: Decoder, config: ChildConfig, speech: Speech, tmp_path: Path
) -> None:
    path, target = speech["jfk.flac"], tmp_path / "chunk"
    await everything(decoder.cut(CutOut(path=path, target=target, start=5.0, end=20.0)))
    assert np.array_equal(flac.read(target), samples_of(path, config)[5 * RATE :])
    told = await everything(decoder.cut(CutOut(path=path, target=target, start=11.0, end=20.0)))
    assert failure(told) == ("nothing_decoded", True)


@pytest.mark.parametrize("name", ["silence30.flac", "music20.flac"])
async def test_where_nobody_speaks_there_is_no_speech(
    name: str, decoder: Decoder, speech: Speech, folder: Path
) -> None:
    (chunk,) = await cut(decoder, speech[name], folder)
    assert chunk.speech == 0


async def test_speech_is_counted_chunk_by_chunk(decoder: Decoder, speech: Speech, tmp_path: Path) -> None:
    words = decoded(speech["lj_LJ001-0001.flac"])
    path = stored(tmp_path / "recording", np.concatenate([words, silence(240)]))
    first, *rest = await cut(decoder, path, tmp_path)
    assert first.speech > 7
    assert [chunk.speech for chunk in rest] == [0] * len(rest) != []


async def test_of_a_recording_cut_short_the_rest_is_cut_and_the_lack_is_told(
    decoder: Decoder, speech: Speech, folder: Path, tmp_path: Path
) -> None:
    content = speech["jfk.flac"].read_bytes()
    (path := tmp_path / "recording").write_bytes(content[: len(content) // 2])
    *_, chunk, done = await everything(decoder.cut(Cut(path=path, folder=folder)))
    assert isinstance(chunk, ChunkCut)
    assert isinstance(done, CutDone)
    assert 4 < done.duration == chunk.end < 8
    assert done.missing == pytest.approx(11 - done.duration)


async def test_a_recording_that_cannot_be_read_fails_and_spares_the_process(
    decoder: Decoder, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "recording").write_bytes(b"not a recording")
    await decoder.start()
    before = decoder.pid
    for request in (
        Cut(path=tmp_path / "recording", folder=folder),
        CutOut(path=tmp_path / "recording", target=folder / "chunk", start=0.0, end=1.0),
    ):
        assert failure(await everything(decoder.cut(request))) == ("unknown_format", True)
    assert decoder.pid == before
    assert inside(folder) == []


async def test_the_limits_of_a_recording_reach_the_process(config: ChildConfig, tmp_path: Path) -> None:
    path = encode(tmp_path / "recording", "flac", silence(20))
    async with Decoder(change(config, max_duration_s=10)) as strict:
        told = await everything(strict.cut(Cut(path=path, folder=tmp_path)))
    assert failure(told) == ("too_long", True)


async def test_a_full_disk_is_said_to_be_one_and_costs_no_more_than_the_attempt(
    decoder: Decoder, speech: Speech, folder: Path
) -> None:
    (full := folder / "0.flac").symlink_to("/dev/full")
    request = Cut(path=speech["jfk.flac"], folder=folder)
    assert failure(await everything(decoder.cut(request))) == ("worker_disk", False)
    target = CutOut(path=speech["jfk.flac"], target=full, start=0.0, end=1.0)
    assert failure(await everything(decoder.cut(target))) == ("worker_disk", False)
    full.unlink()
    assert len(await cut(decoder, speech["jfk.flac"], folder)) == 1


async def test_a_disk_that_fills_up_on_the_way_is_said_to_be_full(
    decoder: Decoder, long_speech: Path, folder: Path
) -> None:
    sizes = [chunk.path.stat().st_size for chunk in await cut(decoder, long_speech, folder)]
    most = max(sizes) - 1000
    psutil.Process(decoder.pid).rlimit(psutil.RLIMIT_FSIZE, (most, most))
    told = await everything(decoder.cut(Cut(path=long_speech, folder=folder)))
    assert [chunk.index for chunk in chunks_cut(told)] == list(range(sizes.index(max(sizes))))
    assert failure(told) == ("worker_disk", False)


async def test_a_folder_that_cannot_be_written_to_is_not_the_recordings_fault(
    decoder: Decoder, speech: Speech
) -> None:
    told = await everything(decoder.cut(Cut(path=speech["jfk.flac"], folder=Path("/sys"))))
    assert failure(told) == ("worker_disk", False)


async def test_a_long_recording_is_cut_within_the_memory_that_a_decoder_gets(
    config: ChildConfig, long_speech: Path, folder: Path
) -> None:
    async with Decoder(change(config, memory_mb=1000)) as small:
        chunks = await cut(small, long_speech, folder)
        assert chunks[-1].end == 200
        assert 50 < small.memory_mb < 500
