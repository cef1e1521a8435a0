"""The API's description, and two pages to read and try it. They load nothing from elsewhere."""

from typing import Any

from litestar import MediaType, Request, Response, get
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.response import Template

from webapp.headers import policy
from webapp.visitors import TheHouse

_SCHEMA = "/openapi.json"
# ReDoc puts two style elements into its page; these are their hashes.
_REDOC_STYLES = (
    "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='",
    "'sha256-QMIg+bpjm3JdElJ388KYke01izlUW0UoNOeKjpMxdgc='",
)


def openapi_config() -> OpenAPIConfig:
    return OpenAPIConfig(
        title="Audiotext",
        version="1",
        path="/openapi",
        render_plugins=[JsonRenderPlugin(path="/openapi.json")],
    )


@get(_SCHEMA, include_in_schema=False, sync_to_thread=False)
def schema(request: "Request[Any, Any, Any]") -> "Response[dict[str, Any]]":
    return Response(request.app.openapi_schema.to_schema(), media_type=MediaType.JSON)


@get("/docs", include_in_schema=False, sync_to_thread=False)
def swagger() -> Template:
    return Template("docs/swagger.html", context={"schema_url": _SCHEMA})


@get("/redoc", include_in_schema=False, sync_to_thread=False)
def redoc(house: TheHouse) -> Template:
    security = policy(house.storage.browser_origin, *_REDOC_STYLES)
    return Template(
        "docs/redoc.html",
        context={"schema_url": _SCHEMA},
        headers={"Content-Security-Policy": security},
    )


document_routes = [schema, swagger, redoc]
