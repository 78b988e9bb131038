"""Archive of daily candles, one file per coin: who the coins are and what is recorded of them."""

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from cryptodudez_assets.simulator.dirt import Row
from cryptodudez_assets.simulator.job import Job
from cryptodudez_assets.simulator.market import Asset, Factor, days
from cryptodudez_assets.simulator.names import ticker
from cryptodudez_assets.simulator.sizes import FIRST_DAY
from cryptodudez_assets.simulator.truth import SourceTruth

SOURCE = "crypto_prices"
FOLDER = "cryptocurrency_historical_prices"
HEADER = "SNo,Name,Symbol,Date,High,Low,Open,Close,Volume,Marketcap"
JUNK_FILES = 5
STUDIED = {"BTC", "DOGE"}
PLANTED_IN, PLANTED_RETURN, PLANTED_VOLUME, PLANTED_MEMORY = "ETH", 0.02, 0.6, 0.6
"""Log return of the day after one that is unusually busy (by one deviation), how much of the traded volume says so, and for how long."""
DOGE_REACTION = 0.03  # extra log return of Dogecoin on the day of a tweet about it, a third of it on the next


@dataclass(frozen=True)
class Coin:
    """A coin: since when it is traded, and from what price and supply its simulation starts."""

    name: str
    symbol: str
    listed: date
    price: float
    supply: float
    volatility: float = 0.035
    pegged: bool = False


COINS = (
    Coin("Bitcoin", "BTC", date(2013, 5, 1), 110, 11e6, volatility=0.02),
    Coin("Ethereum", "ETH", date(2015, 8, 10), 5, 72e6, volatility=0.03),
    Coin("Dogecoin", "DOGE", date(2013, 12, 20), 4e-4, 3e10),
    Coin("XRP", "XRP", date(2013, 8, 10), 6e-3, 8e9),
    Coin("Litecoin", "LTC", date(2013, 5, 1), 3, 18e6),
    Coin("Monero", "XMR", date(2014, 6, 1), 2, 1e6),
    Coin("Stellar", "XLM", date(2014, 8, 10), 3e-3, 1e9),
    Coin("Tether", "USDT", date(2015, 3, 1), 1, 1e6, volatility=0.003, pegged=True),
    Coin("NEM", "XEM", date(2015, 4, 1), 4e-4, 9e9),
    Coin("Dash", "DASH", date(2014, 3, 1), 3, 4e6),
    Coin("Ethereum Classic", "ETC", date(2016, 8, 1), 2, 80e6),
    Coin("Zcash", "ZEC", date(2016, 11, 1), 60, 3e5),
    Coin("IOTA", "MIOTA", date(2017, 6, 20), 0.4, 2.7e9),
    Coin("EOS", "EOS", date(2017, 7, 10), 1, 5e8),
    Coin("Binance Coin", "BNB", date(2017, 8, 1), 0.2, 1e8),
    Coin("TRON", "TRX", date(2017, 10, 1), 3e-3, 5e10),
    Coin("Chainlink", "LINK", date(2017, 10, 1), 0.2, 3e8),
    Coin("Cardano", "ADA", date(2017, 10, 10), 0.03, 2.5e10),
    Coin("USD Coin", "USDC", date(2018, 10, 10), 1, 1e7, volatility=0.002, pegged=True),
    Coin("Cosmos", "ATOM", date(2019, 3, 20), 5, 1.9e8),
    Coin("Solana", "SOL", date(2020, 4, 20), 0.8, 2e7, volatility=0.05),
    Coin("Polkadot", "DOT", date(2020, 8, 25), 4, 8e8, volatility=0.045),
    Coin("Uniswap", "UNI", date(2020, 9, 20), 4, 1e8, volatility=0.05),
)


def write_coins(job: Job, factor: Factor, doge_tweets: Counter[date]) -> SourceTruth:
    """Write the archive; Dogecoin rises a little after tweets about it."""
    with job.archive(SOURCE, f"{FOLDER}.zip") as archive, job.truth_table(SOURCE, _truth) as truth:
        archive.folder(FOLDER)
        for number, coin in enumerate(_coins(job)):
            file = f"coin_{coin.name.replace(' ', '')}.csv"
            calendar = _calendar(job, coin)
            candles = _rows(job, coin, calendar, factor, doge_tweets if coin.symbol == "DOGE" else Counter())
            archive.csv(f"{FOLDER}/{file}", HEADER, truth.keep(candles), good_rows=len(calendar))
            if number < JUNK_FILES:
                archive.junk(f"__MACOSX/{FOLDER}/._{file}")
    return SourceTruth.of([archive.account], valid=truth.rows)


def _coins(job: Job) -> list[Coin]:
    """The known coins, then as many invented ones as the size asks for."""
    rng = job.rng(SOURCE, "listing")
    invented = [
        Coin(
            f"Token {ticker(n)}",
            f"X{ticker(n)}",
            FIRST_DAY + timedelta(rng.randrange(4000)),
            rng.lognormvariate(0, 2),
            1e8,
        )
        for n in range(job.size.coins - len(COINS))
    ]
    return [*COINS, *invented][: job.size.coins]


def _calendar(job: Job, coin: Coin) -> list[date]:
    """The days on which the coin has a candle, at least one."""
    end = job.last_day
    first = end - timedelta(days=job.size.crypto_days - 1)
    if coin.symbol in STUDIED and job.size.study_since:
        first = min(first, job.size.study_since)
    first = max(coin.listed, first)
    return list(days(min(first, end), end))


def _rows(job: Job, coin: Coin, calendar: list[date], factor: Factor, tweets: Counter[date]) -> Iterator[Row]:
    rng = job.rng(SOURCE, coin.symbol)
    beta = 0.02 if coin.pegged else rng.uniform(0.7, 1.3)
    drift, pull = (0.0, 0.5) if coin.pegged else (0.002, 0.0)
    asset = Asset(rng, price=coin.price, volatility=coin.volatility, beta=beta, drift=drift, pull=pull)
    planted = job.planted and coin.symbol == PLANTED_IN
    busy = 0.0
    supply, growth = coin.supply, 1 + rng.uniform(5e-5, 3e-4)
    for number, day in enumerate(calendar):
        excited = min(tweets[day], 2) + min(tweets[day - timedelta(days=1)], 2) / 3
        candle = asset.step(factor[day], DOGE_REACTION * excited + (PLANTED_RETURN * busy if planted else 0.0))
        supply *= growth
        # A coin's first days were recorded without volume, the very first without market cap; the archive says 0.
        market_cap = round(candle.close * supply, 4) if number >= len(calendar) // 100 else 0.0
        traded = rng.lognormvariate(-3.5, 0.5) * (1 + 10 * (candle.high / candle.low - 1))
        if planted:
            busy = PLANTED_MEMORY * busy + math.sqrt(1 - PLANTED_MEMORY**2) * rng.gauss(0, 1)
            traded *= math.exp(PLANTED_VOLUME * busy)
        volume = round(candle.close * supply * traded, 2) if number >= len(calendar) // 50 else 0.0
        prices = (candle.high, candle.low, candle.open, candle.close)
        yield number + 1, coin.name, coin.symbol, f"{day} 23:59:59", *prices, volume, market_cap


def _truth(rows: list[Row]) -> pl.DataFrame:
    numbers = dict.fromkeys(("high", "low", "open", "close", "volume", "market_cap"), pl.Float64)
    schema = {"number": pl.Int64, "name": pl.String, "symbol": pl.String, "event_ts": pl.String, **numbers}
    return pl.DataFrame(rows, schema, orient="row").select(
        "symbol",
        "name",
        pl.col("event_ts").str.to_datetime("%Y-%m-%d %H:%M:%S", time_unit="us", time_zone="UTC"),
        "open",
        "high",
        "low",
        "close",
        pl.col("volume", "market_cap").replace(0.0, None),
    )
