"""What streams share, and what they never do."""

import asyncio
from contextlib import AsyncExitStack, aclosing
from uuid import UUID

import pytest

from tests.support.domain import Submit
from tests.web.test_threads import all_threads_busy
from webapp.core import jobs
from webapp.core.events import RESYNC
from webapp.core.house import House
from webapp.eventstream import EventStream
from webapp.feeds import Feeds, Shown
from webapp.pages.events import FollowedList
from webapp.streams import Admission, Batch

PATIENCE_S = 10


class Counting:
    """Says how often it looked."""

    again_s = 60.0

    def __init__(self, owner: UUID) -> None:
        self.looks = 0

    def concerns(self, batch: Batch) -> bool:
        return True

    async def look(self, batch: Batch) -> Shown:
        self.looks += 1
        whole = f"whole {self.looks}".encode() if batch.joined else b""
        return Shown(whole, f"news {self.looks}".encode())


async def _always(owner: UUID) -> UUID:
    return owner


def _may(owner: UUID) -> Admission:
    return Admission(owner, lambda: _always(owner))


async def test_many_streams_of_one_owner_are_rendered_once(house: House, owner: UUID, submit: Submit) -> None:
    feeds, sources = Feeds(house.events), list[Counting]()

    def make(owner: UUID) -> Counting:
        sources.append(Counting(owner))
        return sources[-1]

    async with asyncio.timeout(PATIENCE_S), AsyncExitStack() as stack:
        opened = [stack.enter_context(feeds.open(owner, ("list",), make)) for _ in range(50)]
        readers = [await stack.enter_async_context(aclosing(feed.read(_may(owner)))) for feed in opened]
        assert set(await asyncio.gather(*map(anext, readers))) == {b"whole 1"}
        house.events._tell_all(RESYNC)
        assert set(await asyncio.gather(*map(anext, readers))) == {b"news 2"}
        assert [source.looks for source in sources] == [2]
        assert len(feeds) == 1
    assert len(feeds) == 0


async def test_two_owners_never_share_a_rendering(
    house: House, owner: UUID, stranger: UUID, submit: Submit
) -> None:
    """Though they look at the same address at the same moment."""
    mine, feeds = await submit(), Feeds(house.events)
    async with asyncio.timeout(PATIENCE_S):
        with (
            feeds.open(owner, ("list", None), lambda owner: FollowedList(owner, None)) as ours,
            feeds.open(stranger, ("list", None), lambda owner: FollowedList(owner, None)) as theirs,
        ):
            assert ours is not theirs
            async with (
                aclosing(ours.read(_may(owner))) as one,
                aclosing(theirs.read(_may(stranger))) as other,
            ):
                assert str(mine.id).encode() in await anext(one)
                assert str(mine.id).encode() not in await anext(other)
                await jobs.cancel(house, owner, mine.id)
                assert b'data-status="cancelled"' in await anext(one)
                house.events._tell_all(RESYNC)
                assert str(mine.id).encode() not in await anext(other)


async def test_who_comes_later_is_shown_all_and_the_others_only_news(house: House, owner: UUID) -> None:
    with Feeds(house.events).open(owner, (), Counting) as feed:
        async with asyncio.timeout(PATIENCE_S), aclosing(feed.read(_may(owner))) as first:
            assert await anext(first) == b"whole 1"
            async with aclosing(feed.read(_may(owner))) as second:
                assert await anext(second) == b"whole 2"
            assert await anext(first) == b"news 2"


async def test_who_missed_news_is_shown_all_again(house: House, owner: UUID) -> None:
    with Feeds(house.events).open(owner, (), Counting) as feed:
        async with (
            asyncio.timeout(PATIENCE_S),
            aclosing(feed.read(_may(owner))) as slow,
            aclosing(feed.read(_may(owner))) as fast,
        ):
            await asyncio.gather(anext(slow), anext(fast))
            for number in (2, 3, 4):
                house.events._tell_all(RESYNC)
                assert await anext(fast) == f"news {number}".encode()
            assert await anext(slow) == b"whole 5"


async def test_a_refusal_ends_all_streams_that_the_same_secret_opened(house: House, owner: UUID) -> None:
    asked = 0

    async def ask() -> UUID | None:
        nonlocal asked
        asked += 1
        return None

    feeds = Feeds(house.events)
    admissions = [feeds.admissions.of(owner, "secret", ask) for _ in range(3)]
    admissions[0]._asked -= 1000
    for admission in admissions:
        with feeds.open(owner, (), Counting) as feed, pytest.raises(Exception, match="not accepted any more"):
            await anext(feed.read(admission))
    assert asked == 1
    assert feeds.admissions.of(owner, "another", ask) is not admissions[0]


async def test_a_source_that_breaks_ends_its_streams_and_the_next_one_begins(
    house: House, owner: UUID
) -> None:
    class Broken(Counting):
        async def look(self, batch: Batch) -> Shown:
            raise ConnectionError

    feeds = Feeds(house.events)
    with feeds.open(owner, (), Broken) as feed:
        assert [piece async for piece in feed.read(_may(owner))] == []
        with feeds.open(owner, (), Counting) as next_one:
            assert await anext(next_one.read(_may(owner))) == b"whole 1"


async def test_a_stream_begins_while_shared_threads_hang(house: House, owner: UUID) -> None:
    """Litestar's own answer with events takes a thread before it sends a byte."""
    sent: asyncio.Queue[bytes] = asyncio.Queue()

    async def send(message: object) -> None:
        if isinstance(message, dict) and message["type"] == "http.response.body":
            sent.put_nowait(message["body"])

    async def receive() -> object:
        return await asyncio.Event().wait()

    answer = EventStream(Feeds(house.events).open(owner, (), Counting), _may(owner))
    async with all_threads_busy(), asyncio.timeout(PATIENCE_S):
        answering = asyncio.create_task(answer({}, receive, send))  # type: ignore[arg-type]
        assert await sent.get() == b"whole 1"
        answering.cancel()
