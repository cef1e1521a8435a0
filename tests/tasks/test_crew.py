import asyncio

from tasks.child import Decoder, EngineChild
from tasks.crew import Crew
from tasks.protocol import ChildConfig
from tasks.stopping import Restart
from webapp.core.settings import Settings


async def test_where_ours_is_busy_there_is_one_further_decoder_at_a_time(
    settings: Settings, config: ChildConfig
) -> None:
    crew = Crew(settings, Decoder(config), [EngineChild(config)], Restart(asyncio.Event()))

    async def one_more() -> None:
        async with crew.any_decoder():
            pass

    with crew.decoder():
        async with crew.any_decoder():
            waiting = asyncio.create_task(one_more())
            await asyncio.sleep(0.05)
            assert not waiting.done()
        await waiting
