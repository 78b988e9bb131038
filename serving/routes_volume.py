"""The routes of volume models, such as `/predict`: the volume of a stock's day, as a bare number. Its receipt is named in a header."""

import re
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any

from litestar import MediaType, Request, Response, get
from litestar.exceptions import ClientException
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import QueryParameter
from litestar.types import ASGIApp, Receive, Scope, Send

from cryptodudez_assets.declared_models.volume import FEATURES, VolumeModel
from cryptodudez_assets.models.receipts import Receipt
from cryptodudez_assets.models.volume.predict import MOST, say, shares
from serving.errors import Problem
from serving.model_slot import Loaded
from serving.receipt_writer import PREDICTIONS, new_id
from serving.services import of_app, services_of

PLAIN = re.compile("&".join(f"{name}=([0-9.]{{1,20}})" for name in FEATURES).encode())
VERSION_HEADER, RECEIPT_HEADER = "X-Model-Version", "X-Receipt-Id"
Shares = Annotated[
    float, QueryParameter(description="Mean volume of 30 trading days, in shares.", ge=0, le=MOST["vol_moving_avg"])
]
Dollars = Annotated[
    float,
    QueryParameter(
        description="Median adjusted close of 30 trading days, in USD.", ge=0, le=MOST["adj_close_rolling_med"]
    ),
]


def volume_route(model: VolumeModel) -> HTTPRouteHandler:
    """The route of this model."""

    @get(
        model.serves,
        name=model.name,
        operation_id=model.name,
        tags=["models"],
        media_type=MediaType.JSON,
        middleware=[partial(_Plain, model=model)],
        responses={
            200: ResponseSpec(
                int,
                description="Shares; the version that answered is in the header X-Model-Version, the receipt in X-Receipt-Id.",
            ),
            400: ResponseSpec(
                Problem, description="A parameter is missing, repeated, or no number that a stock could have."
            ),
            503: ResponseSpec(Problem, description="There is no model yet, or too much is asked; see Retry-After."),
        },
    )
    async def answer(
        vol_moving_avg: Shares, adj_close_rolling_med: Dollars, request: Request[Any, Any, Any]
    ) -> Response[int]:
        """Say how many shares will be traded, from the rolling mean of volume and median of price."""
        repeated = [name for name, values in request.query_params.dict().items() if len(values) > 1]
        if repeated:
            raise ClientException(f"given more than once: {', '.join(repeated)}")
        services = services_of(request)
        loaded = services.slot(model.name).require()
        request.scope["state"]["model_version"] = str(loaded.version)
        try:
            receipt = _predicted(loaded, (vol_moving_avg, adj_close_rolling_med))
        except ValueError as error:
            raise ClientException(str(error)) from error
        await services.recorder.record(receipt)
        headers = {VERSION_HEADER: loaded.predictor.manifest.label, RECEIPT_HEADER: receipt.id}
        return Response(receipt.answer, headers=headers)

    return answer


class _Plain:
    """ASGI: answers what is asked for plainly, at once, since Litestar's way to a handler takes longer than a prediction.

    Everything else goes on to the handler, which answers it or says what is wrong.
    """

    def __init__(self, app: ASGIApp, model: VolumeModel) -> None:
        self._app, self._name = app, model.name

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass on."""
        services = of_app(scope["litestar_app"])
        loaded = services.slot(self._name).current
        asked = PLAIN.fullmatch(scope["query_string"])
        try:
            receipt = _predicted(loaded, (float(asked[1]), float(asked[2]))) if asked and loaded else None
        except ValueError:
            receipt = None
        if receipt is None or loaded is None:
            await self._app(scope, receive, send)
            return
        scope["state"]["model_version"] = str(loaded.version)
        await services.recorder.record(receipt)
        body = str(receipt.answer).encode()
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (VERSION_HEADER.lower().encode(), loaded.predictor.manifest.label.encode()),
            (RECEIPT_HEADER.lower().encode(), receipt.id.encode()),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body, "more_body": False})


def _predicted(loaded: Loaded, features: tuple[float, float]) -> Receipt:
    """The receipt of a prediction, whose answer is the volume. Raises ValueError where no stock could have such features."""
    said = say(loaded.predictor, *features)
    return Receipt(
        id=new_id(),
        made_at=datetime.now(UTC),
        endpoint=PREDICTIONS,
        request=dict(zip(FEATURES, features, strict=True)),
        model=loaded.predictor.manifest.name,
        version=loaded.version,
        sha256=loaded.predictor.sha256,
        inputs=[[*features]],
        probabilities=[[said]],
        answer=shares(said),
        as_of=None,
        feature_snapshots={},
    )
