"""One run, from the undisturbed texts to the audit."""

import asyncio
from dataclasses import dataclass

from tests.chaos import recordings, schedule, snapshot, texts
from tests.chaos.audit import Case, audit
from tests.chaos.client import open_client
from tests.chaos.cluster import Cluster
from tests.chaos.faults import FAULTS
from tests.chaos.recordings import CLIPS
from tests.chaos.schedule import PlannedFault, Schedule
from tests.chaos.settling import Settled, settle
from tests.chaos.stream import Stream
from tests.chaos.watch import Watch
from webapp.core.background import beside


@dataclass(frozen=True)
class Plan:
    """`gap` is the mean pause between two faults, `long` names the long recordings that are sent, and so many
    jobs are under way `at_once`."""

    seed: int
    seconds: float
    gap: float
    long: tuple[str, ...]
    at_once: int

    def draw(self) -> Schedule:
        return schedule.draw(self.seed, self.seconds, [*FAULTS], self.gap, self.long)


@dataclass
class Outcome:
    plan: Plan
    case: Case
    settled: Settled
    watch: Watch
    problems: dict[str, list[str]]

    @property
    def clean(self) -> bool:
        return not any(self.problems.values())


async def trial(cluster: Cluster, plan: Plan) -> Outcome:
    sounds = await asyncio.to_thread(recordings.make, cluster.folder / "recordings", [*plan.long])
    async with open_client(cluster.urls, cluster.token) as client:
        references = await texts.listen(cluster, client, sounds, [*CLIPS, *plan.long])
        stream, watch, drawn = Stream(client, sounds, plan.at_once), Watch(cluster), plan.draw()
        async with beside(watch.run()):
            start = asyncio.get_running_loop().time()
            sending = asyncio.create_task(stream.run(drawn.jobs, start))
            await asyncio.gather(*(_one(cluster, fault, start, watch) for fault in drawn.faults))
            stream.over.set()
            settled = await settle(cluster, stream, sending, references.pace)
    case = Case(await snapshot.take(cluster), [*references.sent, *stream.sent], references)
    await watch.close()
    return Outcome(plan, case, settled, watch, audit(case) | settled.problems(cluster))


async def _one(cluster: Cluster, plan: PlannedFault, start: float, watch: Watch) -> None:
    await asyncio.sleep(start + plan.at - asyncio.get_running_loop().time())
    watch.note(plan)
    cluster.note(f"{plan.name} (of two: {plan.target}, {plan.seconds} s)")
    await FAULTS[plan.name](cluster, plan)
    cluster.note(f"over: {plan.name}")
