"""`/signal/eth`: what to do about Ethereum now."""

from typing import Any

from litestar import MediaType, Request, Response, get
from litestar.openapi.datastructures import ResponseSpec

from cryptodudez_assets.models.eth_signal.options import SIGNAL
from serving.errors import Problem
from serving.services import services_of
from serving.signal_service import SignalAnswer


@get(
    "/signal/eth",
    tags=["signal"],
    responses={
        200: ResponseSpec(SignalAnswer, description="The decision, and what it stands on."),
        503: ResponseSpec(Problem, description="There is no model or are no features yet; see Retry-After."),
    },
)
async def signal_eth(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Say BUY, SELL or HODL, from the newest features and the model that serves."""
    services = services_of(request)
    encoded = await services.desk.encoded()
    request.scope["state"]["model_version"] = str(services.slots[SIGNAL].require().version)
    return Response(encoded, media_type=MediaType.JSON)
