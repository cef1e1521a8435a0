"""What the documents say about settings, routes, commands and files is what there is."""

import dataclasses
import re
from pathlib import Path

import pytest
from litestar.routes import BaseRoute, HTTPRoute

from webapp.app import app
from webapp.core.settings import Settings

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
DOCUMENTS = [README, ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
SETTINGS = {field.name.upper(): field.metadata for field in dataclasses.fields(Settings)}

documents = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)


def test_the_readme_lists_every_setting_with_its_default_and_no_other() -> None:
    rows = re.findall(r"^\| `[A-Z0-9_]+` \|.*$", README.read_text(), re.MULTILINE)
    assert rows == [_row(name) for name in SETTINGS]


def test_the_successors_of_older_settings_exist() -> None:
    rows = re.findall(r"^\| .+? \| (.*?) \| ", (ROOT / "docs/settings.md").read_text(), re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`([A-Z0-9_]+)", row)}
    assert named
    assert named <= set(SETTINGS)


def test_the_routes_of_the_api_are_listed_and_no_other() -> None:
    described = {
        f"{method.upper()} {path}"
        for path, item in app.openapi_schema.to_schema()["paths"].items()
        for method in item
    }
    assert set(_requests("## Routes")) == described


def test_the_routes_of_the_dialect_are_there() -> None:
    listed = set(_requests("## The dialect of audio_text"))
    assert len(listed) == 7
    assert listed <= {request for route in app.routes for request in _served(route)}


def test_error_codes_named_are_those_that_are_given() -> None:
    section = _section("## Errors")
    sources = [*ROOT.glob("webapp/**/*.py"), *ROOT.glob("tasks/*.py")]
    code = "".join(path.read_text() for path in sources)
    given = set(re.findall(r'(?:code ?= ?|(?:JobFailed|MediaError|EngineError)\(\s*)"([a-z_]+)"', code))
    named = set(re.findall(r"`([a-z_]+)`", section))
    # Codes of base classes, which are never raised without one of their own.
    assert given - {"error", "refused"} <= named
    assert len(given) > 20


@documents
def test_every_link_to_a_file_leads_to_one(document: Path) -> None:
    targets = re.findall(r"\]\((?!https?:|#)([^)#]+)", document.read_text())
    assert [target for target in targets if not (document.parent / target).exists()] == []


@documents
def test_every_file_named_exists(document: Path) -> None:
    named = re.findall(r"`((?:[\w.-]+/)+[\w.-]*)`", document.read_text())
    roots = {path.name for path in ROOT.iterdir()}
    ours = [path for path in named if path.split("/")[0] in roots]
    assert [path for path in ours if not (ROOT / path).exists()] == []


@documents
def test_every_make_target_named_exists(document: Path) -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z][a-z-]*):", makefile, re.MULTILINE))
    named = set(re.findall(r"\bmake (?:-s )?([a-z][a-z-]*)`", document.read_text()))
    named |= set(re.findall(r"^make ([a-z][a-z-]*)", document.read_text(), re.MULTILINE))
    assert named <= targets


def _section(title: str) -> str:
    return (ROOT / "docs/api.md").read_text().split(f"\n{title}\n")[1].split("\n## ")[0]


def _requests(title: str) -> list[str]:
    return re.findall(r"^\| `([A-Z]+ /\S+)` \|", _section(title), re.MULTILINE)


def _served(route: BaseRoute) -> set[str]:
    methods = route.methods if isinstance(route, HTTPRoute) else {"WS"}
    return {f"{method} {re.sub(r':[a-z]+', '', route.path)}" for method in methods}


def _row(name: str) -> str:
    facts = SETTINGS[name]
    default = facts["default"]
    if default is None:
        shown = "none" if facts["optional"] else "**must be given**"
    else:
        shown = f"`{default}`" if default else "empty"
    return f"| `{name}` | {shown} | {facts['about']}{_choices(name)} |"


def _choices(name: str) -> str:
    """Where the text does not name them itself."""
    try:
        SETTINGS[name]["read"]("?")
    except ValueError as expected:
        kind, found, choices = str(expected).partition("one of ")
        told = all(choice in SETTINGS[name]["about"] for choice in choices.split(", "))
        return f": {choices}" if found and not kind and not told else ""
    return ""
