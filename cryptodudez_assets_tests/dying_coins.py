"""A market of coins some of which die, as an archive has it that was kept all along, and as one that was collected at the end."""

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl

from cryptodudez_assets.features import all_views
from cryptodudez_assets.models.dataset import Floats
from cryptodudez_assets_tests.feature_frames import TIME, computed

FIRST = datetime(2018, 1, 1, tzinfo=UTC)
MARKET = all_views()["market_factors_daily"]
COINS, STOCKS = "features.crypto_daily", "features.stock_daily"
FALL_DAYS, FALL = 60, -0.02
"""A coin that dies falls by so much a day before, beside the market."""


def dying_market(
    seed: int, coins: int = 40, days: int = 900, a_year: float = 0.15
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Daily returns of coins, with those that died until their last day, and of those alone that are there at the end.

    `a_year`: the share of coins that die within one. The first is Ether, and lives.
    """
    random = np.random.default_rng(seed)
    returns = random.normal(0.001, 0.03, (days, 1)) + random.normal(0, 0.03, (days, coins))
    ends = np.minimum(random.exponential(365 / a_year, coins).astype(int) + 2 * FALL_DAYS, days)
    ends[0] = days
    parts = [_coin(number, returns[:end, number], end < days) for number, end in enumerate(ends)]
    everything = pl.concat(parts)
    alive = everything.filter(pl.col("event_ts").max().over("symbol") == FIRST + timedelta(days=days - 1))
    return everything, alive


def market_of(coins: pl.DataFrame) -> pl.DataFrame:
    """The features of the market that the platform makes of them."""
    stocks = {
        "symbol": pl.String,
        "return_1d": pl.Float64,
        "log_return_1d": pl.Float64,
        "event_ts": TIME,
        "known_ts": TIME,
    }
    return computed(MARKET, {COINS: coins.lazy(), STOCKS: pl.LazyFrame(schema=stocks)})


def _coin(number: int, returns: Floats, dies: bool) -> pl.DataFrame:
    own = returns.copy()
    if dies:
        own[-FALL_DAYS:] += FALL
    days = [FIRST + timedelta(days=day) for day in range(len(own))]
    return pl.DataFrame(
        {
            "symbol": f"C{number:02}" if number else "ETH",
            "close": 1.0,
            "return_1d": np.expm1(own),
            "log_return_1d": own,
            "log_return_7d": pl.Series([None] * len(own), dtype=pl.Float64),
            "event_ts": pl.Series(days, dtype=TIME),
            "known_ts": pl.Series([day + timedelta(hours=23) for day in days], dtype=TIME),
        }
    )
