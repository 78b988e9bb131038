"""Predictions of rows that a caller brings, made in front of Litestar's handlers.

What Litestar does around a handler (a request object, parameters by name, a response object) takes as long as a prediction. So a
middleware of the two routes reads the body and answers; routing, errors and documentation remain Litestar's.
"""

import asyncio
from datetime import UTC, datetime
from typing import Any, cast

import msgspec
from litestar.exceptions import ClientException, NotFoundException
from litestar.exceptions.http_exceptions import RequestEntityTooLarge
from litestar.types import ASGIApp, HTTPReceiveMessage, Receive, Scope, Send

from cryptodudez_assets.declared_models.signal import Decision
from cryptodudez_assets.models.predictor import Rows
from cryptodudez_assets.models.receipts import Receipt
from cryptodudez_assets.models.signal.signal import Confidence, decide
from serving.model_slot import Loaded, Unpredictable
from serving.receipt_writer import PREDICTIONS, new_id
from serving.services import Services, of_app

INLINE_ROWS = 20  # so many take less time than it takes to hand them to a thread and back


class Prediction(msgspec.Struct, gc=False):
    """What is said about one row. `decision` is HODL whenever the model has no skill."""

    decision: Decision
    model_decision: Decision
    confidence: Confidence
    probabilities: dict[str, float]


class PredictAnswer(msgspec.Struct):
    """Predictions in the order of the rows; `reasons` tell why no decision is taken on them."""

    receipt_id: str
    model: str
    model_version: int
    verdict: str
    reasons: list[str]
    predictions: list[Prediction]


class Predicting:
    """ASGI: answers predictions for `{name}`, and for `{version}` if that is in the path."""

    def __init__(self, app: ASGIApp) -> None:
        """The handler behind is never called."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or raise what is wrong."""
        services = of_app(scope["litestar_app"])
        loaded = _loaded(services, scope["path_params"])
        scope["state"]["model_version"] = str(loaded.version)
        try:
            rows = loaded.rows(await _body(receive, loaded.most_bytes))
            if len(rows) <= INLINE_ROWS:
                body, receipt = _answer(loaded, rows)
            else:
                body, receipt = await asyncio.to_thread(_answer, loaded, rows)
        except (msgspec.DecodeError, UnicodeDecodeError, Unpredictable) as error:
            raise ClientException(str(error)) from error
        await services.recorder.record(receipt)
        await _send(send, body)


def _loaded(services: Services, parameters: dict[str, Any]) -> Loaded:
    loaded = services.slot(parameters["name"]).require()
    if not loaded.predictor.manifest.classes:
        raise ClientException(
            f"{parameters['name']} says a number, not classes: ask GET {services.models[parameters['name']].serves}"
        )
    version = parameters.get("version", loaded.version)
    if version != loaded.version:
        raise NotFoundException(
            f"version {version} of {parameters['name']} does not serve; version {loaded.version} does"
        )
    return loaded


async def _body(receive: Receive, most: int) -> bytes:
    parts, size, more = [], 0, True
    while more:
        message = cast(HTTPReceiveMessage, await receive())
        if message["type"] == "http.disconnect":
            raise ClientException("the request ended before its body")
        parts.append(message["body"])
        size += len(message["body"])
        if size > most:
            raise RequestEntityTooLarge(f"a body has at most {most:,} bytes")
        more = message.get("more_body", False)
    return b"".join(parts)


async def _send(send: Send, body: bytes) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})


def _answer(loaded: Loaded, rows: Rows) -> tuple[bytes, Receipt]:
    probabilities = loaded.predict(rows)
    manifest, verdict, at = loaded.predictor.manifest, loaded.predictor.verdict, datetime.now(UTC)
    signals = [decide(one, manifest.rule, verdict, None, at) for one in probabilities]
    answer = PredictAnswer(
        receipt_id=new_id(),
        model=manifest.name,
        model_version=manifest.version,
        verdict=verdict.label,
        reasons=signals[0].reasons,  # which have to do with the model, not with the row
        predictions=[
            Prediction(one.decision, one.model_decision, one.confidence, one.probabilities) for one in signals
        ],
    )
    body = msgspec.json.encode(answer)
    return body, Receipt(
        id=answer.receipt_id,
        made_at=at,
        endpoint=PREDICTIONS,
        request={"rows": len(rows)},
        model=answer.model,
        version=answer.model_version,
        sha256=loaded.predictor.sha256,
        inputs=rows,
        probabilities=probabilities,
        answer=msgspec.Raw(body),  # what is sent, encoded once
        as_of=None,
        feature_snapshots={},
    )
