"""Contracts of training sets: their own columns are said here, those of the features by the views' contracts."""

from functools import cache
from typing import Any

import pandera.polars as pa

from cryptodudez_assets.contracts.base import Column, Contract, UtcTime, columns_of
from cryptodudez_assets.declared_models.signal import CLASSES, SignalModel
from cryptodudez_assets.models.signal.inputs import inputs_of


class DecisionDay(Contract):
    """What a UTC day of a coin was followed by."""

    event_ts: UtcTime = pa.Field(description="The UTC day (its first instant).")
    known_ts: UtcTime = pa.Field(description="The day's end: features are as known then, and the decision is taken.")
    close: float = pa.Field(description="Price at which a decision is carried out.", gt=0, metadata={"unit": "USD"})
    deviation: float = pa.Field(
        description="Deviation of a day's log return, as known at the close; barriers are scaled by it.",
        nullable=True,
        ge=0,
    )
    label: str = pa.Field(
        description="What would have been right: the barrier that was touched first, HODL if none was; null until the horizon "
        "is over, and where the day at its end has no candle.",
        nullable=True,
        isin=CLASSES,
    )
    label_known_ts: UtcTime = pa.Field(
        description="Close at the end of the horizon, from which on the label is there, whenever a barrier was touched.",
        nullable=True,
    )
    label_ended_ts: UtcTime = pa.Field(
        description="Close at which the barrier was touched, or that at the end of the horizon: until then the label shares days with "
        "others.",
        nullable=True,
    )
    return_next_day: float = pa.Field(
        description="Log return from this close to the next day's; null for the newest day.", nullable=True
    )


@cache
def training_contract(model: SignalModel) -> type[DecisionDay]:
    """The contract of a signal's training set."""
    columns = _features(model)
    return type(
        f"{model.coin.prefix.capitalize()}TrainingSet",
        (DecisionDay,),
        {
            "__doc__": f"Training set of the {model.title}: one row per UTC day, features as known at its close, and the label.",
            "__module__": __name__,
            "__annotations__": dict.fromkeys(columns, float),
            **columns,
        },
    )


def _feature(column: Column) -> Any:
    return pa.Field(description=column.description, nullable=True, metadata={"unit": column.unit})


def _features(model: SignalModel) -> dict[str, Any]:
    inputs = inputs_of(model)
    of_views = {view.name: {column.name: column for column in columns_of(view.contract)} for view in inputs.views}
    return {
        f"{view}__{name}": _feature(of_views[view][name]) for view, names in inputs.chosen.items() for name in names
    }
