"""Archive of daily stock candles: one file, all symbols of a trading day together."""

from collections.abc import Iterator
from datetime import date, timedelta
from itertools import count
from random import Random

import polars as pl

from cryptodudez_assets.simulator.dirt import Row
from cryptodudez_assets.simulator.job import Job
from cryptodudez_assets.simulator.market import Asset, Factor
from cryptodudez_assets.simulator.names import ticker
from cryptodudez_assets.simulator.truth import SourceTruth

SOURCE = "stock_prices"
HEADER = '"",symbol,date,open,high,low,close,close_adjusted,volume,split_coefficient'
FIRST_ROW_NUMBER = 5_000_000
TICKERS = [
    *("AAPL", "TSLA", "MSFT", "AMZN", "GOOGL", "NVDA", "COIN", "MSTR", "RIOT", "MARA", "SQ"),
    *("PYPL", "V", "MA", "JPM", "GS", "BAC", "WFC", "C", "MS", "NFLX", "DIS"),
    *("META", "ADBE", "CRM", "ORCL", "INTC", "AMD", "QCOM", "TXN", "IBM", "CSCO", "T"),
    *("VZ", "KO", "PEP", "MCD", "SBUX", "NKE", "WMT", "COST", "TGT", "HD", "XOM"),
    *("CVX", "BA", "GE", "F", "GM", "UBER", "PFE", "JNJ"),
]
SYMBOLS_PER_SPLIT = 10  # every tenth symbol splits once


def write_stocks(job: Job, factor: Factor) -> SourceTruth:
    """Write the archive."""
    calendar = trading_days(job.size.stock_days, job.last_day)
    name = f"stock_prices_{calendar[0].year}_{calendar[-1].year}"
    good_rows = len(calendar) * job.size.stock_symbols
    with job.archive(SOURCE, f"{name}.zip") as archive, job.truth_table(SOURCE, _truth) as truth:
        archive.csv(f"{name}.csv", HEADER, truth.keep(_rows(job, calendar, factor)), good_rows=good_rows)
    return SourceTruth.of([archive.account], valid=truth.rows)


def trading_days(number: int, last_day: date) -> list[date]:
    """So many trading days, oldest first: the last one is `last_day`, or the one before where it is none."""
    day, found = last_day, list[date]()
    while len(found) < number:
        if day.weekday() < 5 and not _is_holiday(day):
            found.append(day)
        day -= timedelta(days=1)
    return found[::-1]


def _is_holiday(day: date) -> bool:
    thanksgiving = day.month == 11 and day.weekday() == 3 and 22 <= day.day <= 28
    return thanksgiving or (day.month, day.day) in {(1, 1), (7, 4), (12, 25)}


class Stock:
    """One symbol: candles as traded on the day, that is before later splits."""

    def __init__(self, symbol: str, rng: Random, splits_on: date | None, last_day: date) -> None:
        self.symbol = symbol
        self._rng = rng
        self._asset = Asset(
            rng,
            price=rng.lognormvariate(4, 0.8),
            volatility=rng.uniform(0.01, 0.025),
            beta=rng.uniform(0.5, 1.5),
            drift=rng.uniform(0, 0.001),
        )
        self._splits_on = splits_on
        self._ratio = rng.choice((2.0, 3.0, 4.0, 5.0)) if splits_on else 1.0
        self._shares = rng.lognormvariate(15, 1)
        self._dividends = rng.choice((0.0, 0.0, 0.01, 0.03)) / 365
        self._last_day = last_day

    def step(self, day: date, factor: float) -> Row:
        """The row of one day, without its number."""
        adjusted = self._asset.step(factor)
        before_split = self._splits_on is not None and day < self._splits_on
        scale = self._ratio if before_split else 1.0
        open_, high, low, close = (price * scale for price in adjusted)
        paid_later = 1 - self._dividends * (self._last_day - day).days
        volume = int(self._shares / scale * self._rng.lognormvariate(0, 0.4) * (1 + 10 * (high / low - 1)))
        split = self._ratio if day == self._splits_on else 1.0
        return (self.symbol, str(day), open_, high, low, close, adjusted.close * paid_later, volume, split)


def _rows(job: Job, calendar: list[date], factor: Factor) -> Iterator[Row]:
    """All rows by day and symbol; only the state of each symbol is held."""
    invented = [f"Z{ticker(n)}" for n in range(job.size.stock_symbols - len(TICKERS))]
    splitting = set([*TICKERS, *invented][::SYMBOLS_PER_SPLIT])
    stocks = []
    for symbol in sorted([*TICKERS, *invented][: job.size.stock_symbols]):
        rng = job.rng(SOURCE, symbol)
        splits_on = rng.choice(calendar[1:]) if symbol in splitting else None
        stocks.append(Stock(symbol, rng, splits_on, calendar[-1]))
    numbers = count(FIRST_ROW_NUMBER)
    for day in calendar:
        for stock in stocks:
            yield next(numbers), *stock.step(day, factor[day])


def _truth(rows: list[Row]) -> pl.DataFrame:
    prices = dict.fromkeys(("open", "high", "low", "close", "close_adjusted"), pl.Float64)
    schema = {"number": pl.Int64, "symbol": pl.String, "date": pl.String, **prices}
    schema |= {"volume": pl.Int64, "split_coefficient": pl.Float64}
    frame = pl.DataFrame(rows, schema, orient="row").drop("number")
    return frame.with_columns(pl.col("date").str.to_date())
