"""The app: routes, what guards them, what they share."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from litestar import Litestar
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme

from cryptodudez_assets.settings import Settings
from serving.dashboard import dashboard
from serving.documentation import SCHEMA, Documentation, documentation_assets, documentation_router
from serving.errors import HANDLERS
from serving.guard import Guard
from serving.metrics import Metrics
from serving.routes_features import read_features
from serving.routes_health import live, metrics, ready
from serving.routes_models import describe_model, predict, predict_with_version
from serving.routes_signal import signal_eth
from serving.routes_volume import predict_volume
from serving.services import of_app, open_services

ROUTES = [
    *(signal_eth, predict_volume, describe_model, predict, predict_with_version, read_features),
    *(live, ready, metrics),
]


def create_app(settings: Settings, only_here: bool = False) -> Litestar:
    """The app over a home's models, online store and receipts, which are opened when it starts.

    `only_here`: no name but this machine's own leads here, so that requests with another one are refused.
    """
    counted = Metrics()

    @asynccontextmanager
    async def lifespan(app: Litestar) -> AsyncIterator[None]:
        async with open_services(settings, counted) as app.state.services:
            yield

    app = Litestar(
        [*ROUTES, dashboard(settings, lambda: of_app(app).desk.today()), documentation_assets()],
        lifespan=[lifespan],
        exception_handlers=HANDLERS,
        openapi_config=_openapi(settings),
        logging_config=None,  # `errors` logs what was not expected, once
    )
    app.asgi_handler = Guard(app.asgi_handler, settings, counted, only_here)
    return app


def _openapi(settings: Settings) -> OpenAPIConfig:
    key = SecurityScheme(type="apiKey", name="X-API-Key", security_scheme_in="header")
    return OpenAPIConfig(
        title="CryptoDudez",
        version=version("cryptodudez"),
        description="What to do about Ethereum, what the models predict, and the features that they stand on.",
        use_handler_docstrings=True,
        openapi_router=documentation_router(),
        render_plugins=[Documentation(), JsonRenderPlugin(path=SCHEMA)],
        components=Components(security_schemes={"key": key}),
        security=[{"key": []}] if settings.api_key else None,
    )
