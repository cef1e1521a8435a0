"""How long a child may take, and that it is ended when it takes longer."""

import asyncio
import os
import signal
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import psutil
import pytest

from tasks.answers import ChildCrashed
from tasks.child import Decoder
from tasks.limits import within_limits
from tasks.protocol import ChildConfig, Cut, CutDone, Opened, Position, Reply
from webapp.core.errors import JobFailed
from webapp.core.house import House
from webapp.core.settings import Settings

Limits = Callable[..., House]


@pytest.fixture
def limits(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Limits:
    def made(*, base: float = 60.0, stall: int = 900, factor: float = 30.0) -> House:
        monkeypatch.setattr("tasks.limits._BASE_S", base)
        changed = replace(settings, engine_stall_s=stall, time_limit_factor=factor)
        return cast(House, SimpleNamespace(settings=changed))

    return made


class Talker:
    """A child that says something every so often."""

    def __init__(self, times: int, pause: float) -> None:
        self.said = 0
        self.ended = False
        self._times = times
        self._pause = pause

    async def replies(self) -> AsyncGenerator[Reply, None]:
        try:
            while self.said < self._times:
                await asyncio.sleep(self._pause)
                self.said += 1
                yield Position(float(self.said))
        finally:
            self.ended = True


async def limited(
    house: House, talker: Talker, seconds: Callable[[], float] = lambda: 0.0
) -> AsyncIterator[Reply]:
    async with (
        aclosing(talker.replies()) as replies,
        aclosing(within_limits(house, replies, seconds)) as within,
    ):
        async for reply in within:
            yield reply


async def test_what_is_said_in_time_is_passed_on(limits: Limits) -> None:
    heard = [reply async for reply in limited(limits(), Talker(3, 0.01))]
    assert heard == [Position(1.0), Position(2.0), Position(3.0)]


async def test_a_child_that_falls_silent_is_stalled_and_ended(limits: Limits) -> None:
    talker = Talker(1, 3600)
    with pytest.raises(JobFailed) as failed:
        _ = [reply async for reply in limited(limits(stall=1), talker)]
    assert (failed.value.code, failed.value.permanent) == ("engine_stalled", False)
    assert failed.value.message.endswith(".")
    assert talker.ended


async def test_a_child_that_goes_on_talking_but_does_not_finish_is_too_slow(limits: Limits) -> None:
    talker = Talker(1000, 0.05)
    with pytest.raises(JobFailed) as failed:
        _ = [reply async for reply in limited(limits(base=0.5, factor=0.0), talker)]
    assert (failed.value.code, failed.value.permanent) == ("too_slow", False)
    assert failed.value.message.endswith(".")
    assert 0 < talker.said <= 10
    assert talker.ended


async def test_more_sound_may_take_more_time(limits: Limits) -> None:
    house = limits(base=0.2, factor=0.01)
    heard = [reply async for reply in limited(house, Talker(10, 0.05), lambda: 100.0)]
    assert len(heard) == 10
    with pytest.raises(JobFailed):
        _ = [reply async for reply in limited(house, Talker(20, 0.05), lambda: 31.0)]


async def test_sound_shorter_than_the_model_takes_in_is_given_the_time_for_that(limits: Limits) -> None:
    heard = [reply async for reply in limited(limits(base=0.0, factor=0.02), Talker(8, 0.05), lambda: 1.0)]
    assert len(heard) == 8


async def test_time_before_the_first_reply_is_for_the_model_to_be_fetched(limits: Limits) -> None:
    heard = [reply async for reply in limited(limits(base=0.1, factor=0.0), Talker(1, 0.5))]
    assert len(heard) == 1


async def test_the_sound_that_is_known_of_may_grow_on_the_way(limits: Limits) -> None:
    talker = Talker(20, 0.1)
    heard = [
        reply async for reply in limited(limits(base=1.0, factor=0.05), talker, lambda: 30 + talker.said)
    ]
    assert len(heard) == 20


async def test_time_that_we_spend_on_a_reply_does_not_count(limits: Limits) -> None:
    """A database that is away is not the child's fault."""
    heard = 0
    async for _ in limited(limits(base=0.5, stall=1), Talker(3, 0.01)):
        await asyncio.sleep(1.2)
        heard += 1
    assert heard == 3


async def test_a_time_out_of_something_else_is_left_as_it_is(limits: Limits) -> None:
    async def broken() -> AsyncGenerator[Reply, None]:
        yield Opened(None)
        raise TimeoutError("something else")

    with pytest.raises(TimeoutError, match="something else"):
        async with aclosing(within_limits(limits(), broken(), lambda: 0.0)) as within:
            _ = [reply async for reply in within]


async def test_being_cancelled_is_no_stall(limits: Limits) -> None:
    talker = Talker(1, 3600)
    begun = asyncio.Event()

    async def work() -> None:
        begun.set()
        async for _ in limited(limits(stall=900), talker):
            pass

    task = asyncio.create_task(work())
    await begun.wait()
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert talker.ended


async def cut(house: House, decoder: Decoder, request: Cut, then: Callable[[], None]) -> list[Reply]:
    told = []
    async with (
        aclosing(decoder.cut(request)) as replies,
        aclosing(within_limits(house, replies, lambda: 0.0)) as within,
    ):
        async for reply in within:
            told.append(reply)
            then()
    return told


async def test_a_process_that_hangs_is_killed_and_the_next_recording_works(
    limits: Limits, config: ChildConfig, long_speech: Path, tmp_path: Path
) -> None:
    request = Cut(path=long_speech, folder=tmp_path)
    async with Decoder(config) as decoder:
        await decoder.start()
        process = psutil.Process(decoder.pid)
        with pytest.raises(JobFailed) as failed:
            await cut(limits(stall=1), decoder, request, process.suspend)
        assert failed.value.code == "engine_stalled"
        assert not process.is_running()
        told = await cut(limits(), decoder, request, lambda: None)
        assert isinstance(told[-1], CutDone)


async def test_a_crash_is_not_taken_for_a_stall(
    limits: Limits, config: ChildConfig, long_speech: Path, tmp_path: Path
) -> None:
    async with Decoder(config) as decoder:

        def kill() -> None:
            assert decoder.pid
            os.kill(decoder.pid, signal.SIGKILL)

        with pytest.raises(ChildCrashed):
            await cut(limits(stall=5), decoder, Cut(path=long_speech, folder=tmp_path), kill)
