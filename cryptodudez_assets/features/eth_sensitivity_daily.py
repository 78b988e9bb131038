"""The view `eth_sensitivity_daily`: how closely each coin and each stock moves with Ethereum."""

from datetime import timedelta

import pandera.polars as pa
import polars as pl

from cryptodudez_assets.features.days import as_contract, end_of, on_time
from cryptodudez_assets.features.declaration import FeatureContract, FeatureView, Frames, Input
from cryptodudez_assets.features.exact import Window, finite, quotient
from cryptodudez_assets.features.prices import ratio

COINS, STOCKS, MARKET = "features.crypto_daily", "features.stock_daily", "features.market_factors_daily"
KEY = ["kind", "symbol"]
MEASURES = ["beta_30d", "beta_90d", "correlation_30d", "correlation_90d"]
# Days with a return that a window must hold: stocks trade on about 21 of 30.
AT_LEAST = {"coin": {30: 20, 90: 60}, "stock": {30: 15, 90: 45}}


class EthSensitivityDailyFeatures(FeatureContract):
    """Beta and correlation of every coin and stock to Ethereum, in one long table however many there are.

    From log returns over the 30 and 90 calendar days that end with the row's own: coins over single days (at least
    20 and 60 of them), stocks from one trading day's close to the next (at least 15 and 45) against Ethereum over
    the same days, so that no return of a weekend is invented. Stocks close hours before Ethereum's day ends. A
    ticker may be both a coin's and a stock's: `kind` tells them apart. Known when the UTC day ends.
    """

    kind: str = pa.Field(description="`coin` or `stock`.", isin=["coin", "stock"])
    symbol: str = pa.Field(description="Ticker.")
    beta_30d: float = ratio("Slope of its returns on Ethereum's within 30 days.")
    beta_90d: float = ratio("Slope of its returns on Ethereum's within 90 days.")
    correlation_30d: float = ratio("Correlation of its returns with Ethereum's within 30 days.")
    correlation_90d: float = ratio("Correlation of its returns with Ethereum's within 90 days.")


def transform(frames: Frames) -> pl.LazyFrame:
    """Daily returns to sensitivities."""
    ethereum = frames[MARKET].select("event_ts", "eth_close")
    coins = on_time(frames[COINS]).filter(pl.col("symbol") != "ETH").with_columns(days_since_close=1)
    stocks = on_time(frames[STOCKS])
    rows = [_sensitivities("coin", coins, ethereum), _sensitivities("stock", stocks, ethereum)]
    return as_contract(pl.concat(rows).with_columns(known_ts=end_of("event_ts")), EthSensitivityDailyFeatures, KEY)


def _sensitivities(kind: str, returns: pl.LazyFrame, ethereum: pl.LazyFrame) -> pl.LazyFrame:
    before = pl.col("event_ts") - pl.duration(days="days_since_close")
    earlier = ethereum.select(before="event_ts", eth_before="eth_close")
    paired = returns.with_columns(before=before).join(ethereum, on="event_ts").join(earlier, on="before", how="left")
    growth = quotient(pl.col("eth_close"), pl.col("eth_before"))
    paired = paired.sort("symbol", "event_ts").with_columns(market=finite(growth.log()))
    own, market = pl.col("log_return_1d"), pl.col("market")
    windows = {days: Window(days, at_least, ["symbol"]) for days, at_least in AT_LEAST[kind].items()}
    rows = paired.select(
        "symbol",
        "event_ts",
        *(window.beta(own, market).alias(f"beta_{days}d") for days, window in windows.items()),
        *(window.correlation(own, market).alias(f"correlation_{days}d") for days, window in windows.items()),
        kind=pl.lit(kind),
    )
    return rows.filter(pl.any_horizontal(pl.col(MEASURES).is_not_null()))


VIEW = FeatureView(
    name="eth_sensitivity_daily",
    contract=EthSensitivityDailyFeatures,
    owner="team:quant-research",
    key=KEY,
    inputs=[
        Input(COINS, ["symbol", "log_return_1d"]),
        Input(STOCKS, ["symbol", "log_return_1d", "days_since_close"]),
        Input(MARKET, ["eth_close"]),
    ],
    transform=transform,
    window=timedelta(days=95),
    ttl=timedelta(days=5),
    tags={"domain": "market"},
)
