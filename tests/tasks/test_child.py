import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from pathlib import Path

import msgspec
import psutil
import pytest
import pytest_asyncio

from tasks.child import ROOT, EngineChild, EngineCrashed
from tasks.protocol import (
    Done,
    EngineConfig,
    Event,
    Failed,
    Opened,
    SegmentFound,
    Transcribe,
)
from tests.support.recordings import encode, silence
from tests.support.speech import Speech
from webapp.core.errors import JobFailed
from webapp.core.options import JobOptions

change = msgspec.structs.replace


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def child(config: EngineConfig) -> AsyncIterator[EngineChild]:
    async with EngineChild(config) as child:
        yield child


@pytest.fixture
def jfk(speech: Speech, options: JobOptions) -> Transcribe:
    return Transcribe(path=speech["jfk.flac"], options=options)


async def everything(child: EngineChild, request: Transcribe) -> list[Event]:
    async with aclosing(child.transcribe(request)) as events:
        return [event async for event in events]


async def disturbed(child: EngineChild, request: Transcribe, disturb: Callable[[], Awaitable[None]]) -> None:
    async with aclosing(child.transcribe(request)) as events:
        async for _ in events:
            await disturb()


def text(events: list[Event]) -> str:
    return "".join(event.segment.text for event in events if isinstance(event, SegmentFound))


async def test_a_recording_is_transcribed_in_another_process(child: EngineChild, jfk: Transcribe) -> None:
    events = await everything(child, jfk)
    assert isinstance(events[0], Opened)
    assert isinstance(events[-1], Done)
    assert "ask what you can do for your country" in text(events)
    assert child.pid != os.getpid()


async def test_the_process_stays_warm_between_recordings(child: EngineChild, jfk: Transcribe) -> None:
    await everything(child, jfk)
    before = child.pid
    await everything(child, jfk)
    assert child.pid == before


async def test_a_recording_that_cannot_be_read_fails_and_spares_the_process(
    child: EngineChild, jfk: Transcribe, tmp_path: Path
) -> None:
    await everything(child, jfk)
    before = child.pid
    (tmp_path / "audio").write_bytes(b"not a recording")
    (failed,) = await everything(child, change(jfk, path=tmp_path / "audio"))
    assert isinstance(failed, Failed)
    assert (failed.code, failed.permanent) == ("unknown_format", True)
    assert child.pid == before


async def test_a_missing_file_is_a_failure_not_a_crash(
    child: EngineChild, jfk: Transcribe, tmp_path: Path
) -> None:
    (failed,) = await everything(child, change(jfk, path=tmp_path / "gone"))
    assert isinstance(failed, Failed)
    assert (failed.code, failed.permanent) == ("engine_failed", False)


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT])
async def test_a_crash_is_told_and_the_next_recording_works(
    sign: signal.Signals, child: EngineChild, jfk: Transcribe
) -> None:
    async def kill() -> None:
        assert child.pid
        os.kill(child.pid, sign)

    with pytest.raises(EngineCrashed) as caught:
        await disturbed(child, jfk, kill)
    assert caught.value.returncode == -sign
    assert isinstance((await everything(child, jfk))[-1], Done)


async def test_a_process_that_died_while_idle_is_replaced(child: EngineChild, jfk: Transcribe) -> None:
    await everything(child, jfk)
    assert child.pid
    os.kill(child.pid, signal.SIGKILL)
    await asyncio.sleep(0.5)
    assert isinstance((await everything(child, jfk))[-1], Done)


async def test_cancelling_stops_the_work_within_a_second_and_leaves_no_zombie(
    child: EngineChild, jfk: Transcribe
) -> None:
    begun = asyncio.Event()

    async def work() -> None:
        async with aclosing(child.transcribe(jfk)) as events:
            async for _ in events:
                begun.set()

    task = asyncio.create_task(work())
    await begun.wait()
    assert child.pid
    process = psutil.Process(child.pid)
    asked = time.monotonic()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert time.monotonic() - asked < 1
    assert not process.is_running()
    assert isinstance((await everything(child, jfk))[-1], Done)


async def test_leaving_early_stops_the_work(child: EngineChild, jfk: Transcribe) -> None:
    async with aclosing(child.transcribe(jfk)) as events:
        await anext(events)
        assert child.pid
        process = psutil.Process(child.pid)
    assert not process.is_running()


async def test_a_process_that_does_not_get_ready_is_given_up_and_ended(
    config: EngineConfig, jfk: Transcribe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.child.START_SECONDS", 0.01)
    async with EngineChild(config) as slow:
        with pytest.raises(EngineCrashed):
            await everything(slow, jfk)
        assert slow.pid is None


async def test_killing_it_ends_the_wait_of_whoever_listens(child: EngineChild, jfk: Transcribe) -> None:
    with pytest.raises(EngineCrashed) as caught:
        await disturbed(child, jfk, child.kill)
    assert caught.value.returncode is None
    await child.kill()


async def test_a_second_request_waits_its_turn(child: EngineChild, jfk: Transcribe) -> None:
    both = await asyncio.gather(everything(child, jfk), everything(child, jfk))
    assert text(both[0]) == text(both[1]) != ""


async def test_a_model_is_made_warm_beforehand(child: EngineChild) -> None:
    loaded = await child.load("tiny.en")
    assert (loaded.model, loaded.device) == ("tiny.en", "cpu")


async def test_warming_a_model_that_is_not_offered_fails(child: EngineChild) -> None:
    with pytest.raises(JobFailed) as caught:
        await child.load("huge")
    assert caught.value.code == "model_unavailable"


async def test_memory_has_a_limit_and_the_next_recording_works(config: EngineConfig, jfk: Transcribe) -> None:
    async with EngineChild(change(config, memory_mb=500)) as small:
        for _ in range(2):
            (*_, failed) = await everything(small, jfk)
            assert isinstance(failed, Failed)
            assert (failed.code, failed.permanent) == ("out_of_memory", False)


async def test_the_limits_of_a_recording_reach_the_process(
    config: EngineConfig, jfk: Transcribe, tmp_path: Path
) -> None:
    path = encode(tmp_path / "audio", "flac", silence(20))
    async with EngineChild(change(config, max_duration_s=10)) as strict:
        (failed,) = await everything(strict, change(jfk, path=path))
    assert isinstance(failed, Failed)
    assert failed.code == "too_long"


async def test_the_process_knows_none_of_the_workers_secrets(
    child: EngineChild, jfk: Transcribe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://somebody:secret@host/db")
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    monkeypatch.setenv("HF_HUB_CACHE", "/models")
    await child.kill()
    await everything(child, jfk)
    assert child.pid
    environment = psutil.Process(child.pid).environ()
    assert environment["HF_HUB_CACHE"] == "/models"
    assert not environment.keys() & {"DATABASE_URL", "HF_TOKEN"}
    assert not [name for name in environment if name.startswith(("S3_", "REDIS_"))]


async def test_ctrl_c_in_the_terminal_does_not_reach_it(child: EngineChild, jfk: Transcribe) -> None:
    await everything(child, jfk)
    assert child.pid
    assert os.getpgid(child.pid) != os.getpgid(0)
    os.kill(child.pid, signal.SIGINT)
    before = child.pid
    await everything(child, jfk)
    assert child.pid == before


WORKER = """
import asyncio, sys
from pathlib import Path
from tasks.child import EngineChild
from tasks.protocol import EngineConfig

async def main():
    child = EngineChild(EngineConfig(models=("tiny.en",), models_dir=Path(sys.argv[1])))
    await child.load("tiny.en")
    print(child.pid, flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


def test_it_dies_with_its_worker(config: EngineConfig) -> None:
    command = [sys.executable, "-c", WORKER, str(config.models_dir)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdout
        process = psutil.Process(int(worker.stdout.readline()))
        worker.kill()
    _, alive = psutil.wait_procs([process], timeout=2)
    assert not alive
