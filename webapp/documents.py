"""The API's description, and two pages to read and try it. They load nothing from elsewhere."""

from typing import Any

from litestar import MediaType, Request, Response, get
from litestar.response import Template

from webapp.api.openapi import document
from webapp.headers import policy
from webapp.visitors import TheHouse

_SCHEMA = "/openapi.json"
# ReDoc puts two style elements into its page; these are their hashes.
_REDOC_STYLES = (
    "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='",
    "'sha256-QMIg+bpjm3JdElJ388KYke01izlUW0UoNOeKjpMxdgc='",
)


@get(_SCHEMA, include_in_schema=False, sync_to_thread=False)
def schema(request: "Request[Any, Any, Any]") -> "Response[dict[str, Any]]":
    return Response(document(request.app), media_type=MediaType.JSON)


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
