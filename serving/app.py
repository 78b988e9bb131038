"""The app: routes, what guards them, what they share."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from functools import partial
from importlib.metadata import version

from litestar import Litestar
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme

from cryptodudez_assets.declared_models import Model, all_models, models_of_kind
from cryptodudez_assets.declared_models.forecast import VolumeForecast
from cryptodudez_assets.declared_models.signal import SignalModel
from cryptodudez_assets.declared_models.volume import VolumeModel
from cryptodudez_assets.lake.store.objects import looks_of
from cryptodudez_assets.settings import Settings
from serving.accounts.routes import accounts
from serving.dashboard import dashboard
from serving.documentation import SCHEMA, Documentation, documentation_assets, documentation_router
from serving.errors import HANDLERS
from serving.guard import Guard
from serving.live.routes import live_file, live_hour, live_stream, show_live
from serving.metrics import Metrics
from serving.routes_features import read_features
from serving.routes_forecast import forecast_route
from serving.routes_health import live, metrics, ready
from serving.routes_models import describe_model, predict, predict_with_version
from serving.routes_signal import record_route, signal_route
from serving.routes_volume import volume_route
from serving.services import of_app, open_services

ROUTES = [
    *(describe_model, predict, predict_with_version, read_features),
    *(live, ready, metrics),
    *(show_live, live_hour, live_file, live_stream),
]


def _routes_of(models: Iterable[Model], settings: Settings) -> list[HTTPRouteHandler]:
    """What each declared model serves."""
    signals = [
        route
        for one in models_of_kind(SignalModel, models)
        for route in (signal_route(one), record_route(one, settings))
    ]
    volumes = [volume_route(one) for one in models_of_kind(VolumeModel, models)]
    return [*signals, *volumes, *(forecast_route(one) for one in models_of_kind(VolumeForecast, models))]


def create_app(settings: Settings, only_here: bool = False) -> Litestar:
    """The app over a home's models, online store and receipts, which are opened when it starts.

    `only_here`: no name but this machine's own leads here, so that requests with another one are refused. Raises `HomeMoved` where
    the lake went elsewhere, since who answers writes receipts.
    """
    looks_of(settings).insist_on_staying()
    counted = Metrics()

    @asynccontextmanager
    async def lifespan(app: Litestar) -> AsyncIterator[None]:
        async with open_services(settings, counted) as app.state.services:
            yield

    models = all_models()
    shown = {
        model: partial(lambda name: of_app(app).desks[name].today(), model.name)
        for model in models_of_kind(SignalModel, models.values())
    }
    app = Litestar(
        [
            *_routes_of(models.values(), settings),
            *ROUTES,
            dashboard(settings, shown, models.values()),
            accounts(settings),
            documentation_assets(),
        ],
        lifespan=[lifespan],
        exception_handlers=HANDLERS,
        openapi_config=_openapi(settings),
        logging_config=None,  # `errors` logs what was not expected, once
    )
    app.asgi_handler = Guard(app.asgi_handler, settings, counted, only_here)
    return app


def _openapi(settings: Settings) -> OpenAPIConfig:
    coins = " and ".join(one.coin.name for one in models_of_kind(SignalModel)) or "coins"
    key = SecurityScheme(type="apiKey", name="X-API-Key", security_scheme_in="header")
    return OpenAPIConfig(
        title="CryptoDudez",
        version=version("cryptodudez"),
        description=f"What to do about {coins}, what the models predict, and the features that they stand on.",
        use_handler_docstrings=True,
        openapi_router=documentation_router(),
        render_plugins=[Documentation(), JsonRenderPlugin(path=SCHEMA)],
        components=Components(security_schemes={"key": key}),
        security=[{"key": []}] if settings.api_key else None,
    )
