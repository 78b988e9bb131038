"""The view `market_factors_daily`: what the coin and stock markets did, in as few columns for thousands of symbols."""

from datetime import timedelta

import pandera.polars as pa
import polars as pl

from cryptodudez_assets.features.components import SCHEMA, factors
from cryptodudez_assets.features.days import as_contract, end_of, on_time
from cryptodudez_assets.features.declaration import FeatureContract, FeatureView, Frames, Input
from cryptodudez_assets.features.exact import mean, quotient
from cryptodudez_assets.features.main_coins import DAYS_OF, MAIN_COINS, returns_of
from cryptodudez_assets.features.prices import ratio

COINS, STOCKS = "features.crypto_daily", "features.stock_daily"
TRADED_WITHIN = timedelta(days=5)


def score(number: int) -> float:
    """A column: the day's score on a factor."""
    field: float = pa.Field(
        description=f"The day's score on factor {number} of the coins' standardised log returns.",
        nullable=True,
        metadata={"unit": "standard deviations"},
    )
    return field


class MarketFactorsDailyFeatures(FeatureContract):
    """The markets per UTC day that Ethereum has a candle for: returns of main coins, common factors, breadth, stocks.

    Factors are the first principal components of the standardised log returns of all coins over the 180 days that
    end with the row's own, fitted anew for each day; coins that lack more than 9 of these days take no part. A
    component's sign is such that its larger loadings are positive. Coins take part while they have candles, whatever became of
    them later; an archive that lacks those that died makes the past look better than it was. Stocks are those of the last trading day that
    was known when the UTC day ended (at most 5 days back): weekends repeat it, and `stock_market_age` says so.
    Known when the UTC day ends.
    """

    eth_close: float = pa.Field(description="Last price of Ethereum.", metadata={"unit": "USD"})
    eth_log_return_1d: float = ratio("Log return of Ethereum since the day before.")
    eth_log_return_7d: float = ratio("Log return of Ethereum over 7 days.")
    eth_log_return_1d_lag_1: float = ratio("Log return of Ethereum, one day earlier.")
    eth_log_return_1d_lag_2: float = ratio("Log return of Ethereum, two days earlier.")
    eth_log_return_1d_lag_3: float = ratio("Log return of Ethereum, three days earlier.")
    btc_log_return_1d: float = ratio("Log return of Bitcoin since the day before.")
    btc_log_return_7d: float = ratio("Log return of Bitcoin over 7 days.")
    btc_log_return_1d_lag_1: float = ratio("Log return of Bitcoin, one day earlier.")
    btc_log_return_1d_lag_2: float = ratio("Log return of Bitcoin, two days earlier.")
    btc_log_return_1d_lag_3: float = ratio("Log return of Bitcoin, three days earlier.")
    doge_log_return_1d: float = ratio("Log return of Dogecoin since the day before.")
    doge_log_return_7d: float = ratio("Log return of Dogecoin over 7 days.")
    doge_log_return_1d_lag_1: float = ratio("Log return of Dogecoin, one day earlier.")
    doge_log_return_1d_lag_2: float = ratio("Log return of Dogecoin, two days earlier.")
    doge_log_return_1d_lag_3: float = ratio("Log return of Dogecoin, three days earlier.")
    ltc_log_return_1d: float = ratio("Log return of Litecoin since the day before.")
    ltc_log_return_7d: float = ratio("Log return of Litecoin over 7 days.")
    ltc_log_return_1d_lag_1: float = ratio("Log return of Litecoin, one day earlier.")
    ltc_log_return_1d_lag_2: float = ratio("Log return of Litecoin, two days earlier.")
    ltc_log_return_1d_lag_3: float = ratio("Log return of Litecoin, three days earlier.")
    xrp_log_return_1d: float = ratio("Log return of XRP since the day before.")
    xrp_log_return_7d: float = ratio("Log return of XRP over 7 days.")
    xrp_log_return_1d_lag_1: float = ratio("Log return of XRP, one day earlier.")
    xrp_log_return_1d_lag_2: float = ratio("Log return of XRP, two days earlier.")
    xrp_log_return_1d_lag_3: float = ratio("Log return of XRP, three days earlier.")
    market_factor_1: float = score(1)
    market_factor_2: float = score(2)
    market_factor_3: float = score(3)
    market_factor_1_share: float = ratio("Share of the coins' variance that factor 1 explains.")
    market_factor_2_share: float = ratio("Share of the coins' variance that factor 2 explains.")
    market_factor_3_share: float = ratio("Share of the coins' variance that factor 3 explains.")
    n_coins: pl.Int64 = pa.Field(description="Coins with a return on the day.", metadata={"unit": "coins"})
    breadth: float = ratio("Share of these coins whose return is positive.")
    coin_market_return: float = ratio("Mean simple return of these coins.")
    n_stocks: pl.Int64 = pa.Field(
        description="Stocks with a return on the last trading day.", nullable=True, metadata={"unit": "stocks"}
    )
    stock_market_return: float = ratio("Mean simple return of these stocks on that day.")
    stock_market_age: pl.Int64 = pa.Field(
        description="Days since that trading day; 0 on the day itself.", nullable=True, metadata={"unit": "days"}
    )


def transform(frames: Frames) -> pl.LazyFrame:
    """Daily features of coins and stocks to those of the markets."""
    coins, stocks = on_time(frames[COINS]), on_time(frames[STOCKS])
    rows = coins.filter(symbol=DAYS_OF).select("event_ts", eth_close="close")
    main_coins = (columns for coin in MAIN_COINS for columns in returns_of(coins, coin))
    for columns in (*main_coins, _breadth(coins), _factors(coins)):
        rows = rows.join(columns, on="event_ts", how="left")
    rows = rows.sort("event_ts").join_asof(
        _stock_market(stocks), left_on="event_ts", right_on="trading_day", tolerance=TRADED_WITHIN, coalesce=False
    )
    age = (pl.col("event_ts") - pl.col("trading_day")).dt.total_days()
    return as_contract(rows.with_columns(stock_market_age=age, known_ts=end_of("event_ts")), MarketFactorsDailyFeatures)


def _breadth(coins: pl.LazyFrame) -> pl.LazyFrame:
    change, n = pl.col("return_1d"), pl.col("return_1d").count()
    breadth = quotient((change > 0).sum(), n)
    return coins.group_by("event_ts").agg(n_coins=n, breadth=breadth, coin_market_return=mean(change))


def _factors(coins: pl.LazyFrame) -> pl.LazyFrame:
    returns = coins.select("event_ts", "symbol", "log_return_1d")
    return returns.map_batches(factors, schema=SCHEMA)


def _stock_market(stocks: pl.LazyFrame) -> pl.LazyFrame:
    change = pl.col("return_1d")
    days = stocks.group_by(pl.col("event_ts").alias("trading_day"))
    return days.agg(n_stocks=change.count(), stock_market_return=mean(change)).sort("trading_day")


VIEW = FeatureView(
    name="market_factors_daily",
    contract=MarketFactorsDailyFeatures,
    owner="team:quant-research",
    key=[],
    inputs=[
        Input(COINS, ["symbol", "close", "return_1d", "log_return_1d", "log_return_7d"]),
        Input(STOCKS, ["symbol", "return_1d"]),
    ],
    transform=transform,
    window=timedelta(days=180),
    ttl=timedelta(days=3),
    tags={"domain": "market"},
)
