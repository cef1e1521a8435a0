"""Both kinds of child are started, watched and ended alike."""

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from pathlib import Path

import msgspec
import psutil
import pytest

from tasks.answers import ChildCrashed
from tasks.child import REQUESTS, Child, Decoder, EngineChild
from tasks.protocol import (
    ChildConfig,
    ChunkCut,
    Cut,
    CutDone,
    Failed,
    Hear,
    Heard,
    Opened,
    Position,
    Reply,
    Request,
)
from tests.support.children import everything, text
from tests.support.speech import Speech
from webapp.core.errors import JobFailed
from webapp.core.options import JobOptions

change = msgspec.structs.replace


def done(told: list[Reply]) -> bool:
    return isinstance(told[-1], CutDone | Heard)


async def disturbed(child: Child, request: Request, disturb: Callable[[], Awaitable[None]]) -> None:
    async with aclosing(child.ask(request)) as replies:
        async for _ in replies:
            await disturb()


async def test_sound_becomes_text_in_two_other_processes(
    config: ChildConfig, engine: EngineChild, speech: Speech, options: JobOptions, tmp_path: Path
) -> None:
    async with Decoder(config) as decoder:
        told = await everything(decoder.cut(Cut(path=speech["jfk.flac"], folder=tmp_path)))
        opened, *_, chunk, _ = told
        assert isinstance(opened, Opened)
        assert isinstance(chunk, ChunkCut)
        request = Hear(path=chunk.path, options=options, start=chunk.start)
        heard = await everything(engine.hear(request))
        assert "ask what you can do for your country" in text(heard)
        assert heard[-2:] == [Position(11.0), Heard(done=True)]
        assert len({decoder.pid, engine.pid, os.getpid(), None}) == 4


async def test_the_process_stays_warm_between_recordings(child: Child, work: Request) -> None:
    await everything(child.ask(work))
    before = child.pid
    await everything(child.ask(work))
    assert child.pid == before


async def test_the_process_is_replaced_after_many_requests(
    child: Child, work: Request, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert REQUESTS > 50
    await child.kill()
    monkeypatch.setattr("tasks.child.REQUESTS", 2)
    pids = []
    for _ in range(3):
        assert done(await everything(child.ask(work)))
        pids.append(child.pid)
    assert pids[0] == pids[1] != pids[2]


async def test_a_missing_file_is_a_failure_not_a_crash(child: Child, work: Request, tmp_path: Path) -> None:
    assert isinstance(work, Cut | Hear)
    (failed,) = await everything(child.ask(change(work, path=tmp_path / "gone")))
    assert isinstance(failed, Failed)
    assert (failed.code, failed.permanent) == ("engine_failed", False)
    assert str(tmp_path) not in failed.message


async def test_a_process_that_stumbled_is_not_trusted_with_the_next_recording(
    child: Child, work: Request, tmp_path: Path
) -> None:
    assert isinstance(work, Cut | Hear)
    assert done(await everything(child.ask(work)))
    before = child.pid
    await everything(child.ask(change(work, path=tmp_path / "gone")))
    assert child.pid is None
    assert done(await everything(child.ask(work)))
    assert child.pid != before


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT])
async def test_a_crash_is_told_and_the_next_recording_works(
    sign: signal.Signals, child: Child, work: Request
) -> None:
    async def kill() -> None:
        assert child.pid
        os.kill(child.pid, sign)

    with pytest.raises(ChildCrashed) as caught:
        await disturbed(child, work, kill)
    assert (caught.value.kind, caught.value.returncode) == (child.kind, -sign)
    assert done(await everything(child.ask(work)))


async def test_a_process_that_died_while_idle_is_replaced(child: Child, work: Request) -> None:
    await everything(child.ask(work))
    assert child.pid
    os.kill(child.pid, signal.SIGKILL)
    await asyncio.sleep(0.5)
    assert done(await everything(child.ask(work)))


async def test_cancelling_stops_the_work_within_a_second_and_leaves_no_zombie(
    child: Child, work: Request
) -> None:
    begun = asyncio.Event()

    async def working() -> None:
        async with aclosing(child.ask(work)) as replies:
            async for _ in replies:
                begun.set()

    task = asyncio.create_task(working())
    await begun.wait()
    assert child.pid
    process = psutil.Process(child.pid)
    asked = time.monotonic()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert time.monotonic() - asked < 1
    assert not process.is_running()
    assert done(await everything(child.ask(work)))


async def test_cancelling_at_any_moment_of_the_start_leaves_no_process(
    config: ChildConfig, child: Child, work: Request
) -> None:
    await child.kill()
    before = psutil.Process().children()
    for moments in range(12):
        async with type(child)(config) as starting:
            task = asyncio.create_task(everything(starting.ask(work)))
            for _ in range(moments):
                await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert starting.pid is None
    assert psutil.Process().children() == before


async def test_leaving_early_stops_the_work(child: Child, work: Request) -> None:
    async with aclosing(child.ask(work)) as replies:
        await anext(replies)
        assert child.pid
        process = psutil.Process(child.pid)
    assert not process.is_running()


async def test_leaving_with_the_last_word_spares_the_process(child: Child, work: Request) -> None:
    async with aclosing(child.ask(work)) as replies:
        async for reply in replies:
            if done([reply]):
                break
    assert child.pid
    before = child.pid
    assert done(await everything(child.ask(work)))
    assert child.pid == before


async def test_a_process_that_does_not_get_ready_is_given_up_and_ended(
    config: ChildConfig, child: Child, work: Request, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.child.START_SECONDS", 0.01)
    async with type(child)(config) as slow:
        with pytest.raises(ChildCrashed):
            await everything(slow.ask(work))
        assert slow.pid is None


async def test_a_process_that_does_not_get_ready_counts_as_crashed_whoever_starts_it(
    config: ChildConfig, child: Child
) -> None:
    async with type(child)(change(config, memory_mb=1)) as cramped:
        with pytest.raises(ChildCrashed):
            await cramped.start()


async def test_killing_it_ends_the_wait_of_whoever_listens(child: Child, work: Request) -> None:
    with pytest.raises(ChildCrashed) as caught:
        await disturbed(child, work, child.kill)
    assert caught.value.returncode is None
    await child.kill()


async def test_two_requests_at_a_time_are_both_answered(child: Child, work: Request) -> None:
    both = await asyncio.gather(everything(child.ask(work)), everything(child.ask(work)))
    assert both[0] == both[1]
    assert done(both[0])


async def test_a_model_is_made_warm_beforehand(engine: EngineChild) -> None:
    loaded = await engine.load("tiny.en")
    assert (loaded.model, loaded.device) == ("tiny.en", "cpu")


async def test_warming_a_model_that_is_not_offered_fails(engine: EngineChild) -> None:
    with pytest.raises(JobFailed) as caught:
        await engine.load("huge")
    assert caught.value.code == "model_unavailable"
