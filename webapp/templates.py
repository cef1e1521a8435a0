"""The template engine: everything is escaped, a name that is missing is an error."""

from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from litestar.plugins.jinja import JinjaTemplateEngine
from litestar.template import TemplateConfig

from webapp import assets
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
    made.globals["static"] = assets.address
    made.filters.update({each.__name__: each for each in FILTERS})
    return made
