"""Answers of Binance as feeds land them: candles of a year's days, told an hour after the last of them was over, and archives.

Their market costs at the end of the last day what the archive of coins says; before that it goes its own way.
"""

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import polars as pl

from cryptodudez_assets.simulator.dirt import Row
from cryptodudez_assets.simulator.job import Job
from cryptodudez_assets.simulator.truth import Archive, Member, SourceTruth, Truth
from cryptodudez_assets.simulator.venues.binance.archives import Archives
from cryptodudez_assets.simulator.venues.binance.market import PAIRS, Closes, Market
from cryptodudez_assets.simulator.venues.binance.rest import Rest
from cryptodudez_assets.venues.binance import answers
from cryptodudez_assets.venues.binance.protocol import INTERVALS, MOST_CANDLES, Kline, archive_path, is_final, to_ms
from cryptodudez_assets.venues.pages import STAMP

SOURCE, ARCHIVES, COINS = "binance_klines", "binance_archives", "crypto_prices"
DAYS = 360
DAY_LONG = timedelta(days=1)
DIFFERS = 0.02
"""Share of the candles that archives tell otherwise."""
DAY = INTERVALS["1d"]
DECIMALS = ("open", "high", "low", "close", "volume", "quote_volume", "taker_buy_base", "taker_buy_quote")
EXACT = pl.Decimal(38, 18)
TIME = pl.Datetime("us", "UTC")


def write_candles(job: Job) -> SourceTruth:
    """Write an answer for each pair of a coin in the archive of coins, which must be there, and the truth."""
    over = _end_of(job.last_day)
    told_at, first = over + timedelta(hours=1), over - timedelta(days=DAYS)
    rest, symbols = _exchange(job, told_at)
    told = {symbol: rest.candles(symbol, DAY, first, told_at, MOST_CANDLES) for symbol in symbols}
    files = []
    for symbol, candles in told.items():
        stamps = "_".join(f"{at:{STAMP}}" for at in (told_at, first, told_at, over))
        name = f"series={symbol}-{DAY.path_name}/{stamps}.json"
        job.loose(SOURCE, name).write_bytes(answers.klines(candles))
        files.append(Archive(name, (Member("", ignored=False, rows=len(candles), bad=()),)))
    return _told(job, SOURCE, files, [_row(symbol, one, told_at) for symbol, found in told.items() for one in found])


def write_archives(job: Job) -> SourceTruth:
    """Write an archive for each pair, of the last month that is over, and the truth: some candles are other than the answers say."""
    end = _end_of(job.last_day).replace(day=1)
    first, told_at = (end - timedelta(days=1)).replace(day=1), end + timedelta(days=1)
    rest, symbols = _exchange(job, told_at)
    archives, files, rows = Archives(rest, lambda: to_ms(told_at)), [], list[Row]()
    for symbol in symbols:
        path = archive_path(symbol, DAY, f"{first:%Y-%m}")
        name = path.rpartition("/")[2]
        job.loose(ARCHIVES, name).write_bytes(archives.answer(path, is_damaged=False).body)
        told = [
            rest.differing(symbol, DAY, one) for one in rest.candles(symbol, DAY, first, end - DAY_LONG, MOST_CANDLES)
        ]
        member = Member(name.replace(".zip", ".csv"), ignored=False, rows=len(told), bad=())
        files.append(Archive(name, (member,)))
        rows += [_row(symbol, one, told_at) for one in told]
    return _told(job, ARCHIVES, files, rows)


def _exchange(job: Job, told_at: datetime) -> tuple[Rest, list[str]]:
    """What answers at this time, and the pairs that it is asked for."""
    closes = closes_of(job.target)
    return Rest(Market(job.seed, closes), job.seed, {"differs": DIFFERS}, lambda: to_ms(told_at)), list(closes)


def _told(job: Job, source: str, files: list[Archive], rows: list[Row]) -> SourceTruth:
    with job.truth_table(source, _truth) as truth:
        for _ in truth.keep(rows):
            pass
    return SourceTruth.of(files, valid=truth.rows)


def _end_of(day: date) -> datetime:
    return datetime.combine(day + DAY_LONG, time(), UTC)


def closes_of(samples: Path) -> Closes:
    """What pairs cost where the archive of coins in a folder of samples ends. Raises OSError where there is none."""
    coins = pl.scan_parquet(samples / "truth" / f"{COINS}.parquet")
    last = coins.sort("event_ts").group_by("symbol").last().select("symbol", "event_ts", "close").sort("symbol")
    known = {f"{symbol}USDT": (at.date(), close) for symbol, at, close in last.collect().iter_rows()}
    return {symbol: known[symbol] for symbol in PAIRS if symbol in known}


def seed_of(samples: Path) -> int:
    """The seed of the samples in a folder. Raises OSError where there are none."""
    return Truth.load(samples / "truth" / "truth.json").seed


def _row(symbol: str, one: Kline, told_at: datetime) -> Row:
    amounts = tuple(str(getattr(one, name)) for name in DECIMALS)
    return symbol, DAY.name, one.open_ms * 1000, *amounts, one.n_trades, is_final(one.close_ms, told_at)


def _truth(rows: list[Row]) -> pl.DataFrame:
    schema = {"symbol": pl.String(), "interval": pl.String(), "open_time": pl.Int64()}
    numbers = {**dict.fromkeys(DECIMALS, pl.String()), "n_trades": pl.Int64(), "is_final": pl.Boolean()}
    told = pl.DataFrame(rows, {**schema, **numbers}, orient="row")
    return told.with_columns(pl.col("open_time").cast(TIME), pl.col(DECIMALS).cast(EXACT))
