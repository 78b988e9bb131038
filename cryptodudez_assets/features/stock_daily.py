"""The view `stock_daily`: returns and risk of each stock."""

from datetime import timedelta

import pandera.polars as pa
import polars as pl

from cryptodudez_assets.features.days import as_contract
from cryptodudez_assets.features.declaration import FeatureContract, FeatureView, Frames, Input
from cryptodudez_assets.features.prices import HORIZONS, SYMBOL, high_low_range, ratio, returns, trailing

AT_LEAST = 15  # 30 calendar days hold 19 to 22 trading days
DAYS_A_YEAR = 252
TOLERANCE = timedelta(days=5)


class StockDailyFeatures(FeatureContract):
    """Returns and risk of each stock per trading day, from its adjusted close.

    Only trading days have rows: no return of a weekend is invented. A return over n days starts from the last trading
    day on or before the n-th day back, if that is at most 5 days earlier. Windows are calendar days that end with the
    row's own. Where the vendor's adjustment makes a price negative, there is no return. A row is known when its candle
    is, at the close.
    """

    symbol: str = pa.Field(description="Ticker.")
    close_adjusted: float = pa.Field(description="Close adjusted for splits and dividends.", metadata={"unit": "USD"})
    days_since_close: pl.Int64 = pa.Field(
        description="Calendar days that the 1-day return spans.", nullable=True, metadata={"unit": "days"}
    )
    return_1d: float = ratio("Simple return since the trading day before.")
    return_7d: float = ratio("Simple return over 7 days.")
    return_30d: float = ratio("Simple return over 30 days.")
    log_return_1d: float = ratio("Logarithmic return since the trading day before.")
    log_return_7d: float = ratio("Logarithmic return over 7 days.")
    log_return_30d: float = ratio("Logarithmic return over 30 days.")
    volatility_30d: float = pa.Field(
        description="Deviation of the daily log returns of 30 days (at least 15), times the root of 252.",
        nullable=True,
        metadata={"unit": "per year"},
    )
    high_low_range: float = ratio("Logarithm of the day's high over its low.")
    volume_zscore_30d: float = pa.Field(
        description="Log volume, less its mean over 30 days (at least 15 with volume), in deviations.",
        nullable=True,
        metadata={"unit": "standard deviations"},
    )
    drawdown_365d: float = ratio("Adjusted close over the highest of 365 days, less one.")
    dollar_volume: float = pa.Field(description="Shares traded times close.", metadata={"unit": "USD"})


def transform(frames: Frames) -> pl.LazyFrame:
    """Candles to features."""
    day = pl.col("date").cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    candles = frames["market.stock_prices"].sort("symbol", "date", "event_ts", "known_ts").with_columns(event_ts=day)
    candles = (
        candles.unique(["symbol", "event_ts"], keep="last")
        .sort("symbol", "event_ts")
        .with_columns(
            price=pl.when(pl.col("close_adjusted") > 0).then("close_adjusted"),
            dollar_volume=pl.col("close") * pl.col("volume"),
        )
    )
    rows = candles
    for days in HORIZONS:
        rows = _as_of(rows, candles, days)
    span = (pl.col("event_ts") - pl.col("day_1d")).dt.total_days()
    rows = rows.sort("symbol", "event_ts").with_columns(
        *returns(pl.col("price")), high_low_range(), span.alias("days_since_close")
    )
    rows = rows.with_columns(trailing(pl.col("price"), pl.col("volume"), AT_LEAST, DAYS_A_YEAR))
    return as_contract(rows, StockDailyFeatures, SYMBOL)


def _as_of(rows: pl.LazyFrame, candles: pl.LazyFrame, days: int) -> pl.LazyFrame:
    """The rows with the price of the last trading day at least so many days before, and that day."""
    day = f"day_{days}d"
    earlier = candles.select("symbol", pl.col("event_ts").alias(day), pl.col("price").alias(f"close_{days}d"))
    return rows.with_columns(back=pl.col("event_ts").dt.offset_by(f"-{days}d")).join_asof(
        earlier, left_on="back", right_on=day, by="symbol", tolerance=TOLERANCE, coalesce=False, check_sortedness=False
    )


VIEW = FeatureView(
    name="stock_daily",
    contract=StockDailyFeatures,
    owner="team:quant-research",
    key=SYMBOL,
    inputs=[Input("market.stock_prices", ["symbol", "date", "high", "low", "close", "close_adjusted", "volume"])],
    transform=transform,
    window=timedelta(days=365),
    ttl=timedelta(days=5),
    tags={"domain": "market"},
)
