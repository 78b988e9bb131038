"""Answers of an exchange with a year of daily candles, as a feed lands them: those of the simulated Binance, by pair.

At the end of the last day a pair costs what the coin does in the archive, so that live candles go on where the archive ends. Other
days of it are the exchange's own.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta

import polars as pl

from cryptodudez_assets.simulator.dirt import Row
from cryptodudez_assets.simulator.job import Job
from cryptodudez_assets.simulator.truth import Archive, Member, SourceTruth
from cryptodudez_assets.simulator.venues.binance.market import Market
from cryptodudez_assets.venues.binance import answers
from cryptodudez_assets.venues.binance.protocol import INTERVALS
from cryptodudez_assets.venues.pages import STAMP

SOURCE = "binance_klines"
PAIRS: Mapping[str, str] = {"BTC": "BTCUSDT", "ETH": "ETHUSDT", "DOGE": "DOGEUSDT"}
DAYS = 360
ASKED = timedelta(seconds=30)
"""How long after the last day."""


def write_binance_candles(job: Job, closes: Mapping[str, float]) -> SourceTruth:
    """Write an answer for each pair, and the truth. `closes`: what coins cost at the end of the last day."""
    end = datetime.combine(job.last_day + timedelta(days=1), time(), UTC)
    first = end - timedelta(days=DAYS)
    known = {PAIRS[coin]: (job.last_day, close) for coin, close in closes.items() if coin in PAIRS}
    market, archives = Market(job.seed, known), []
    with job.truth_table(SOURCE, _truth) as truth:
        for pair in PAIRS.values():
            candles = market.candles(pair, INTERVALS["1d"], first, end - timedelta(days=1), DAYS)
            stamps = "_".join(f"{at:{STAMP}}" for at in (end + ASKED, first, end, end))
            name = f"series={pair}-1d/{stamps}.json"
            job.loose(SOURCE, name).write_bytes(answers.klines(candles))
            archives.append(Archive(name, (Member("", ignored=False, rows=len(candles), bad=()),)))
            for _ in truth.keep((pair, one.opened, one.open, one.close, one.n_trades) for one in candles):
                pass
    return SourceTruth.of(archives, valid=truth.rows)


def closes_of(job: Job, source: str, day: date) -> dict[str, float]:
    """What coins cost at the end of a day, as the truth about the archive of coins has it."""
    rows = pl.scan_parquet(job.target / "truth" / f"{source}.parquet").filter(pl.col("event_ts").dt.date() == day)
    return dict(rows.select("symbol", "close").collect().iter_rows())


def _truth(rows: list[Row]) -> pl.DataFrame:
    exact = pl.Decimal(38, 18)
    prices = {"open": exact, "close": exact}
    names = {"symbol": pl.String(), "open_time": pl.Datetime("us", "UTC"), **prices, "n_trades": pl.Int64()}
    return pl.DataFrame(rows, pl.Schema(names), orient="row")
