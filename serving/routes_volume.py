"""The routes of volume models, such as `/predict`: the volume of a stock's day, as a bare number. Its receipt is named in a header."""

from datetime import UTC, datetime
from typing import Annotated, Any

from litestar import MediaType, Request, Response, get
from litestar.exceptions import ClientException
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import QueryParameter

from cryptodudez_assets.declared_models.volume import FEATURES, VolumeModel
from cryptodudez_assets.models.receipts import Receipt
from cryptodudez_assets.models.volume.predict import MOST, say, shares
from serving.errors import Problem
from serving.receipt_writer import PREDICTIONS, new_id
from serving.services import services_of

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
            said = say(loaded.predictor, vol_moving_avg, adj_close_rolling_med)
        except ValueError as error:
            raise ClientException(str(error)) from error
        receipt = Receipt(
            id=new_id(),
            made_at=datetime.now(UTC),
            endpoint=PREDICTIONS,
            request=dict(zip(FEATURES, (vol_moving_avg, adj_close_rolling_med), strict=True)),
            model=loaded.predictor.manifest.name,
            version=loaded.version,
            sha256=loaded.predictor.sha256,
            inputs=[[vol_moving_avg, adj_close_rolling_med]],
            probabilities=[[said]],
            answer=shares(said),
            as_of=None,
            feature_snapshots={},
        )
        await services.recorder.record(receipt)
        headers = {VERSION_HEADER: loaded.predictor.manifest.label, RECEIPT_HEADER: receipt.id}
        return Response(shares(said), headers=headers)

    return answer
