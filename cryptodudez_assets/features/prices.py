"""What coins and stocks share: returns, volatility, range, volume and drawdown of daily candles, as expressions.

Rows are sorted by symbol and day; `close` is the price that returns are made of, `close_<n>d` the one n days before.
"""

import pandera.polars as pa
import polars as pl

from cryptodudez_assets.features.exact import Window, finite, quotient

SYMBOL = ["symbol"]
HORIZONS = (1, 7, 30)


def ratio(description: str) -> float:
    """A column of a contract: a number without unit that may be null."""
    field: float = pa.Field(description=description, nullable=True, metadata={"unit": "ratio"})
    return field


def returns(close: pl.Expr) -> list[pl.Expr]:
    """Simple and logarithmic returns over all horizons."""
    growth = {days: quotient(close, pl.col(f"close_{days}d")) for days in HORIZONS}
    simple = [(grown - 1).alias(f"return_{days}d") for days, grown in growth.items()]
    return simple + [finite(grown.log()).alias(f"log_return_{days}d") for days, grown in growth.items()]


def trailing(close: pl.Expr, volume: pl.Expr, at_least: int, days_a_year: int) -> list[pl.Expr]:
    """What looks back over a window: volatility, how unusual the volume is, distance from the year's high."""
    month = Window(30, at_least, SYMBOL)
    log_volume = finite(volume.log())
    highest = close.rolling_max_by("event_ts", "365d").over(SYMBOL)
    return [
        (month.deviation(pl.col("log_return_1d")) * days_a_year**0.5).alias("volatility_30d"),
        quotient(log_volume - month.mean(log_volume), month.deviation(log_volume)).alias("volume_zscore_30d"),
        (quotient(close, highest) - 1).alias("drawdown_365d"),
    ]


def high_low_range() -> pl.Expr:
    """Logarithm of the day's high over its low."""
    return finite(quotient(pl.col("high"), pl.col("low")).log()).alias("high_low_range")
