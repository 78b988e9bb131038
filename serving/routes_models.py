"""`/models/…`: what a model is, and what it says about rows that the caller brings."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from litestar import Request, get, post
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import OpenAPIMediaType, OpenAPIType, Operation, RequestBody, Schema
from litestar.params import FromPath

from serving.errors import Problem
from serving.model_slot import MOST_ROWS
from serving.predicting import PredictAnswer, Predicting
from serving.services import services_of

Asked = Request[Any, Any, Any]


class TrainedOnDays(msgspec.Struct):
    """The training set of a version."""

    table: str
    snapshot_id: int
    rows: int
    first_day: datetime
    last_day: datetime


class ModelAnswer(msgspec.Struct):
    """The version of a model that serves."""

    model: str
    model_version: int
    sha256: str
    recipe: str
    classes: list[str]
    features: list[str]
    verdict: str
    verdict_words: str
    trained_on: TrainedOnDays


@dataclass
class PredictOperation(Operation):
    """Documents the body, which the handlers read themselves."""

    def __post_init__(self) -> None:
        number = Schema(one_of=[Schema(type=OpenAPIType.NUMBER), Schema(type=OpenAPIType.NULL)])
        row = Schema(
            type=OpenAPIType.OBJECT,
            additional_properties=number,
            description="Every feature that GET /models/{name} lists, and no other; null is not known.",
        )
        rows = Schema(type=OpenAPIType.ARRAY, items=row, min_items=1, max_items=MOST_ROWS)
        body = Schema(
            type=OpenAPIType.OBJECT, properties={"rows": rows}, required=["rows"], additional_properties=False
        )
        self.request_body = RequestBody(content={"application/json": OpenAPIMediaType(schema=body)}, required=True)


ANSWERS = {
    200: ResponseSpec(PredictAnswer, description="Predictions, with their receipt."),
    400: ResponseSpec(Problem, description="The request is not as it should be."),
    404: ResponseSpec(Problem, description="No such model or version serves."),
    413: ResponseSpec(Problem, description="The body is too large."),
    503: ResponseSpec(Problem, description="No model serves, or too much is asked; see Retry-After."),
}


@get(
    "/models/{name:str}", tags=["models"], responses={code: ANSWERS[code] for code in (404, 503)}, sync_to_thread=False
)
def describe_model(name: FromPath[str], request: Asked) -> ModelAnswer:
    """Describe the version of a model that serves."""
    predictor = services_of(request).slot(name).require().predictor
    manifest, trained = predictor.manifest, predictor.manifest.trained_on
    return ModelAnswer(
        model=manifest.name,
        model_version=manifest.version,
        sha256=predictor.sha256,
        recipe=manifest.recipe,
        classes=manifest.classes,
        features=manifest.features,
        verdict=predictor.verdict.label,
        verdict_words=predictor.verdict.words,
        trained_on=TrainedOnDays(trained.table, trained.snapshot_id, trained.rows, trained.first_day, trained.last_day),
    )


@post(
    "/models/{name:str}/predict",
    tags=["models"],
    status_code=200,
    responses=ANSWERS,
    operation_class=PredictOperation,
    middleware=[Predicting],
)
async def predict(name: FromPath[str]) -> PredictAnswer:
    """Predict rows with the version that serves."""
    raise NotImplementedError(f"{Predicting.__name__} answers")


@post(
    "/models/{name:str}/versions/{version:int}/predict",
    tags=["models"],
    status_code=200,
    responses=ANSWERS,
    operation_class=PredictOperation,
    middleware=[Predicting],
)
async def predict_with_version(name: FromPath[str], version: FromPath[int]) -> PredictAnswer:
    """Predict rows with this version, or not at all."""
    raise NotImplementedError(f"{Predicting.__name__} answers")
