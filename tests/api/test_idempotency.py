"""Requests that are repeated with their key: done once, answered each time."""

from uuid import uuid4

import httpx
import pytest

from tests.support.domain import Arrive
from tests.support.keys import JOBS, UPLOADS, WISH, keyed, replayed
from webapp.core import upkeep
from webapp.core.house import House
from webapp.core.tables import IdempotencyKey, Job, Upload


async def test_a_repeated_job_gets_the_answer_that_was_given(
    client: httpx.AsyncClient, arrive: Arrive
) -> None:
    wish = {"upload": str((await arrive()).id), "language": "en"}
    first = await client.post(JOBS, json=wish, headers=keyed("one"))
    assert (first.status_code, replayed(first)) == (201, False), first.text
    await client.post(f"{first.headers['location']}/cancel")

    again = await client.post(JOBS, json=wish, headers=keyed("one"))
    assert (again.status_code, replayed(again)) == (201, True)
    assert again.content == first.content
    assert again.headers["location"] == first.headers["location"]
    assert again.headers["content-type"] == first.headers["content-type"]
    # Without the key it is what it always was: the job, as it is now.
    now = await client.post(JOBS, json=wish)
    assert (now.status_code, replayed(now), now.json()["status"]) == (200, False, "cancelled")


async def test_a_repeated_upload_is_prepared_once(client: httpx.AsyncClient) -> None:
    first = await client.post(UPLOADS, json=WISH, headers=keyed("one"))
    again = await client.post(UPLOADS, json=WISH, headers=keyed("one"))
    assert (again.status_code, again.content) == (201, first.content)
    assert (replayed(first), replayed(again)) == (False, True)
    assert await Upload.count() == 1
    other = await client.post(UPLOADS, json=WISH, headers=keyed("two"))
    assert other.json()["id"] != first.json()["id"]
    assert {(await client.post(UPLOADS, json=WISH)).json()["id"] for _ in range(2)}.isdisjoint(
        {first.json()["id"], other.json()["id"]}
    )


async def test_a_key_belongs_to_one_request(client: httpx.AsyncClient, arrive: Arrive) -> None:
    upload = str((await arrive()).id)
    await client.post(JOBS, json={"upload": upload}, headers=keyed("one"))
    for address, wish in ((JOBS, {"upload": upload, "language": "fr"}), (UPLOADS, WISH)):
        answer = await client.post(address, json=wish, headers=keyed("one"))
        assert answer.status_code == 422, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["code"] == "idempotency_key_reused"
        assert answer.json()["field"] == "Idempotency-Key"
    assert (await Job.count(), await Upload.count()) == (1, 1)


async def test_what_a_request_says_counts_and_not_how_it_is_written(client: httpx.AsyncClient) -> None:
    first = await client.post(UPLOADS, json=WISH, headers=keyed('"a \\"b\\" c"'))
    rewritten = '{ "size": 1000,\n "filename": "\\u0074alk.flac" }'
    again = await client.post(UPLOADS, content=rewritten, headers=keyed('a "b" c'))
    assert replayed(again), again.text
    assert again.content == first.content


async def test_keys_of_others_are_other_keys(
    client: httpx.AsyncClient, others_client: httpx.AsyncClient, arrive: Arrive
) -> None:
    mine = await client.post(UPLOADS, json=WISH, headers=keyed("one"))
    theirs = await others_client.post(UPLOADS, json=WISH, headers=keyed("one"))
    assert (theirs.status_code, replayed(theirs)) == (201, False)
    assert theirs.json()["id"] != mine.json()["id"]
    wish = {"upload": str((await arrive()).id)}
    assert (await client.post(JOBS, json=wish, headers=keyed("two"))).status_code == 201
    theirs = await others_client.post(JOBS, json=wish, headers=keyed("two"))
    assert (theirs.status_code, theirs.json()["code"]) == (404, "upload_not_found")


async def test_answers_are_kept_for_a_day(client: httpx.AsyncClient, house: House, arrive: Arrive) -> None:
    wish = {"upload": str((await arrive()).id)}
    made = await client.post(JOBS, json=wish, headers=keyed("job"))
    form = await client.post(UPLOADS, json=WISH, headers=keyed("upload"))
    await _pass_time("23 hours 59 minutes")
    await upkeep.purge(house)
    assert [row["key"] for row in await IdempotencyKey.select()] == ["job"]
    again = await client.post(JOBS, json=wish, headers=keyed("job"))
    assert (replayed(again), again.content) == (True, made.content)
    # The form had run out long before.
    other = await client.post(UPLOADS, json=WISH, headers=keyed("upload"))
    assert (replayed(other), other.json()["id"] == form.json()["id"]) == (False, False)

    await _pass_time("2 minutes")
    late = await client.post(JOBS, json=wish, headers=keyed("job"))
    assert (late.status_code, replayed(late)) == (200, False)
    await _pass_time("25 hours")
    await upkeep.purge(house)
    assert not await IdempotencyKey.count()


async def test_a_form_is_given_again_while_it_is_good(client: httpx.AsyncClient, house: House) -> None:
    first = await client.post(UPLOADS, json=WISH, headers=keyed("one"))
    await _pass_time(f"{house.settings.upload_expires_s - 30} seconds")
    assert (await client.post(UPLOADS, json=WISH, headers=keyed("one"))).content == first.content
    await _pass_time("31 seconds")
    other = {**WISH, "filename": "other.flac"}
    assert (await client.post(UPLOADS, json=other, headers=keyed("one"))).status_code == 201


async def test_nothing_is_kept_of_what_was_deleted(client: httpx.AsyncClient, arrive: Arrive) -> None:
    wish = {"upload": str((await arrive()).id), "initial_prompt": "A secret."}
    made = await client.post(JOBS, json=wish, headers=keyed("one"))
    assert (await client.delete(made.headers["location"])).is_success
    assert not await IdempotencyKey.count()
    again = await client.post(JOBS, json=wish, headers=keyed("one"))
    assert (again.status_code, again.json()["code"]) == (404, "upload_not_found")


@pytest.mark.parametrize(
    "key", [b"", b'""', b'"', b'"half', b'"a"b"', b"x" * 256, b"a\tb", "schlüssel".encode(), b"\xff"]
)
async def test_a_key_that_is_none_is_refused(client: httpx.AsyncClient, key: bytes) -> None:
    answer = await client.post(UPLOADS, json=WISH, headers={b"Idempotency-Key": key})
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_idempotency_key"), answer.text
    assert answer.json()["field"] == "Idempotency-Key"
    assert not await Upload.count()


@pytest.mark.parametrize("key", ["x" * 255, "null", "1", f'"{uuid4()}"', "a, b", "'"])
async def test_a_key_is_any_text(client: httpx.AsyncClient, key: str) -> None:
    first, again = [await client.post(UPLOADS, json=WISH, headers=keyed(key)) for _ in range(2)]
    assert (again.content, replayed(again)) == (first.content, True)


async def test_a_key_opens_nothing(visitor: httpx.AsyncClient) -> None:
    assert (await visitor.post(UPLOADS, json=WISH, headers=keyed("one"))).status_code == 401
    assert not await IdempotencyKey.count()


async def _pass_time(span: str) -> None:
    await IdempotencyKey.raw("UPDATE idempotency_keys SET expires_at = expires_at - {}::text::interval", span)
