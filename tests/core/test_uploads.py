"""From a wish to upload to an object in the bucket: the real store enforces what we signed."""

import asyncio
import os
import signal
from datetime import timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.servers import Servers
from tests.support.domain import send
from webapp.core import jobs, removals, upkeep, uploads
from webapp.core.bucket_rules import INCOMING, lifecycle
from webapp.core.clock import now
from webapp.core.errors import Conflict, Invalid, NotFound, TooLarge, UnsupportedType
from webapp.core.house import House
from webapp.core.names import LONGEST, display_name, extension
from webapp.core.options import WantedOptions
from webapp.core.tables import LoginSession, Upload, User

CONTENT = b"sound" * 200


async def test_key_is_ours_and_begins_with_its_owner(house: House, owner: UUID) -> None:
    upload, presigned = await uploads.prepare(house, owner, "../../etc/passwd.mp3", "audio/mpeg", 1000)
    assert upload.key == f"{INCOMING}{owner}/{upload.id}"
    assert presigned.fields["key"] == upload.key
    assert upload.filename == "passwd.mp3"


async def test_store_takes_exactly_what_was_announced(house: House, owner: UUID) -> None:
    upload, presigned = await uploads.prepare(house, owner, "a.mp3", "audio/mpeg", len(CONTENT))
    assert (await send(presigned, CONTENT)).status_code == 201
    stored = await house.storage.head(upload.key)
    assert stored is not None
    assert stored.size == len(CONTENT)


@pytest.mark.parametrize(
    ("change", "content"),
    [
        ({}, CONTENT + b"!"),
        ({}, CONTENT[1:]),
        ({"key": "uploads/somebody/else"}, CONTENT),
        ({"Content-Type": "text/html"}, CONTENT),
        ({"success_action_status": "200"}, CONTENT),
        ({"x-amz-meta-extra": "field"}, CONTENT),
        ({"x-amz-signature": "0" * 64}, CONTENT),
    ],
    ids=["longer", "shorter", "other-key", "other-type", "other-answer", "extra-field", "no-signature"],
)
async def test_store_refuses_all_else(
    house: House, owner: UUID, change: dict[str, str], content: bytes
) -> None:
    upload, presigned = await uploads.prepare(house, owner, "a.mp3", "audio/mpeg", len(CONTENT))
    presigned.fields.update(change)
    assert (await send(presigned, content)).status_code in (400, 403)
    assert await house.storage.head(upload.key) is None


async def test_expired_form_is_refused(house: House, owner: UUID, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(house.storage, "_settings", _Expired())
    upload, presigned = await uploads.prepare(house, owner, "a.mp3", "audio/mpeg", len(CONTENT))
    assert (await send(presigned, CONTENT)).status_code == 403
    assert await house.storage.head(upload.key) is None


class _Expired:
    upload_expires_s = -10


async def test_put_is_bound_to_type_and_exact_size(house: House, owner: UUID) -> None:
    upload, _ = await uploads.prepare(house, owner, "a.mp3", "audio/mpeg", len(CONTENT))
    presigned = house.storage.presign_put(upload.key, "audio/mpeg", len(CONTENT))
    assert (await send(presigned, CONTENT + b"!")).status_code == 403
    presigned.headers["Content-Type"] = "text/html"
    assert (await send(presigned, CONTENT)).status_code == 403
    presigned.headers["Content-Type"] = "audio/mpeg"
    assert (await send(presigned, CONTENT)).status_code == 200


@pytest.mark.parametrize(
    ("name", "content_type", "size", "error"),
    [
        ("a.mp3", "audio/mpeg", 0, Invalid),
        ("a.mp3", "audio/mpeg", -5, Invalid),
        ("a.mp3", "audio/mpeg", 10**12, TooLarge),
        ("a.exe", "audio/mpeg", 10, UnsupportedType),
        ("mp3", "audio/mpeg", 10, UnsupportedType),
        ("a.mp3", "text/html", 10, UnsupportedType),
        ("a.mp3", "image/svg+xml", 10, UnsupportedType),
        ("", "audio/mpeg", 10, UnsupportedType),
        ("a.mp3", "audio/\0", 10, UnsupportedType),
        ("a.mp3", "audio/x\r\nX-Y: z", 10, UnsupportedType),
        ("a.mp3", "audio/" + "x" * 500, 10, UnsupportedType),
    ],
)
async def test_what_cannot_be_a_recording_is_refused_before_it_is_sent(
    house: House, owner: UUID, name: str, content_type: str, size: int, error: type[Exception]
) -> None:
    with pytest.raises(error):
        await uploads.prepare(house, owner, name, content_type, size)
    assert await Upload.count() == 0


async def test_plain_form_takes_any_size_up_to_the_limit_and_leads_back(house: House, owner: UUID) -> None:
    options = WantedOptions(language="de", hotwords="Lite\0star")
    upload, presigned = await uploads.prepare_form(house, owner, "Interview", options, "http://me/back/")
    answer = await send(presigned, CONTENT)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith(f"http://me/back/{upload.id}")
    kept = uploads.options_of(await uploads.find(owner, upload.id))
    assert (kept.language, kept.hotwords) == ("de", "Lite star")
    job, _ = await jobs.submit(house, owner, upload, kept)
    assert (job.filename, job.language, job.object_size) == ("Interview", "de", len(CONTENT))


async def test_empty_file_through_a_plain_form_leaves_nothing(house: House, owner: UUID) -> None:
    upload, presigned = await uploads.prepare_form(house, owner, "", WantedOptions(), "http://me/")
    assert (await send(presigned, b"")).status_code in (400, 403)
    with pytest.raises(Conflict, match="has not arrived"):
        await jobs.submit(house, owner, upload, WantedOptions())


async def test_uploads_of_others_are_not_found(house: House, owner: UUID, stranger: UUID) -> None:
    upload, _ = await uploads.prepare(house, owner, "a.mp3", "audio/mpeg", 1000)
    assert (await uploads.find(owner, upload.id)).id == upload.id
    with pytest.raises(NotFound):
        await uploads.find(stranger, upload.id)
    with pytest.raises(NotFound):
        await uploads.find_by_key(stranger, upload.key)


async def test_abandoned_upload_is_cleared_away_and_a_used_one_is_not(house: House, owner: UUID) -> None:
    abandoned, form = await uploads.prepare(house, owner, "a.mp3", "audio/mpeg", len(CONTENT))
    await send(form, CONTENT)
    used, form = await uploads.prepare(house, owner, "b.mp3", "audio/mpeg", len(CONTENT))
    await send(form, CONTENT)
    job, _ = await jobs.submit(house, owner, used, WantedOptions())
    await Upload.update({Upload.created_at: now() - timedelta(days=3)}, force=True)
    await upkeep.purge(house)
    await removals.carry_out(house)
    assert [row["id"] for row in await Upload.select(Upload.id)] == [used.id]
    assert await house.storage.head(abandoned.key) is None
    assert await house.storage.head(job.object_key) is not None


def test_no_recording_is_ever_expired_by_the_bucket() -> None:
    """Only what was left behind, and sound that is cut out of the recording again if it is missed."""
    expiring = [rule for rule in lifecycle(2)["Rules"] if "Expiration" in rule]
    assert [rule["Filter"]["Prefix"] for rule in expiring] == ["uploads/", "chunks/"]


def test_broken_off_copies_are_cleared_away_wherever_they_lie() -> None:
    rules = lifecycle(2)["Rules"]
    cleared = {rule["Filter"]["Prefix"] for rule in rules if "AbortIncompleteMultipartUpload" in rule}
    assert cleared == {"uploads/", "recordings/"}


@pytest.mark.parametrize(
    ("given_name", "shown"),
    [
        ('say "hi" & <b>.mp3', 'say "hi" & <b>.mp3'),
        ("C:\\Users\\me\\talk.wav", "talk.wav"),
        ("line\nbreak\r\n.mp3", "line break .mp3"),
        ("👩‍👩‍👧 Семья עברית.m4a", "👩‍👩‍👧 Семья עברית.m4a"),
        ("evil\u202e3pm.exe.mp3", "evil3pm.exe.mp3"),
        ("\0\x07", "recording"),
        ("", "recording"),
        ("dir/", "dir"),
    ],
)
def test_names_are_shown_as_given_but_for_what_deceives(given_name: str, shown: str) -> None:
    assert display_name(given_name) == shown


def test_long_name_keeps_its_extension() -> None:
    shown = display_name("x" * 300 + ".flac")
    assert len(shown) <= LONGEST
    assert shown.endswith("….flac")


def test_name_made_to_take_long_takes_no_longer_than_others() -> None:
    """Normalising is quadratic in the marks on one letter: a megabyte of them would take minutes."""
    assert len(display_name("a" + "\u0315\u0300" * 400_000 + ".mp3")) <= LONGEST


@given(st.text(max_size=600))
def test_any_name_becomes_one_short_line(name: str) -> None:
    shown = display_name(name)
    assert 1 <= len(shown) <= LONGEST
    assert shown.isprintable() or "\u200d" in shown or not any(c in shown for c in "\n\r\t\0\u2028")
    assert display_name(shown) == shown
    assert extension(shown) == extension(shown).lower()


async def test_spaces_with_nothing_in_them_are_forgotten(house: House, owner: UUID, stranger: UUID) -> None:
    await uploads.prepare(house, owner, "a.mp3", "audio/mpeg", 100)
    await User.update({User.created_at: now() - timedelta(days=400)}, force=True)
    await LoginSession.update({LoginSession.expires_at: now()}, force=True)
    await upkeep.purge(house)
    assert [row["id"] for row in await User.select(User.id)] == [owner]


async def test_storage_that_hangs_takes_no_threads_from_others(
    house: House, owner: UUID, servers: Servers
) -> None:
    assert servers.s3.pid
    os.kill(servers.s3.pid, signal.SIGSTOP)
    try:
        hanging = [asyncio.create_task(house.storage.head("uploads/none")) for _ in range(20)]
        await asyncio.sleep(0.2)
        async with asyncio.timeout(2):
            assert await asyncio.to_thread(lambda: "free") == "free"
    finally:
        os.kill(servers.s3.pid, signal.SIGCONT)
    await asyncio.gather(*hanging, return_exceptions=True)
