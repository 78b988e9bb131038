"""The app: routes, what guards them, what they share."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from litestar import Litestar, Router
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin, SwaggerRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme
from litestar.static_files import create_static_files_router

from cryptodudez_assets.settings import Settings
from serving.dashboard import dashboard
from serving.errors import HANDLERS, NO_FILE
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
DOCS, DOCS_ASSETS = "/docs", "/docs-assets"


def create_app(settings: Settings) -> Litestar:
    """The app over a home's models, online store and receipts, which are opened when it starts."""
    counted = Metrics()

    @asynccontextmanager
    async def lifespan(app: Litestar) -> AsyncIterator[None]:
        async with open_services(settings, counted) as app.state.services:
            yield

    app = Litestar(
        [*ROUTES, dashboard(settings, lambda: of_app(app).desk.today()), _docs_assets()],
        lifespan=[lifespan],
        exception_handlers=HANDLERS,
        openapi_config=_openapi(settings),
        logging_config=None,  # `errors` logs what was not expected, once
    )
    app.asgi_handler = Guard(app.asgi_handler, settings, counted)
    return app


def _docs_assets() -> Router:
    """Swagger UI's own files, out of a package: without them the browser would load them from elsewhere."""
    package = find_spec("swagger_ui")
    assert package is not None and package.origin is not None  # noqa: S101, PT018  (it is a dependency)
    folder = Path(package.origin).parent / "static"
    return create_static_files_router(
        path=DOCS_ASSETS,
        directories=[folder],
        name="docs_assets",
        exception_handlers=NO_FILE,
        include_in_schema=False,
    )


def _openapi(settings: Settings) -> OpenAPIConfig:
    key = SecurityScheme(type="apiKey", name="X-API-Key", security_scheme_in="header")
    return OpenAPIConfig(
        title="CryptoDudez",
        version=version("cryptodudez"),
        description="What to do about Ethereum, what the models predict, and the features that they stand on.",
        use_handler_docstrings=True,
        path=DOCS,
        render_plugins=[
            SwaggerRenderPlugin(
                path="/",
                favicon=f"<link rel='icon' href='{DOCS_ASSETS}/favicon-32x32.png'>",
                js_url=f"{DOCS_ASSETS}/swagger-ui-bundle.js",
                css_url=f"{DOCS_ASSETS}/swagger-ui.css",
                standalone_preset_js_url=f"{DOCS_ASSETS}/swagger-ui-standalone-preset.js",
            ),
            JsonRenderPlugin(),
        ],
        components=Components(security_schemes={"key": key}),
        security=[{"key": []}] if settings.api_key else None,
    )
