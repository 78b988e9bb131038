"""Archive of stocks and ETFs: one file a symbol in two folders, and the index of symbols, which does not know them all."""

from collections.abc import Iterator, Sequence
from datetime import date

import polars as pl

from cryptodudez_assets.simulator.dirt import Row
from cryptodudez_assets.simulator.job import Job
from cryptodudez_assets.simulator.market import Factor
from cryptodudez_assets.simulator.stocks import Stock, trading_days
from cryptodudez_assets.simulator.truth import SourceTruth

SOURCE = "stock_market"
INDEX = "symbols_valid_meta.csv"
HEADER = "Date,Open,High,Low,Close,Adj Close,Volume"
INDEX_HEADER = (
    "Nasdaq Traded,Symbol,Security Name,Listing Exchange,Market Category,ETF,Round Lot Size,Test Issue,Financial Status,"
    "CQS Symbol,NASDAQ Symbol,NextShares"
)
STOCKS = [
    "AAPL",
    "AGM-A",
    "NAN",
    "ON",
    "TRUE",
    "ZNEW",
]  # real symbols that are easily misread, and one that is not indexed
ETFS = ["QQQ", "SPY"]
NOT_INDEXED = "ZNEW"
SYMBOLS_PER_FILE = 8  # of the symbols of the other stock archive, one in so many has a file more here
NOT_RECORDED = 25  # on the first days of a symbol nobody recorded the open


def write_stock_market(job: Job, factor: Factor) -> SourceTruth:
    """Write the archive."""
    calendar = trading_days(job.size.stock_days, job.last_day)
    more = [f"ZZ{number}" for number in range(job.size.stock_symbols // SYMBOLS_PER_FILE)]
    folders = {"stocks": [*STOCKS, *more], "etfs": ETFS}
    with job.archive(SOURCE, "stock-market-dataset.zip") as archive, job.truth_table(SOURCE, _truth) as truth:
        archive.foreign(INDEX, _index(folders))
        for folder, symbols in folders.items():
            for symbol in symbols:
                rows = truth.keep(_rows(job, folder, symbol, calendar, factor))
                archived = (row[2:] for row in rows)
                archive.csv(f"{folder}/{symbol}.csv", HEADER, archived, good_rows=len(calendar))
    return SourceTruth.of([archive.account], valid=truth.rows)


def _rows(job: Job, folder: str, symbol: str, calendar: Sequence[date], factor: Factor) -> Iterator[Row]:
    """Kind and symbol, which the path tells, and the row; volume is written as a float where it is not recorded well."""
    stock = Stock(symbol, job.rng(SOURCE, symbol), None, calendar[-1])
    kind = {"stocks": "stock", "etfs": "etf"}[folder]
    for number, day in enumerate(calendar):
        _, text, open_, high, low, close, adjusted, volume, _ = stock.step(day, factor[day])
        early = number < NOT_RECORDED
        yield (
            kind,
            symbol,
            text,
            0.0 if early else open_,
            high,
            low,
            close,
            adjusted,
            f"{volume}.0" if early else volume,
        )


def _index(folders: dict[str, list[str]]) -> str:
    lines = [INDEX_HEADER]
    for folder, symbols in folders.items():
        for symbol in symbols:
            if symbol != NOT_INDEXED:
                own = symbol.replace("-", "$")
                is_etf = "Y" if folder == "etfs" else "N"
                lines.append(f'Y,{own},"{symbol.title()} Corp., Shares ",N, ,{is_etf},100.0,N,,{own},{symbol},N')
    return "\n".join([*lines, ""])


def _truth(rows: list[Row]) -> pl.DataFrame:
    prices = dict.fromkeys(("open", "high", "low", "close", "adj_close"), pl.Float64)
    schema = {"kind": pl.String, "symbol": pl.String, "date": pl.String, **prices, "volume": pl.String}
    read = pl.DataFrame([[*row[:-1], str(row[-1])] for row in rows], schema, orient="row")
    return read.with_columns(
        pl.col("date").str.to_date(),
        pl.when(pl.col("open") != 0).then("open"),
        pl.col("volume").cast(pl.Float64).cast(pl.Int64),
    )
