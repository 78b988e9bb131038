"""The view `stock_rolling`: the candles of stocks and ETFs with the mean volume and the median price of their last 30 rows."""

from datetime import timedelta

import pandera.polars as pa
import polars as pl

from cryptodudez_assets.contracts.stock_market import AS_IN_FILES
from cryptodudez_assets.derived.files import Parquet
from cryptodudez_assets.features.days import as_contract
from cryptodudez_assets.features.declaration import FeatureContract, FeatureView, Frames, Input
from cryptodudez_assets.features.prices import SYMBOL
from cryptodudez_assets.ordering import in_order_lazily

ROWS = 30
AT_LEAST = 15  # 30 calendar days hold 19 to 22 trading days
CANDLE = ["security_name", "kind", "date", "open", "high", "low", "close", "adj_close", "volume"]


class StockRollingFeatures(FeatureContract):
    """Candles of stocks and ETFs, with the mean of volume and the median of adjusted close over the last 30 trading days.

    The window is 30 rows of the symbol, the row's own being the last; before there are 30, both are null. A row is known
    when its candle is, at the close.
    """

    symbol: str = pa.Field(description="Symbol.")
    security_name: str = pa.Field(description="Name of the security as the index has it now.", nullable=True)
    kind: str = pa.Field(description="stock or etf.")
    date: pl.Date = pa.Field(description="Trading day in New York.")
    open: float = pa.Field(description="First price of the day.", nullable=True, metadata={"unit": "USD"})
    high: float = pa.Field(description="Highest price of the day.", metadata={"unit": "USD"})
    low: float = pa.Field(description="Lowest price of the day.", metadata={"unit": "USD"})
    close: float = pa.Field(description="Last price of the day, adjusted for splits.", metadata={"unit": "USD"})
    adj_close: float = pa.Field(description="Close adjusted for splits and dividends.", metadata={"unit": "USD"})
    volume: pl.Int64 = pa.Field(description="Shares traded.", metadata={"unit": "shares"})
    vol_moving_avg: float = pa.Field(
        description="Mean of volume over the window.", nullable=True, metadata={"unit": "shares"}
    )
    adj_close_rolling_med: float = pa.Field(
        description="Median of adjusted close over the window.", nullable=True, metadata={"unit": "USD"}
    )


def last_rows(rows: int) -> list[pl.Expr]:
    """Mean volume and median price of so many rows of the symbol, null until they are there. Rows must be in order.

    Windows run over all rows, and count where they lie within one symbol: half the time of a window for each symbol. A sum
    of integers is exact, so that the mean does not depend on what lies before the window.
    """
    within_symbol = pl.when(*(pl.col(name) == pl.col(name).shift(rows - 1) for name in SYMBOL))
    volume, price = pl.col("volume"), pl.col("adj_close")
    return [
        within_symbol.then(volume.rolling_sum(rows) / rows).alias("vol_moving_avg"),
        within_symbol.then(price.rolling_median(rows)).alias("adj_close_rolling_med"),
    ]


def last_days(days: int) -> list[pl.Expr]:
    """The same over so many calendar days, null where fewer than 15 rows lie in them."""
    volume, price, span = pl.col("volume"), pl.col("adj_close"), f"{days}d"
    n = volume.is_not_null().cast(pl.Int64).rolling_sum_by("date", span)
    total = volume.rolling_sum_by("date", span, min_samples=AT_LEAST)
    return [
        (total / n).over(SYMBOL).alias("vol_moving_avg"),
        price.rolling_median_by("date", span, min_samples=AT_LEAST).over(SYMBOL).alias("adj_close_rolling_med"),
    ]


def transform(frames: Frames) -> pl.LazyFrame:
    """Candles to features, over 30 rows."""
    return _with_window(frames, last_rows(ROWS))


def _with_window(frames: Frames, window: list[pl.Expr]) -> pl.LazyFrame:
    candles = in_order_lazily(frames["market.stock_market"], ["symbol", "date"]).with_columns(window)
    return as_contract(candles, StockRollingFeatures, SYMBOL)


EXPORT = Parquet(
    columns=AS_IN_FILES | {name: name for name in ("vol_moving_avg", "adj_close_rolling_med")},
    sort_by=["symbol", "date"],
    description="The candles of stocks and ETFs with mean volume and median price of their last 30 rows, as one Parquet file.",
)


def rolling_view(calendar_days: int | None = None) -> FeatureView:
    """The view over 30 rows, or over so many calendar days."""

    def over_days(frames: Frames) -> pl.LazyFrame:
        return _with_window(frames, last_days(calendar_days or 0))

    return FeatureView(
        name="stock_rolling",
        contract=StockRollingFeatures,
        owner="team:quant-research",
        key=SYMBOL,
        inputs=[Input("market.stock_market", ["symbol", *CANDLE])],
        transform=over_days if calendar_days else transform,
        window=timedelta(days=calendar_days) if calendar_days else None,
        rows_back=None if calendar_days else ROWS - 1,
        ttl=timedelta(days=5),
        exports=[EXPORT],
        tags={"domain": "market"},
    )


VIEW = rolling_view()
