"""Views of a coin, `<coin>_daily`: its own close and returns, one row a day, for what sets everything else against it.

The coin whose days the markets' view has is read from there, and needs none.
"""

from datetime import timedelta
from functools import cache
from typing import Any

import pandera.polars as pa
import polars as pl

from cryptodudez_assets.declared_models.signal import Coin
from cryptodudez_assets.features.days import as_contract, end_of, on_time
from cryptodudez_assets.features.declaration import FeatureContract, FeatureView, Frames, Input
from cryptodudez_assets.features.main_coins import DAYS_OF, LAGS, returns_of
from cryptodudez_assets.features.prices import ratio

COINS, MARKET = "features.crypto_daily", "features.market_factors_daily"
TTL = timedelta(days=3)
"""How old what is said about a coin's day may be."""
LATER = {1: "one day", 2: "two days", 3: "three days"}


def table_of_days(coin: Coin) -> str:
    """The table with the coin's close and returns, without a symbol: what reads it is told by any change of the coin."""
    return MARKET if coin.symbol == DAYS_OF else f"features.{coin.days}"


def close_of(coin: Coin) -> str:
    """The column with its close."""
    return f"{coin.prefix}_close"


def own_returns(coin: Coin) -> dict[str, str]:
    """The columns with its returns, and what they mean."""
    name = f"{coin.prefix}_log_return"
    return {
        f"{name}_1d": f"Log return of {coin.name} since the day before.",
        f"{name}_7d": f"Log return of {coin.name} over 7 days.",
        **{f"{name}_1d_lag_{lag}": f"Log return of {coin.name}, {LATER[lag]} earlier." for lag in LAGS},
    }


@cache
def days_view(coin: Coin) -> FeatureView | None:
    """The view of this coin; None where the markets' view has its days."""
    if coin.symbol == DAYS_OF:
        return None
    contract = _contract(coin)

    def transform(frames: Frames) -> pl.LazyFrame:
        """The coin's rows, side by side with its own of days before."""
        coins = on_time(frames[COINS])
        rows = coins.filter(symbol=coin.symbol).select("event_ts", pl.col("close").alias(close_of(coin)))
        for columns in returns_of(coins, coin.symbol):
            rows = rows.join(columns, on="event_ts", how="left")
        return as_contract(rows.with_columns(known_ts=end_of("event_ts")), contract)

    return FeatureView(
        name=coin.days,
        contract=contract,
        owner="team:quant-research",
        key=[],
        inputs=[Input(COINS, ["symbol", "close", "log_return_1d", "log_return_7d"])],
        transform=transform,
        window=timedelta(days=max(LAGS)),
        ttl=TTL,
        tags={"domain": coin.name.lower()},
        made_for=(coin,),
    )


def _contract(coin: Coin) -> type[FeatureContract]:
    columns: dict[str, Any] = {
        close_of(coin): pa.Field(description=f"Last price of {coin.name}.", metadata={"unit": "USD"}),
        **{name: ratio(meaning) for name, meaning in own_returns(coin).items()},
    }
    return type(
        f"{coin.prefix.capitalize()}DailyFeatures",
        (FeatureContract,),
        {
            "__doc__": f"Close and returns of {coin.name}, one row per UTC day with a candle. Known when the day ends.",
            "__module__": __name__,
            "__annotations__": dict.fromkeys(columns, float),
            **columns,
        },
    )
