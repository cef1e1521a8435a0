"""Wires everything together. Nothing is opened before the server starts."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from litestar import Litestar, Router
from litestar.datastructures import State
from litestar.static_files import create_static_files_router

from webapp import assets, headers, visitors
from webapp.access_log import RequestContext, log_response, quieten_server
from webapp.api.openapi import openapi_config
from webapp.api.routes import api_routes
from webapp.collector import seldom_collecting
from webapp.compression import compression
from webapp.core.house import open_house
from webapp.core.logs import configure_logs
from webapp.core.settings import Settings, settings_or_exit
from webapp.documents import document_routes
from webapp.errors import HANDLERS
from webapp.feeds import Feeds
from webapp.origins import refuse_foreign
from webapp.pages.routes import pages_router
from webapp.requests import StaticFolder, TolerantRequest, unless_known
from webapp.shutdown import told_to_stop
from webapp.templates import template_config

# Recordings go to the storage; what is sent here are words.
MAX_BODY_BYTES = 1_000_000


def create_app(settings: Settings) -> Litestar:
    return Litestar(
        route_handlers=[
            pages_router,
            *api_routes,
            *document_routes,
            _static_files(),
        ],
        lifespan=[_lifespan],
        state=State({"settings": settings}),
        dependencies=visitors.dependencies(),
        guards=[refuse_foreign],
        request_class=TolerantRequest,
        middleware=[RequestContext()],
        before_send=[visitors.set_cookie, headers.add_headers, log_response],
        exception_handlers=HANDLERS,
        template_config=template_config(),
        openapi_config=openapi_config(),
        compression_config=compression(),
        request_max_body_size=MAX_BODY_BYTES,
        logging_config=None,
    )


def _static_files() -> Router:
    return create_static_files_router(
        "/static", [assets.FOLDER], file_system=StaticFolder(), before_request=unless_known
    )


@asynccontextmanager
async def _lifespan(app: Litestar) -> AsyncIterator[None]:
    settings: Settings = app.state.settings
    configure_logs(settings)
    quieten_server()
    assets.versions()
    async with open_house(settings) as house:
        app.state.house = house
        app.state.feeds = Feeds(house.events)
        app.state.headers = headers.standing(house)
        with told_to_stop(house.events.close), seldom_collecting():
            yield


app = create_app(settings_or_exit())
