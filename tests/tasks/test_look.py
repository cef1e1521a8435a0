"""What a bell costs a worker that can do nothing with it."""

from contextlib import ExitStack
from typing import cast

from tasks.child import Decoder, EngineChild
from tasks.crew import Crew
from tasks.look import work_off
from tasks.protocol import ChildConfig
from tasks.stopping import Restart
from webapp.core.house import House
from webapp.core.settings import Settings

NOBODY = cast(House, None)


async def test_worker_that_is_busy_with_everything_asks_nobody(
    settings: Settings, config: ChildConfig
) -> None:
    crew = Crew(settings, Decoder(config), [EngineChild(config)], cast(Restart, _Going()))
    with ExitStack() as busy:
        busy.enter_context(crew.decoder())
        while crew.has_idle_engine:
            busy.enter_context(crew.engine())
        await work_off(crew, None, NOBODY)


class _Going:
    stopping = False

    def ask(self) -> None:
        raise AssertionError
