"""The view `crypto_daily`: returns and risk of each coin."""

from datetime import timedelta

import pandera.polars as pa
import polars as pl

from cryptodudez_assets.contracts.candle_days import CandleDays
from cryptodudez_assets.contracts.crypto_prices import CryptoPrices
from cryptodudez_assets.features.days import as_contract, day_of, days_before
from cryptodudez_assets.features.declaration import FeatureContract, FeatureView, Frames, Input
from cryptodudez_assets.features.exact import quotient
from cryptodudez_assets.features.prices import HORIZONS, SYMBOL, high_low_range, ratio, returns, trailing

AT_LEAST = 20
DAYS_A_YEAR = 365
ARCHIVE, CANDLES = "market.crypto_prices", "market.candle_days"


class CryptoDailyFeatures(FeatureContract):
    """Returns and risk of each coin per UTC day of its candles.

    Returns compare exact calendar days: they are null where the other day has no candle. What was not recorded stays
    null. Windows are calendar days that end with the row's own. A row is known when its candle is, at the close.
    Where a candle that was fetched stands for a day that the archive lacks, dollars are USDT, and turnover is null.
    """

    symbol: str = pa.Field(description="Ticker of the coin.")
    close: float = pa.Field(description="Last price of the day.", metadata={"unit": "USD"})
    return_1d: float = ratio("Simple return since the day before.")
    return_7d: float = ratio("Simple return over 7 days.")
    return_30d: float = ratio("Simple return over 30 days.")
    log_return_1d: float = ratio("Logarithmic return since the day before.")
    log_return_7d: float = ratio("Logarithmic return over 7 days.")
    log_return_30d: float = ratio("Logarithmic return over 30 days.")
    volatility_30d: float = pa.Field(
        description="Deviation of the daily log returns of 30 days (at least 20), times the root of 365.",
        nullable=True,
        metadata={"unit": "per year"},
    )
    high_low_range: float = ratio("Logarithm of the day's high over its low.")
    volume_zscore_30d: float = pa.Field(
        description="Log volume, less its mean over 30 days (at least 20), in deviations; null while these are of two sources.",
        nullable=True,
        metadata={"unit": "standard deviations"},
    )
    drawdown_365d: float = ratio("Close over the highest close of 365 days, less one.")
    turnover: float = ratio("Volume over market capitalisation.")
    from_candle: pl.Boolean = pa.Field(description="Whether the day is of a candle that was fetched, in USDT.")


def days_of(frames: Frames) -> pl.LazyFrame:
    """Each day of each coin by one source: the archive where it has the day, else a candle that was fetched."""
    archive = frames[ARCHIVE].with_columns(from_candle=pl.lit(value=False))
    candles = frames[CANDLES].rename({"coin": "symbol"}).with_columns(from_candle=pl.lit(value=True))
    there = archive.select("symbol", day=day_of("event_ts"))
    others = candles.with_columns(day=day_of("event_ts")).join(there, on=["symbol", "day"], how="anti").drop("day")
    return pl.concat([archive, others], how="diagonal")


def transform(frames: Frames) -> pl.LazyFrame:
    """Candles to features."""
    candles = days_of(frames).sort("symbol", "event_ts", "known_ts").with_columns(day_of("event_ts"))
    candles = candles.unique(["symbol", "event_ts"], keep="last")
    for days in HORIZONS:
        candles = days_before(candles, days, {"close": f"close_{days}d"}, SYMBOL)
    rows = candles.sort("symbol", "event_ts").with_columns(
        *returns(pl.col("close")), high_low_range(), quotient(pl.col("volume"), pl.col("market_cap")).alias("turnover")
    )
    rows = rows.with_columns(trailing(pl.col("close"), pl.col("volume"), AT_LEAST, DAYS_A_YEAR))
    # The archive's volume is of all venues, a candle's of one: beside each other they say nothing of what is unusual.
    is_candle = pl.col("from_candle").cast(pl.Int8)
    least = is_candle.rolling_min_by("event_ts", "30d").over(SYMBOL)
    most = is_candle.rolling_max_by("event_ts", "30d").over(SYMBOL)
    rows = rows.with_columns(volume_zscore_30d=pl.when(least == most).then("volume_zscore_30d"))
    return as_contract(rows, CryptoDailyFeatures, SYMBOL)


VIEW = FeatureView(
    name="crypto_daily",
    contract=CryptoDailyFeatures,
    owner="team:quant-research",
    key=SYMBOL,
    inputs=[
        Input(ARCHIVE, ["symbol", "high", "low", "close", "volume", "market_cap"], absent=CryptoPrices),
        Input(CANDLES, ["coin", "high", "low", "close", "volume"], absent=CandleDays),
    ],
    transform=transform,
    window=timedelta(days=365),
    ttl=timedelta(days=3),
    tags={"domain": "market"},
)
