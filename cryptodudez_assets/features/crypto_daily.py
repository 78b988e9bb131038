"""The view `crypto_daily`: returns and risk of each coin."""

from datetime import timedelta

import pandera.polars as pa
import polars as pl

from cryptodudez_assets.features.days import as_contract, day_of, days_before
from cryptodudez_assets.features.declaration import FeatureContract, FeatureView, Frames, Input
from cryptodudez_assets.features.exact import quotient
from cryptodudez_assets.features.prices import HORIZONS, SYMBOL, high_low_range, ratio, returns, trailing

AT_LEAST = 20
DAYS_A_YEAR = 365


class CryptoDailyFeatures(FeatureContract):
    """Returns and risk of each coin per UTC day of its candles.

    Returns compare exact calendar days: they are null where the other day has no candle. What was not recorded stays
    null. Windows are calendar days that end with the row's own. A row is known when its candle is, at the close.
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
        description="Log volume, less its mean over 30 days (at least 20), in deviations.",
        nullable=True,
        metadata={"unit": "standard deviations"},
    )
    drawdown_365d: float = ratio("Close over the highest close of 365 days, less one.")
    turnover: float = ratio("Volume over market capitalisation.")


def transform(frames: Frames) -> pl.LazyFrame:
    """Candles to features."""
    candles = frames["market.crypto_prices"].sort("symbol", "event_ts", "known_ts").with_columns(day_of("event_ts"))
    candles = candles.unique(["symbol", "event_ts"], keep="last")
    for days in HORIZONS:
        candles = days_before(candles, days, {"close": f"close_{days}d"}, SYMBOL)
    rows = candles.sort("symbol", "event_ts").with_columns(
        *returns(pl.col("close")), high_low_range(), quotient(pl.col("volume"), pl.col("market_cap")).alias("turnover")
    )
    rows = rows.with_columns(trailing(pl.col("close"), pl.col("volume"), AT_LEAST, DAYS_A_YEAR))
    return as_contract(rows, CryptoDailyFeatures, SYMBOL)


VIEW = FeatureView(
    name="crypto_daily",
    contract=CryptoDailyFeatures,
    owner="team:quant-research",
    key=SYMBOL,
    inputs=[Input("market.crypto_prices", ["symbol", "high", "low", "close", "volume", "market_cap"])],
    transform=transform,
    window=timedelta(days=365),
    ttl=timedelta(days=3),
    tags={"domain": "market"},
)
