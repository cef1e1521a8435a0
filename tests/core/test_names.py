"""Whatever a file is called: people see a clean name or a clear refusal, and no path is ever made of it."""

import unicodedata
from pathlib import Path
from uuid import UUID

import pytest

from tasks.sound import fetch_recording
from tests.support.domain import Arrive
from tests.support.names import KNOWN, fuzzed_names
from webapp.core import jobs, uploads
from webapp.core.errors import DomainError, UnsupportedType
from webapp.core.house import House
from webapp.core.names import LONGEST, display_name
from webapp.core.options import WantedOptions
from webapp.core.tables import Upload

FUZZED = fuzzed_names(1000)
# Controls, halves of characters, private and unassigned characters, separators of lines and paragraphs.
UNSHOWN = {"Cc", "Cs", "Co", "Cn", "Zl", "Zp"}
TURNS = set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def unclean(shown: str) -> bool:
    return (
        not 0 < len(shown) <= LONGEST
        or bool(set(shown) & (TURNS | set("/\\\0\r\n")))
        or any(unicodedata.category(character) in UNSHOWN for character in shown)
        or shown != shown.strip()
    )


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_what_is_shown_is_one_clean_line() -> None:
    names = [*KNOWN.values(), *FUZZED]
    assert not [name for name in names if unclean(display_name(name))]


def test_what_is_shown_stays_as_it_is_when_it_comes_back() -> None:
    names = [display_name(name) for name in (*KNOWN.values(), *FUZZED)]
    assert not [name for name in names if display_name(name) != name]


async def test_each_name_is_taken_under_a_key_of_ours_or_refused(house: House, owner: UUID) -> None:
    strange: dict[str, str] = {}
    for name in (*KNOWN.values(), *FUZZED[:200]):
        try:
            upload, presigned = await uploads.prepare(house, owner, name, "audio/mpeg", 1000)
        except UnsupportedType as refusal:
            if not refusal.message.startswith("This does not look like a recording. Accepted are: "):
                strange[name] = refusal.message
            continue
        kept = await Upload.objects().where(Upload.id == upload.id).first()
        assert kept
        if unclean(kept.filename) or kept.key != f"uploads/{owner}/{upload.id}":
            strange[name] = repr(kept)
        if presigned.fields["key"] != kept.key or kept.filename in str(presigned):
            strange[name] = str(presigned)
    assert not strange


async def test_a_worker_keeps_the_recording_under_a_name_of_its_own(
    house: House, owner: UUID, arrive: Arrive, tmp_path: Path
) -> None:
    upload = await arrive(name="../../-rf\0\u202e$(id).flac")
    job, _ = await jobs.submit(house, owner, upload, WantedOptions())
    (folder := tmp_path / "work").mkdir()
    path = await fetch_recording(house, job, folder)
    assert path == folder / "recording"
    assert files_in(tmp_path) == [path]
    assert job.object_key == f"recordings/{owner}/{upload.id}"


@pytest.mark.parametrize("name", ["talk.exe", "..", "", "talk.mp3\0.exe"])
async def test_a_name_without_an_accepted_extension_is_refused(house: House, owner: UUID, name: str) -> None:
    with pytest.raises(DomainError, match="Accepted are"):
        await uploads.prepare(house, owner, name, "audio/mpeg", 1000)
