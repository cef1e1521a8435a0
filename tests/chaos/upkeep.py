"""The rounds that workers do by themselves now and then, at once: `python -m tests.chaos.upkeep`.

Prints how many objects lay in the bucket that no row named.
"""

import asyncio

from webapp.core import removals, sweeping, upkeep
from webapp.core.house import open_house
from webapp.core.settings import settings_or_exit


async def main() -> None:
    sweeping._SETTLED_S = 0  # everything has ended: nothing is about to be written down any more
    async with open_house(settings_or_exit()) as house:
        await upkeep.reconcile(house)
        await removals.carry_out(house)
        await upkeep.purge(house)
        print(await sweeping.sweep(house))


if __name__ == "__main__":
    asyncio.run(main())
