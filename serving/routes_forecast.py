"""The routes of forecasts, such as `/forecast/volume`: a stock's volume on its next trading day, from days before that are known."""

import asyncio
from datetime import UTC, date, datetime
from typing import Annotated, Any

import msgspec
from litestar import Request, get
from litestar.exceptions import ClientException, NotFoundException
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import QueryParameter

from cryptodudez_assets.declared_models.forecast import KNOWN_BEFORE, VolumeForecast
from cryptodudez_assets.features import view_named
from cryptodudez_assets.models.predictor import as_array
from cryptodudez_assets.models.receipts import Receipt
from cryptodudez_assets.models.volume.predict import shares
from serving.errors import Problem, Unavailable
from serving.model_slot import RETRY_SECONDS
from serving.receipt_writer import PREDICTIONS, new_id
from serving.services import services_of

Symbol = Annotated[
    str, QueryParameter(description="Symbol of a stock or fund, as its file is named.", min_length=1, max_length=20)
]


class ForecastAnswer(msgspec.Struct):
    """The volume of the trading day that follows `last_day`, in shares. Nothing behind that day's close was seen.

    `stale`: that day is so long ago that the next one is over.
    """

    symbol: str
    volume: int
    last_day: date
    as_of: datetime
    age_seconds: int
    stale: bool
    model: str
    model_version: int
    verdict: str
    receipt_id: str


def forecast_route(model: VolumeForecast) -> HTTPRouteHandler:
    """The route of this forecast."""
    seen = [*KNOWN_BEFORE, "date"]
    view = view_named(model.reads.removeprefix("features."), ["symbol"], seen)

    @get(
        model.serves,
        name=model.name,
        operation_id=model.name,
        tags=["models"],
        responses={
            200: ResponseSpec(ForecastAnswer, description="The forecast, and what it stands on."),
            400: ResponseSpec(Problem, description="The symbol is missing, repeated or too long."),
            404: ResponseSpec(Problem, description="There is too little of this symbol to forecast from."),
            503: ResponseSpec(Problem, description="There is no model yet, or too much is asked; see Retry-After."),
        },
    )
    async def answer(symbol: Symbol, request: Request[Any, Any, Any]) -> ForecastAnswer:
        """Say how many shares of a stock will be traded on its next trading day."""
        if len(request.query_params.getall("symbol")) > 1:
            raise ClientException("given more than once: symbol")
        services = services_of(request)
        loaded = services.slot(model.name).require()
        request.scope["state"]["model_version"] = str(loaded.version)
        predictor, now = loaded.predictor, datetime.now(UTC)
        if predictor.manifest.features != list(KNOWN_BEFORE):
            raise Unavailable(
                f"{predictor.manifest.label} was trained on other features than this version has: `cryptodudez run` trains another",
                RETRY_SECONDS,
            )
        [row] = await asyncio.to_thread(services.store.newest, view, [{"symbol": symbol}], seen)
        values = [None if row[name] is None else float(row[name]) for name in KNOWN_BEFORE]
        if row["known_ts"] is None or values[0] is None:
            raise NotFoundException(
                f"there are not 22 days of {symbol} to forecast from: land its candles, then `cryptodudez run`"
            )
        said = float(predictor.predict(as_array([values]))[0, 0])
        bookmark = await asyncio.to_thread(services.store.bookmark, view)
        snapshots = {view.history: bookmark.snapshot_id} if bookmark and bookmark.snapshot_id is not None else {}
        receipt = Receipt(
            id=new_id(),
            made_at=now,
            endpoint=PREDICTIONS,
            request={"symbol": symbol},
            model=predictor.manifest.name,
            version=loaded.version,
            sha256=predictor.sha256,
            inputs=[values],
            probabilities=[[said]],
            answer=shares(said),
            as_of=row["known_ts"],
            feature_snapshots=snapshots,
        )
        await services.recorder.record(receipt)
        age = now - row["known_ts"]
        return ForecastAnswer(
            symbol=symbol,
            volume=shares(said),
            last_day=row["date"],
            as_of=row["known_ts"],
            age_seconds=int(age.total_seconds()),
            stale=age > view.ttl,
            model=predictor.manifest.name,
            model_version=loaded.version,
            verdict=predictor.verdict.label,
            receipt_id=receipt.id,
        )

    return answer
