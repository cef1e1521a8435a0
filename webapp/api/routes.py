"""The JSON API's routes."""

from litestar import get


@get("/health/live", sync_to_thread=False)
def live() -> dict[str, str]:
    return {"status": "ok"}


api_routes = [live]
