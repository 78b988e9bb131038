"""The view `stock_volume`: what the close of a stock's day tells of the volumes that follow, for a forecast of the next day's."""

from datetime import timedelta

import pandera.polars as pa
import polars as pl

from cryptodudez_assets.features.days import as_contract
from cryptodudez_assets.features.declaration import FeatureContract, FeatureView, Frames, Input
from cryptodudez_assets.features.exact import finite, mean_of_rows
from cryptodudez_assets.features.prices import SYMBOL, high_low_range, ratio
from cryptodudez_assets.features.stock_rolling import ROWS, last_rows
from cryptodudez_assets.ordering import in_order_lazily

DAYS, WEEK, MONTH = 5, 5, 22
"""Trading days that are told one by one, and those of a week and of a month."""


def over_month(which: str) -> float:
    """A column of the contract: how a volume compares with the month's."""
    return ratio(f"Logarithm of {which} over `volume_mean_22`, of each 1 share more.")


class StockVolumeFeatures(FeatureContract):
    """Volumes of a symbol's last trading days beside those of its last month, as they are known at the close of the last of them.

    Days are rows of the symbol, the row's own being the last; what looks back further than there are rows is null. `vol_moving_avg`
    and `adj_close_rolling_med` are those of `features.stock_rolling` over 30 rows.
    """

    symbol: str = pa.Field(description="Symbol.")
    date: pl.Date = pa.Field(description="Trading day in New York.")
    volume: pl.Int64 = pa.Field(description="Shares traded.", metadata={"unit": "shares"})
    vol_moving_avg: float = pa.Field(
        description="Mean of volume over 30 days.", nullable=True, metadata={"unit": "shares"}
    )
    adj_close_rolling_med: float = pa.Field(
        description="Median of adjusted close over 30 days.", nullable=True, metadata={"unit": "USD"}
    )
    volume_mean_22: float = pa.Field(
        description="Mean of volume over 22 days.", nullable=True, metadata={"unit": "shares"}
    )
    log_volume: float = over_month("the day's volume")
    log_volume_lag_1: float = over_month("the volume one day before")
    log_volume_lag_2: float = over_month("the volume two days before")
    log_volume_lag_3: float = over_month("the volume three days before")
    log_volume_lag_4: float = over_month("the volume four days before")
    log_volume_mean_5: float = ratio("Mean of the same logarithms over 5 days.")
    log_volume_mean_22: float = ratio("Mean of the same logarithms over 22 days.")
    log_return_1d: float = ratio("Logarithm of the close over the one of the day before, both adjusted for splits.")
    high_low_range: float = ratio("Logarithm of the day's high over its low.")
    weekday: pl.Int64 = pa.Field(description="Day of the week, 1 is Monday.")


def transform(frames: Frames) -> pl.LazyFrame:
    """Candles to features. Windows run over all rows, and count where they lie within one symbol, as in `last_rows`."""
    candles = in_order_lazily(frames["market.stock_market"], ["symbol", "date"])
    month = _within(MONTH).then(pl.col("volume").rolling_sum(MONTH) / MONTH)
    rows = candles.with_columns(*last_rows(ROWS), high_low_range(), volume_mean_22=month)
    log, log_of_month = (pl.col("volume") + 1).log(), (pl.col("volume_mean_22") + 1).log()
    rows = rows.with_columns(
        **{f"log_volume_lag_{lag}": log.shift(lag) - log_of_month for lag in range(1, DAYS)},
        log_volume=log - log_of_month,
        log_volume_mean_5=mean_of_rows(log, WEEK) - log_of_month,
        log_volume_mean_22=mean_of_rows(log, MONTH) - log_of_month,
        log_return_1d=_within(2).then(finite((pl.col("close") / pl.col("close").shift(1)).log())),
        weekday=pl.col("date").dt.weekday(),
    )
    return as_contract(rows, StockVolumeFeatures, SYMBOL)


def _within(rows: int) -> "pl.expr.whenthen.When":
    """Where so many rows are of one symbol."""
    return pl.when(*(pl.col(name) == pl.col(name).shift(rows - 1) for name in SYMBOL))


VIEW = FeatureView(
    name="stock_volume",
    contract=StockVolumeFeatures,
    owner="team:quant-research",
    key=SYMBOL,
    inputs=[Input("market.stock_market", ["symbol", "date", "high", "low", "close", "adj_close", "volume"])],
    transform=transform,
    window=None,
    rows_back=ROWS - 1,
    ttl=timedelta(days=5),
    tags={"domain": "market"},
)
