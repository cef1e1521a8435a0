"""The vendored browser files are exactly the published ones that their README names."""

import hashlib
import re
from pathlib import Path

import pytest

VENDOR = Path(__file__).parent.parent / "static" / "vendor"
README = (VENDOR / "README.md").read_text()
CHECKSUMS = dict(re.findall(r"^\| `([^`]+)` \|.*\| `([0-9a-f]{64})` \|$", README, re.MULTILINE))


def test_the_table_names_every_vendored_file_and_no_other() -> None:
    served = {path.name for path in VENDOR.iterdir() if path.suffix in {".js", ".css"}}
    assert served == set(CHECKSUMS)


@pytest.mark.parametrize("name", sorted(CHECKSUMS))
def test_a_vendored_file_is_the_published_one(name: str) -> None:
    assert hashlib.sha256((VENDOR / name).read_bytes()).hexdigest() == CHECKSUMS[name]


def test_every_licence_text_is_linked_and_every_link_leads_to_one() -> None:
    linked = set(re.findall(r"\(licences/([^)]+)\)", README))
    assert linked == {path.name for path in (VENDOR / "licences").iterdir()}
