"""HEAD, as those ask who watch whether a server is up."""

from litestar import HttpMethod, route
from litestar.handlers import HTTPRouteHandler


def head_of(handler: HTTPRouteHandler) -> HTTPRouteHandler:
    """Says what GET says; the server itself leaves the body away."""
    made = route(list(handler.paths), http_method=HttpMethod.HEAD, include_in_schema=False)
    return made(handler.fn)
