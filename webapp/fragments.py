"""Renders templates. A page, a reply to htmx and a live stream all use the same files."""

from typing import Any

from litestar import MediaType, Response

from webapp.templates import environment


def render(name: str, **context: Any) -> str:
    return environment().get_template(name).render(context)


def page(name: str, status: int = 200, **context: Any) -> Response[str]:
    return Response(render(name, **context), status_code=status, media_type=MediaType.HTML)
