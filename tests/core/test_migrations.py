"""Rows of the release before survive the way to this one, and back."""

from local.servers import Servers
from tests.support.releases import CHUNKS, first_release


async def test_text_that_owners_could_read_stays_and_work_is_begun_anew(servers: Servers) -> None:
    async with first_release(servers.postgres.url) as release:
        working = await release.job("processing", attempt=1)
        failed = await release.job("failed", attempt=3, error_code="x", position=100.0)
        completed = await release.job("completed", attempt=1)
        for job, last in ((working, "processing"), (failed, "processing"), (completed, "completed")):
            await release.chunk(job, 0, 0.0, 30.0, "completed")
            await release.chunk(job, 1, 30.0, 150.0, last)
        await release.run(CHUNKS.FORWARDS)
        assert await release.texts(working) == [" part 0"]
        assert await release.texts(failed) == await release.texts(completed) == [" part 0", " part 1"]
        assert (
            await release.connection.fetchval("SELECT count(*) FROM chunks WHERE lease_token IS NOT NULL")
            == 0
        )
        planned = "SELECT id FROM jobs WHERE planned_at IS NOT NULL"
        assert [row["id"] for row in await release.connection.fetch(planned)] == [completed]


async def test_processes_of_the_release_before_go_on_until_they_are_replaced(servers: Servers) -> None:
    """They write and read their columns, and know nothing of the new ones."""
    async with first_release(servers.postgres.url) as release:
        await release.run(CHUNKS.FORWARDS)
        job = await release.job("processing", attempt=1)
        await release.chunk(job, 0, 0.0, 30.0, "processing")
        await release.connection.execute("UPDATE jobs SET attempt_position = 3, attempt_started_at = now()")


async def test_way_back_leaves_no_hole_in_what_the_release_before_goes_on_with(servers: Servers) -> None:
    """It takes up a job after the last chunk there is, and counts them to know the next one's number."""
    async with first_release(servers.postgres.url) as release:
        await release.run(CHUNKS.FORWARDS)
        job = await release.job("pending")
        for index, status in enumerate(("completed", "pending", "completed")):
            await release.chunk(job, index, 30.0 * index, 30.0 * (index + 1), status)
        await release.run(CHUNKS.BACKWARDS)
        assert await release.texts(job) == [" part 0"]
        await release.run(CHUNKS.FORWARDS)
