"""A lake whose features of Ethereum are invented: with nothing to be found in them, or with a signal planted."""

from datetime import UTC, datetime, time, timedelta

import numpy as np
import polars as pl
from pyiceberg.expressions import AlwaysTrue

from cryptodudez_assets.contracts.base import polars_schema
from cryptodudez_assets.derived.upkeep.materialize import table_specs
from cryptodudez_assets.feature_store.online import open_online_store
from cryptodudez_assets.feature_store.publish import publish_latest
from cryptodudez_assets.features.declaration import FeatureView
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.models.dataset import Dataset
from cryptodudez_assets_tests.ether import CHOSEN, NAMES, PRICES, SYMBOL, VIEWS

DAY = timedelta(days=1)
WINDOW = 30


def fill(lake: Lake, market: Dataset, until: datetime | None = None) -> None:
    """Write the market to the tables that the signal is made from, its last day being the day before `until` (now)."""
    last = datetime.combine(until or datetime.now(UTC), time(), UTC) - DAY
    days = [last - DAY * back for back in range(len(market) - 1, -1, -1)]
    features = pl.DataFrame(market.features, schema=list(NAMES)).cast(pl.Float64).fill_nan(None)
    for view in VIEWS:
        theirs = features.select(pl.col(f"{view.name}__{name}").alias(name) for name in CHOSEN[view.name])
        _write(lake, view, theirs.with_columns(pl.Series("event_ts", days, dtype=pl.Datetime("us", "UTC"))), market)
    store = open_online_store(lake.settings.online)
    for view in VIEWS:
        publish_latest(lake, view, store)
    store.close()


def _write(lake: Lake, view: FeatureView, rows: pl.DataFrame, market: Dataset) -> None:
    schema = polars_schema(view.contract)
    known: dict[str, object] = {"known_ts": pl.col("event_ts").dt.offset_by("1d")}
    if view is PRICES:
        known |= {"symbol": pl.lit(SYMBOL), "close": pl.Series(market.closes), "volatility_30d": volatility(market)}
        known |= {"from_candle": pl.lit(value=False)}
    else:
        known |= {"eth_close": pl.Series(market.closes), "n_coins": pl.lit(1)}
    absent = {name: pl.lit(None, dtype) for name, dtype in schema.items() if name not in {*rows.columns, *known}}
    table = rows.with_columns(**known, **absent).select(pl.col(name).cast(dtype) for name, dtype in schema.items())
    with lake.tables.changing(table_specs(view)[0]) as change:
        change.delete(AlwaysTrue()).add(table)


def volatility(market: Dataset) -> pl.Series:
    """Of the last 30 returns, per year, as `crypto_daily` says it."""
    returns = pl.Series(np.concatenate([[np.nan], market.returns[:-1]])).fill_nan(None)
    return returns.rolling_std(WINDOW, min_samples=20) * 365**0.5
