"""`/predict`: the volume of a stock's day, as a bare number."""

from typing import Annotated, Any

from litestar import MediaType, Request, Response, get
from litestar.exceptions import ClientException
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import QueryParameter

from cryptodudez_assets.models.volume.options import VOLUME
from cryptodudez_assets.models.volume.predict import MOST
from cryptodudez_assets.models.volume.predict import predict as volume_of
from serving.errors import Problem
from serving.services import services_of

VERSION_HEADER = "X-Model-Version"
Shares = Annotated[
    float, QueryParameter(description="Mean volume of 30 trading days, in shares.", ge=0, le=MOST["vol_moving_avg"])
]
Dollars = Annotated[
    float,
    QueryParameter(
        description="Median adjusted close of 30 trading days, in USD.", ge=0, le=MOST["adj_close_rolling_med"]
    ),
]


@get(
    "/predict",
    tags=["models"],
    media_type=MediaType.JSON,
    responses={
        200: ResponseSpec(int, description="Shares; the version that answered is in the header X-Model-Version."),
        400: ResponseSpec(
            Problem, description="A parameter is missing, repeated, or no number that a stock could have."
        ),
        503: ResponseSpec(Problem, description="There is no model yet; see Retry-After."),
    },
    sync_to_thread=False,
)
def predict_volume(
    vol_moving_avg: Shares, adj_close_rolling_med: Dollars, request: Request[Any, Any, Any]
) -> Response[int]:
    """Say how many shares will be traded, from the rolling mean of volume and median of price."""
    repeated = [name for name, values in request.query_params.dict().items() if len(values) > 1]
    if repeated:
        raise ClientException(f"given more than once: {', '.join(repeated)}")
    loaded = services_of(request).slot(VOLUME).require()
    request.scope["state"]["model_version"] = str(loaded.version)
    try:
        volume = volume_of(loaded.predictor, vol_moving_avg, adj_close_rolling_med)
    except ValueError as error:
        raise ClientException(str(error)) from error
    return Response(volume, headers={VERSION_HEADER: loaded.predictor.manifest.label})
