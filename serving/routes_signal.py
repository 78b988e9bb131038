"""The routes of signals, such as `/signal/sol`: what to do about a coin now, and what became of what was said before."""

from typing import Any

from litestar import MediaType, Request, Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.datastructures import ResponseSpec

from cryptodudez_assets.declared_models.signal import SignalModel
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.models.signal.record.summary import LiveRecord, record_of
from cryptodudez_assets.settings import Settings
from serving.errors import Problem
from serving.services import services_of
from serving.signal_service import SignalAnswer


def signal_route(model: SignalModel) -> HTTPRouteHandler:
    """The route of this signal."""

    @get(
        model.serves,
        name=model.name,
        operation_id=model.name,
        tags=["signal"],
        summary=f"The {model.title}",
        responses={
            200: ResponseSpec(SignalAnswer, description="The decision, and what it stands on."),
            503: ResponseSpec(Problem, description="There is no model or are no features yet; see Retry-After."),
        },
    )
    async def answer(request: Request[Any, Any, Any]) -> Response[bytes]:
        """Say BUY, SELL or HODL, from the newest features and the model that serves."""
        services = services_of(request)
        encoded = await services.desks[model.name].encoded()
        request.scope["state"]["model_version"] = str(services.slots[model.name].require().version)
        return Response(encoded, media_type=MediaType.JSON)

    return answer


def record_route(model: SignalModel, settings: Settings) -> HTTPRouteHandler:
    """The route of this signal's live record, in the lake of these settings."""
    lake = Lake.open(settings, {})

    @get(
        f"{model.serves}/record",
        name=f"{model.name}_record",
        operation_id=f"{model.name}_record",
        tags=["signal"],
        summary=f"What became of what the {model.title} said",
        sync_to_thread=True,
    )
    def record() -> LiveRecord:
        """Count the signals that were served, with what following them earned beside the baselines, as it was written down last."""
        return record_of(lake, model)

    return record
