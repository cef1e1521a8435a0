"""Several requests share an engine's process; its death, and a failure, concern all of them."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from tasks.answers import WAITING, Answers, ChildCrashed
from tasks.child import EngineChild
from tasks.protocol import Failed, Hear, Heard, Position, Reply
from tests.support.children import everything, text

change = msgspec.structs.replace


@pytest.fixture
def long(hear: Hear, minute: Path) -> Hear:
    """Told window by window, of which it has several."""
    return change(hear, path=minute, options=change(hear.options, vad_filter=False))


@pytest.fixture
def broken(hear: Hear, tmp_path: Path) -> Hear:
    return change(hear, path=tmp_path / "gone")


class Log:
    """What several askers were told, in the order in which they were."""

    def __init__(self, engine: EngineChild) -> None:
        self._engine = engine
        self.told: list[tuple[str, Reply]] = []
        self.pids: dict[str, int | None] = {}

    async def ask(self, name: str, request: Hear, *, alone: bool = False) -> list[Reply]:
        async with aclosing(self._engine.ask(request, alone=alone)) as replies:
            async for reply in replies:
                self.told.append((name, reply))
                self.pids[name] = self._engine.pid
        return self.of(name)

    def of(self, name: str) -> list[Reply]:
        return [reply for each, reply in self.told if each == name]

    def first(self, name: str) -> int:
        return min(place for place, (each, _) in enumerate(self.told) if each == name)

    def last(self, name: str) -> int:
        return max(place for place, (each, _) in enumerate(self.told) if each == name)

    @asynccontextmanager
    async def under_way(self, name: str, request: Hear) -> AsyncIterator["asyncio.Task[list[Reply]]"]:
        task = asyncio.create_task(self.ask(name, request))
        try:
            while not (self.of(name) or task.done()):  # noqa: ASYNC110 - it is told here alone
                await asyncio.sleep(0.01)
            yield task
        finally:
            task.cancel()
            await asyncio.wait([task])


@pytest.fixture
def log(engine: EngineChild) -> Log:
    return Log(engine)


async def test_two_at_a_time_are_answered_apart(log: Log, hear: Hear, long: Hear) -> None:
    await asyncio.gather(log.ask("long", long), log.ask("short", change(hear, start=500.0)))
    assert log.of("short")[-2:] == [Position(511.0), Heard(done=True)]
    assert log.of("long")[-2:] == [Position(60.0), Heard(done=True)]
    assert "country" in text(log.of("short"))
    assert "country" not in text(log.of("long"))
    assert log.pids["long"] == log.pids["short"]


async def test_what_is_short_does_not_wait_for_what_is_long(log: Log, hear: Hear, long: Hear) -> None:
    async with log.under_way("long", long) as other:
        await log.ask("short", hear)
        await other
    assert log.last("short") < log.last("long")


async def test_whoever_leaves_disturbs_nobody_else(
    log: Log, engine: EngineChild, hear: Hear, long: Hear
) -> None:
    async with log.under_way("leaving", long) as leaving:
        staying = asyncio.create_task(log.ask("staying", hear))
        await asyncio.sleep(0)
        before = engine.pid
        leaving.cancel()
        told = await staying
    assert "country" in text(told)
    assert told[-1] == Heard(done=True)
    assert log.pids["staying"] == engine.pid == before


async def test_what_nobody_waits_for_is_not_done(
    log: Log, engine: EngineChild, hear: Hear, long: Hear
) -> None:
    """Or the next request would wait for it: it is answered first."""
    async with log.under_way("leaving", long) as leaving, log.under_way("staying", long) as staying:
        leaving.cancel()
        await asyncio.wait([leaving])
        await log.ask("next", hear)
        await staying
    assert log.last("next") < log.last("staying")


async def test_the_last_to_leave_ends_the_process(log: Log, engine: EngineChild, long: Hear) -> None:
    async with log.under_way("one", long) as one, log.under_way("other", long) as other:
        one.cancel()
        await asyncio.wait([one])
        assert engine.pid is not None
        other.cancel()
        await asyncio.wait([other])
        assert engine.pid is None


async def test_a_crash_reaches_all_who_wait(log: Log, engine: EngineChild, hear: Hear, long: Hear) -> None:
    async with log.under_way("one", long) as one, log.under_way("other", long) as other:
        assert engine.pid
        os.kill(engine.pid, signal.SIGKILL)
        for asker in (one, other):
            with pytest.raises(ChildCrashed) as caught:
                await asker
            assert caught.value.returncode == -signal.SIGKILL
    assert "country" in text(await log.ask("next", hear))


async def test_who_wants_to_be_alone_waits_for_others_and_keeps_others_out(
    log: Log, hear: Hear, long: Hear
) -> None:
    async with log.under_way("before", long) as before:
        alone = asyncio.create_task(log.ask("alone", hear, alone=True))
        await asyncio.sleep(0)
        after = asyncio.create_task(log.ask("after", hear))
        await asyncio.gather(before, alone, after)
    assert log.last("before") < log.first("alone")
    assert log.last("alone") < log.first("after")


async def test_two_who_want_to_be_alone_take_turns(log: Log, hear: Hear) -> None:
    await asyncio.gather(log.ask("one", hear, alone=True), log.ask("other", hear, alone=True))
    assert log.last("one") < log.first("other")


async def test_who_gives_up_waiting_to_be_alone_keeps_nobody_out(log: Log, hear: Hear, long: Hear) -> None:
    async with log.under_way("before", long) as before:
        alone = asyncio.create_task(log.ask("alone", hear, alone=True))
        await asyncio.sleep(0)
        after = asyncio.create_task(log.ask("after", hear))
        await asyncio.sleep(0)
        alone.cancel()
        await asyncio.gather(before, after)
    assert log.of("alone") == []
    assert log.first("after") < log.last("before")


async def test_a_process_that_stumbled_is_left_to_those_who_wait_and_then_replaced(
    log: Log, engine: EngineChild, broken: Hear, hear: Hear, long: Hear
) -> None:
    async with log.under_way("before", long) as before:
        (failed,) = await log.ask("broken", broken)
        assert isinstance(failed, Failed)
        after = asyncio.create_task(log.ask("after", hear))
        await asyncio.gather(before, after)
    assert log.of("before")[-1] == log.of("after")[-1] == Heard(done=True)
    assert log.last("before") < log.first("after")
    assert log.pids["before"] == log.pids["broken"] != log.pids["after"]


async def test_all_who_waited_for_a_new_process_share_it(
    log: Log, broken: Hear, hear: Hear, long: Hear
) -> None:
    async with log.under_way("before", long) as before:
        await log.ask("broken", broken)
        waiting = [asyncio.create_task(log.ask(name, long)) for name in ("one", "other")]
        await asyncio.gather(before, *waiting)
    assert log.pids["one"] == log.pids["other"]
    assert log.first("other") < log.last("one")


async def test_of_those_who_wait_one_may_give_up(log: Log, broken: Hear, hear: Hear, long: Hear) -> None:
    async with log.under_way("before", long) as before:
        await log.ask("broken", broken)
        first, second = (asyncio.create_task(log.ask(name, hear)) for name in ("first", "second"))
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.gather(before, second)
    assert log.of("first") == []
    assert log.of("second")[-1] == Heard(done=True)


async def test_killing_it_ends_the_wait_of_all(log: Log, engine: EngineChild, long: Hear, hear: Hear) -> None:
    async with log.under_way("other", long) as other:
        await engine.kill()
        with pytest.raises(ChildCrashed):
            await other
    assert "country" in text(await everything(engine.hear(hear)))


async def test_whoever_leaves_without_having_listened_holds_up_nobody() -> None:
    answers = Answers()
    for _ in range(WAITING):
        await answers.put(Position(1.0))
    one_more = asyncio.create_task(answers.put(Position(2.0)))
    await asyncio.sleep(0)
    assert not one_more.done()
    answers.leave()
    async with asyncio.timeout(5):
        await one_more
