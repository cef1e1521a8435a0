"""The template engine: everything is escaped, a name that is missing is an error."""

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from litestar.plugins.jinja import JinjaTemplateEngine
from litestar.template import TemplateConfig


def template_config(root: Path) -> "TemplateConfig[JinjaTemplateEngine]":
    environment = Environment(
        loader=FileSystemLoader(root / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["static"] = _static(root / "static")
    return TemplateConfig(instance=JinjaTemplateEngine.from_environment(environment))


def _static(folder: Path) -> Callable[[str], str]:
    @cache
    def address(name: str) -> str:
        """Changes with the file's content, so that browsers may keep it for ever."""
        content = (folder / name).read_bytes()
        return f"/static/{name}?v={hashlib.sha256(content).hexdigest()[:12]}"

    return address
