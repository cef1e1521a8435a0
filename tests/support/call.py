"""A telephone call, heard by hand: two channels, two languages, and passages that may not be right."""

from collections.abc import Iterable

from tests.support.work import begun, finished
from webapp.core import work
from webapp.core.house import House
from webapp.core.tables import Job
from webapp.core.transcript import Segment

# As they are heard: one channel after the other.
CALL = (
    Segment(0.0, 4.0, " Good morning, how are you?", channel=0, language="en"),
    Segment(6.2, 6.6, " Fine. Fine. Fine.", channel=0, language="en", doubts=["repetitive", "too_fast"]),
    Segment(3.5, 6.0, " 你好。", channel=1, language="zh"),
    Segment(6.3, 9.0, " <b>好</b>。", channel=1, language="zh", doubts=["repetitive"]),
)


async def spoken(house: House, job: Job, segments: Iterable[Segment] = CALL) -> None:
    claim = await begun(house, job)
    for index, segment in enumerate(segments):
        await work.save_segment(house, claim, index, segment)
    await finished(house, claim)
