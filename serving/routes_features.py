"""`/features/{view}`: rows of the online store."""

from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from litestar import Request, get
from litestar.exceptions import ClientException, NotFoundException
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, QueryParameter

from cryptodudez_assets.contracts.base import polars_schema
from cryptodudez_assets.features import FeatureView, all_views
from cryptodudez_assets.lake.freshness import in_words
from serving.errors import Problem
from serving.services import services_of

CHOICE = "features"


class FeaturesAnswer(msgspec.Struct, omit_defaults=True):
    """The newest row of a key. Without one that may be served `found` is false, times and features are null, and `missing` says
    what to do.
    """

    view: str
    key: dict[str, Any]
    found: bool
    event_ts: datetime | None
    known_ts: datetime | None
    features: dict[str, Any]
    missing: str | None = None


@get(
    "/features/{view:str}",
    tags=["features"],
    responses={
        400: ResponseSpec(Problem, description="Keys or features are not those of the view."),
        404: ResponseSpec(Problem, description="There is no such view."),
    },
    sync_to_thread=True,
)
def read_features(
    view: FromPath[str],
    request: Request[Any, Any, Any],
    features: Annotated[str | None, QueryParameter(description="Names with commas between; all by default.")] = None,
) -> FeaturesAnswer:
    """Read the newest features of a key; every column of the view's key is a query parameter."""
    declared = all_views().get(view)
    if declared is None:
        raise NotFoundException(f"there is no view of this name; there are: {', '.join(all_views())}")
    names = declared.features if features is None else features.split(",")
    if unknown := sorted(set(names) - set(declared.features)):
        has = ", ".join(declared.features)
        raise ClientException(f"{view} has no features {', '.join(map(repr, unknown))}; it has: {has}")
    key = _key(declared, request.query_params.dict())
    [row] = services_of(request).store.read(declared, [key], names, datetime.now(UTC))
    event, known = row["event_ts"], row["known_ts"]
    values = {name: row[name] for name in names}
    missing = _missing(declared) if known is None else None
    return FeaturesAnswer(view, key, known is not None, event, known, values, missing)


def _missing(view: FeatureView) -> str:
    """Why there is no row, as far as the online store can tell, and what to do."""
    return (
        f"there is no row of {view.name} for this key that is at most {in_words(view.ttl)} old: land newer files, then "
        "`cryptodudez run`"
    )


def _key(view: FeatureView, given: dict[str, list[Any]]) -> dict[str, Any]:
    values = {name: texts for name, texts in given.items() if name != CHOICE}
    if set(values) != set(view.key) or any(len(texts) != 1 for texts in values.values()):
        wanted = f"each of {', '.join(view.key)} once" if view.key else "no key"
        raise ClientException(f"{view.name} takes {wanted}, and {CHOICE}; given: {', '.join(given) or 'nothing'}")
    schema = polars_schema(view.contract)
    return {name: _typed(name, values[name][0], schema[name].to_python()) for name in view.key}


def _typed(name: str, text: str, expected: type) -> Any:
    try:
        return msgspec.convert(text, expected, strict=False)
    except msgspec.ValidationError as error:
        raise ClientException(f"{name}: {error}") from error
