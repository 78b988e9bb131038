"""Contract of `ml.eth_training_set`: its own columns are said here, those of the features by the views' contracts."""

from typing import Any

import pandera.polars as pa

from cryptodudez_assets.contracts.base import Column, Contract, UtcTime, columns_of
from cryptodudez_assets.models.eth_signal.inputs import CHOSEN, VIEWS
from cryptodudez_assets.models.eth_signal.options import CLASSES


class EthDay(Contract):
    """What a UTC day of Ethereum was followed by."""

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
    return_next_day: float = pa.Field(
        description="Log return from this close to the next day's; null for the newest day.", nullable=True
    )


def _feature(column: Column) -> Any:
    return pa.Field(description=column.description, nullable=True, metadata={"unit": column.unit})


def _features() -> dict[str, Any]:
    of_views = {view.name: {column.name: column for column in columns_of(view.contract)} for view in VIEWS}
    return {f"{view}__{name}": _feature(of_views[view][name]) for view, names in CHOSEN.items() for name in names}


_columns = _features()
EthTrainingSet: type[EthDay] = type(
    "EthTrainingSet",
    (EthDay,),
    {
        "__doc__": "Training set of the Ethereum signal: one row per UTC day, features as known at its close, and the label.",
        "__module__": __name__,
        "__annotations__": dict.fromkeys(_columns, float),
        **_columns,
    },
)
