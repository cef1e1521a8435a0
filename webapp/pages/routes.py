"""The pages."""

from litestar import MediaType, Router, get

from webapp.visitors import Visitor


@get("/", media_type=MediaType.HTML)
async def index(visitor: Visitor) -> str:
    return f"<!doctype html><title>Audiotext</title><p>{visitor}"


pages_router = Router("/", route_handlers=[index], include_in_schema=False)
