"""Scores of served signals, from the prices that are known now. Frames in, frame out.

Which price counts and when it may count are two questions. The newest that is known counts, so that a correction restates a score;
none counts before the horizon is over. What was decided stays as it was told, by the signal and by the momentum rule.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import polars as pl

from cryptodudez_assets.declared_models.signal import CLASSES, SignalModel
from cryptodudez_assets.models.dataset import Dataset, Floats
from cryptodudez_assets.models.evaluation.backtest import net_returns
from cryptodudez_assets.models.signal import training_set
from cryptodudez_assets.models.signal.baselines import momentum
from cryptodudez_assets.models.signal.labels import UNKNOWN, triple_barrier
from cryptodudez_assets.models.signal.record.served import DAMAGED, NO_FIRST_PRICE, NO_LAST_PRICE, OPEN
from cryptodudez_assets.models.signal.record.stored import ORDER, SCHEMA
from cryptodudez_assets.models.signal.training_set import DAY

LONG = "BUY"
"""The decision that takes a position; by itself each other one stays out."""


@dataclass(frozen=True)
class Market:
    """Prices at the closes of days, and what is told by them."""

    dataset: Dataset
    deviations: Floats

    @classmethod
    def of(cls, model: SignalModel, rows: pl.DataFrame) -> "Market":
        """From rows of the training set."""
        dataset = training_set.dataset_of(model, rows)
        days = pl.DataFrame({"event_ts": dataset.days}, schema={"event_ts": SCHEMA["made_at"]})
        told = days.join(rows.select("event_ts", "deviation"), on="event_ts", how="left", maintain_order="left")
        return cls(dataset, told["deviation"].fill_null(np.nan).to_numpy())

    def at_close(self, close: str, **columns: Any) -> pl.DataFrame:
        """These columns, one value a day, beside the day's close, which is named `close`."""
        closes = pl.Series(close, [day + DAY for day in self.dataset.days], SCHEMA["made_at"])
        return pl.DataFrame({close: closes, **columns})

    def prices(self, close: str, price: str) -> pl.DataFrame:
        """The price at each close that has one."""
        return self.at_close(close, **{price: self.dataset.closes}).filter(pl.col(price).is_finite())

    def labels(self, horizon: int, width: float) -> pl.DataFrame:
        """What was right at each close, by column `label_now`."""
        labels, *_ = triple_barrier(self.dataset.closes, self.deviations, horizon, width)
        names = [None if label == UNKNOWN else CLASSES[label] for label in labels]
        return self.at_close("first_close", label_now=pl.Series(names, dtype=pl.String))

    def momentum(self) -> pl.DataFrame:
        """What the momentum rule says to whoever asks before each close, which is what it said at the one before."""
        said = [CLASSES[one] for one in momentum(self.dataset, np.arange(len(self.dataset)))]
        names = self.at_close("first_close", momentum_now=pl.Series(said, dtype=pl.String))
        return names.with_columns(pl.col("first_close").dt.offset_by("1d"))


def scored(record: pl.DataFrame, market: Market, at: datetime) -> pl.DataFrame:
    """The record with every score that can be made of these prices, and the reason where none can.

    A score is made once; it is restated where a price, or with it the label, is another now, and stays where none is known any more.
    """
    parts = [pl.DataFrame(schema=SCHEMA)]
    for (horizon, width), rows in record.partition_by("horizon_days", "barrier_width", as_dict=True).items():
        parts.append(_scored(rows, market, market.labels(horizon, width), at))
    return pl.concat(parts).sort(ORDER)


def _scored(rows: pl.DataFrame, market: Market, labels: pl.DataFrame, at: datetime) -> pl.DataFrame:
    told = rows.join(market.prices("first_close", "first_now"), on="first_close", how="left")
    told = told.join(market.prices("last_close", "last_now"), on="last_close", how="left")
    told = told.join(labels, on="first_close", how="left").join(market.momentum(), on="first_close", how="left")
    told = told.with_columns(unscored=_why_not(at), momentum=pl.coalesce("momentum", "momentum_now"))
    is_new = pl.col("unscored").is_null() & _differs()
    made = _with_scores(told.filter(is_new), at)
    return pl.concat([told.filter(~is_new).select(list(SCHEMA)), made])


def _why_not(at: datetime) -> pl.Expr:
    """Why a row has no score now; null where it has one, or can be given one."""
    over = pl.col("last_close") <= pl.lit(at)
    return (
        pl.when(pl.col("decision").is_null())
        .then(pl.lit(DAMAGED))
        .when(pl.col("scored_at").is_not_null())
        .then(None)
        .when(~over)
        .then(pl.lit(OPEN))
        .when(pl.col("first_now").is_null())
        .then(pl.lit(NO_FIRST_PRICE))
        .when(pl.col("last_now").is_null())
        .then(pl.lit(NO_LAST_PRICE))
    )


def _differs() -> pl.Expr:
    """Whether there are prices, and others than those of the score that there is, if any."""
    there = pl.col("first_now").is_not_null() & pl.col("last_now").is_not_null()
    pairs = (("first_price", "first_now"), ("last_price", "last_now"), ("label", "label_now"))
    return there & pl.any_horizontal(pl.col(old).ne_missing(pl.col(new)) for old, new in pairs)


def _with_scores(rows: pl.DataFrame, at: datetime) -> pl.DataFrame:
    gains = np.log((rows["last_now"] / rows["first_now"]).to_numpy())
    followed = [_followed(gain, cost) for gain, cost in zip(gains, rows["cost_bps"], strict=True)]
    rows = rows.with_columns(
        first_price="first_now",
        last_price="last_now",
        label="label_now",
        net_buy_and_hold=pl.Series(followed, dtype=pl.Float64),
        restated_at=pl.when(pl.col("scored_at").is_not_null()).then(pl.lit(at)),
        scored_at=pl.coalesce("scored_at", pl.lit(at)),
    )
    rows = rows.with_columns(net_return=_net("decision"), net_momentum=_net("momentum"))
    rows = rows.with_columns(first_net_return=pl.coalesce("first_net_return", "net_return"))
    return rows.select(pl.col(name).cast(dtype) for name, dtype in SCHEMA.items())


def _net(decision: str) -> pl.Expr:
    """Of following decisions one by one: that of being long, or nothing."""
    return pl.when(pl.col(decision) == LONG).then("net_buy_and_hold").when(pl.col(decision).is_not_null()).then(0.0)


def _followed(gain: float, cost_bps: float) -> float:
    """Log return of a position that is taken at the first close and given up at the last one, less both costs."""
    return float(net_returns(np.array([1.0, 0.0]), np.array([gain, 0.0]), cost_bps).sum())
