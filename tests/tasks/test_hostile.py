"""Two hundred hostile and broken files, each opened by the process that opens strangers' recordings."""

import asyncio
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from tasks.child import Decoder
from tasks.protocol import ChildConfig
from tasks.samples import RATE
from tests.support import pointers
from tests.support.bench import PATIENCE_S, Bench, Outcome
from tests.support.hostile import DECODED, Case, all_cases
from tests.support.speech import Speech
from tests.support.traps import seen_open, set_traps
from webapp.core.errors import LASTING
from webapp.core.settings import Settings

LONGEST_S = 300
# What it writes beside the chunks: what it says to the worker, and the head of each chunk a second time.
WORDS = 64 * 1024
ADVICE = ("Choose ", "Save ", "Cut ", "Mix ", "Check ")


@pytest.fixture(scope="module")
def as_shipped(config: ChildConfig, settings: Settings) -> ChildConfig:
    """Its limits are those that ship, but for the length: this keeps the silences short."""
    return ChildConfig(
        models=config.models,
        models_dir=config.models_dir,
        memory_mb=settings.decoder_memory_mb,
        max_channels=settings.max_channels,
        min_sample_rate=settings.min_sample_rate,
        max_sample_rate=settings.max_sample_rate,
        max_duration_s=LONGEST_S,
    )


@pytest.fixture(scope="module")
def good(speech: Speech) -> Case:
    return Case("good", "a speech", speech["jfk.flac"].read_bytes(), {DECODED})


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def outcomes(
    as_shipped: ChildConfig, good: Case, speech: Speech, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[list[Outcome]]:
    """The last one is that of a good recording, after all the others."""
    vault, work, pieces = (tmp_path_factory.mktemp(name) for name in ("vault", "work", "pieces"))
    with set_traps(vault, work) as traps:
        cases = [*all_cases(traps.elsewhere, pieces), good]
        async with Decoder(as_shipped) as decoder:
            bench = Bench(decoder, traps, vault, work, warm_up=speech["silence30.flac"].read_bytes())
            yield [await bench.outcome(case) for case in cases]
        assert [path.name for path in vault.iterdir()] == ["secret.wav"]
        assert [path.name for path in work.iterdir()] == ["secret.wav"]


def those(outcomes: list[Outcome], wrong: Callable[[Outcome], bool]) -> list[str]:
    return [str(outcome) for outcome in outcomes if wrong(outcome)]


def test_there_are_more_than_200_and_no_two_are_the_same(outcomes: list[Outcome]) -> None:
    assert len({(outcome.case.content, outcome.case.file_name) for outcome in outcomes}) > 200
    assert max(Counter(str(outcome.case) for outcome in outcomes).values()) == 1


def test_each_is_heard_or_refused_as_it_deserves(outcomes: list[Outcome]) -> None:
    assert not those(outcomes, lambda outcome: outcome.end not in outcome.case.ends)


def test_none_makes_the_process_crash_or_hang(outcomes: list[Outcome]) -> None:
    assert not those(outcomes, lambda outcome: outcome.end in {"crashed", "hung", "engine_failed"})
    assert not those(outcomes, lambda outcome: outcome.seconds > PATIENCE_S / 2)


def test_each_refusal_says_what_to_do_and_nothing_about_the_server(outcomes: list[Outcome]) -> None:
    refused = [outcome for outcome in outcomes if not outcome.decoded]
    assert not those(refused, lambda outcome: not any(advice in outcome.message for advice in ADVICE))
    assert not those(refused, lambda outcome: not outcome.message.endswith("."))
    assert not those(refused, lambda outcome: "/" in outcome.message or "Error" in outcome.message)


def test_none_is_tried_again_in_vain(outcomes: list[Outcome]) -> None:
    refused = [outcome for outcome in outcomes if not outcome.decoded]
    assert not those(refused, lambda outcome: not outcome.permanent or outcome.end not in LASTING)


def test_none_passes_the_memory_line(outcomes: list[Outcome], settings: Settings) -> None:
    assert not those(outcomes, lambda outcome: not 0 < outcome.peak_mb < settings.decoder_memory_mb)


def test_none_opens_another_file_or_a_connection(outcomes: list[Outcome]) -> None:
    def strayed(outcome: Outcome) -> bool:
        chunks = {name for name in outcome.touched if name.removesuffix(".flac").isdigit()}
        return bool(outcome.touched - chunks - {outcome.case.file_name})

    assert not those(outcomes, strayed)


def test_what_is_written_lies_in_the_folder_and_has_a_bound(outcomes: list[Outcome]) -> None:
    most = LONGEST_S * RATE * 2 + WORDS
    assert not those(outcomes, lambda outcome: outcome.stored > most)
    assert not those(outcomes, lambda outcome: outcome.written > outcome.stored + WORDS)


def test_a_good_recording_is_heard_after_all_of_them(outcomes: list[Outcome]) -> None:
    assert outcomes[-1].decoded
    assert outcomes[-1].speech > 5


# FFmpeg without our lists. What it may open has to be told to it for a file on disk, but for a concat script.
CARELESS = """
import sys, av
options = {"protocol_whitelist": "file,http,tcp,udp,rtp"}
with av.open(sys.argv[1], options=options, timeout=(3, 3)) as container:
    list(container.decode(audio=0))
"""


@pytest.mark.parametrize(
    ("kind", "case", "name", "trace"),
    [
        (pointers.concat_scripts, "a script with a relative name", "recording", "secret.wav"),
        (pointers.playlists, "HLS with http", "a.m3u8", "a connection"),
        (pointers.session_descriptions, "SDP on a free port", "recording", "socket:"),
    ],
)
async def test_the_traps_tell_of_whoever_walks_into_them(
    kind: Callable[[pointers.Elsewhere], dict[str, bytes]], case: str, name: str, trace: str, tmp_path: Path
) -> None:
    for folder in (vault := tmp_path / "vault", work := tmp_path / "work"):
        folder.mkdir()
    with set_traps(vault, work) as traps:
        (work / name).write_bytes(kind(traps.elsewhere)[case])
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", CARELESS, str(work / name)), stderr=asyncio.subprocess.DEVNULL
        )
        async with seen_open(process.pid) as seen:
            async with asyncio.timeout(PATIENCE_S):
                while not any(found.startswith(trace) for found in seen):
                    seen |= traps.sprung()
                    await asyncio.sleep(0.01)
        if process.returncode is None:
            process.kill()
        await process.wait()
