"""The template engine: everything is escaped, a name that is missing is an error."""

import hashlib
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from litestar.plugins.jinja import JinjaTemplateEngine
from litestar.template import TemplateConfig

from webapp.core.doubts import doubt
from webapp.core.paragraphs import paragraphs
from webapp.wording import about, ago, clock, lang, language, languages, ordinal, percent, size, span

ROOT = Path(__file__).parents[1]
FILTERS = (about, ago, clock, doubt, lang, language, languages, ordinal, paragraphs, percent, size, span)


def template_config() -> "TemplateConfig[JinjaTemplateEngine]":
    return TemplateConfig(instance=JinjaTemplateEngine.from_environment(environment()))


@cache
def environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(ROOT / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals["static"] = static
    made.filters.update({each.__name__: each for each in FILTERS})
    return made


@cache
def static(name: str) -> str:
    """The address of a file. It changes with the content, so that browsers may keep it for ever."""
    content = (ROOT / "static" / name).read_bytes()
    return f"/static/{name}?v={hashlib.sha256(content).hexdigest()[:12]}"
