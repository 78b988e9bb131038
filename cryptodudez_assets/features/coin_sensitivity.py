"""Views of a coin, `<coin>_sensitivity_daily`: how closely each other coin and each stock moves with it."""

from datetime import timedelta
from functools import cache
from typing import Any

import pandera.polars as pa
import polars as pl

from cryptodudez_assets.declared_models.signal import Coin
from cryptodudez_assets.features.coin_days import close_of, table_of_days
from cryptodudez_assets.features.days import as_contract, end_of, on_time
from cryptodudez_assets.features.declaration import FeatureContract, FeatureView, Frames, Input
from cryptodudez_assets.features.exact import Window, finite, quotient
from cryptodudez_assets.features.prices import ratio

COINS, STOCKS = "features.crypto_daily", "features.stock_daily"
KEY = ["kind", "symbol"]
MEASURES = ["beta_30d", "beta_90d", "correlation_30d", "correlation_90d"]
# Days with a return that a window must hold: stocks trade on about 21 of 30.
AT_LEAST = {"coin": {30: 20, 90: 60}, "stock": {30: 15, 90: 45}}
MEANING = """Beta and correlation of every coin and stock to {coin}, in one long table however many there are.

    From log returns over the 30 and 90 calendar days that end with the row's own: coins over single days (at least
    20 and 60 of them), stocks from one trading day's close to the next (at least 15 and 45) against {coin} over
    the same days, so that no return of a weekend is invented. Stocks close hours before {coin}'s day ends. A
    ticker may be both a coin's and a stock's: `kind` tells them apart. Known when the UTC day ends.
    """


@cache
def sensitivity_view(coin: Coin) -> FeatureView:
    """The view of this coin."""
    contract, days, close = _contract(coin), table_of_days(coin), close_of(coin)

    def transform(frames: Frames) -> pl.LazyFrame:
        """Daily returns to sensitivities."""
        coins, stocks = on_time(frames[COINS]), on_time(frames[STOCKS])
        own = frames[days].select("event_ts", own_close=close)
        others = coins.filter(pl.col("symbol") != coin.symbol).with_columns(days_since_close=1)
        rows = [_sensitivities("coin", others, own), _sensitivities("stock", stocks, own)]
        return as_contract(pl.concat(rows).with_columns(known_ts=end_of("event_ts")), contract, KEY)

    return FeatureView(
        name=coin.sensitivity,
        contract=contract,
        owner="team:quant-research",
        key=KEY,
        inputs=[
            Input(COINS, ["symbol", "log_return_1d"]),
            Input(STOCKS, ["symbol", "log_return_1d", "days_since_close"]),
            Input(days, [close]),
        ],
        transform=transform,
        window=timedelta(days=95),
        ttl=timedelta(days=5),
        tags={"domain": "market"},
        made_for=(coin,),
    )


def _contract(coin: Coin) -> type[FeatureContract]:
    columns: dict[str, Any] = {
        "kind": pa.Field(description="`coin` or `stock`.", isin=["coin", "stock"]),
        "symbol": pa.Field(description="Ticker."),
    }
    columns |= {
        f"{measure}_{days}d": ratio(f"{words} {coin.name}'s within {days} days.")
        for measure, words in (
            ("beta", "Slope of its returns on"),
            ("correlation", "Correlation of its returns with"),
        )
        for days in (30, 90)
    }
    return type(
        f"{coin.prefix.capitalize()}SensitivityDailyFeatures",
        (FeatureContract,),
        {
            "__doc__": MEANING.format(coin=coin.name),
            "__module__": __name__,
            "__annotations__": {name: str if name in KEY else float for name in columns},
            **columns,
        },
    )


def _sensitivities(kind: str, returns: pl.LazyFrame, own: pl.LazyFrame) -> pl.LazyFrame:
    before = pl.col("event_ts") - pl.duration(days="days_since_close")
    earlier = own.select(before="event_ts", own_before="own_close")
    paired = returns.with_columns(before=before).join(own, on="event_ts").join(earlier, on="before", how="left")
    growth = quotient(pl.col("own_close"), pl.col("own_before"))
    paired = paired.sort("symbol", "event_ts").with_columns(market=finite(growth.log()))
    moves, market = pl.col("log_return_1d"), pl.col("market")
    windows = {days: Window(days, at_least, ["symbol"]) for days, at_least in AT_LEAST[kind].items()}
    rows = paired.select(
        "symbol",
        "event_ts",
        *(window.beta(moves, market).alias(f"beta_{days}d") for days, window in windows.items()),
        *(window.correlation(moves, market).alias(f"correlation_{days}d") for days, window in windows.items()),
        kind=pl.lit(kind),
    )
    return rows.filter(pl.any_horizontal(pl.col(MEASURES).is_not_null()))
