"""Candles that were fetched stand for days that the archive lacks, down to the signal, and are told from them."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from cryptodudez_assets.candles.candle_days import DERIVED as CANDLE_DAYS
from cryptodudez_assets.candles.candle_revisions import DERIVED as REVISIONS
from cryptodudez_assets.derived.upkeep.materialize import materialize
from cryptodudez_assets.features import all_views
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.simulator.venues.binance import Server, binance_server
from cryptodudez_assets.sources import all_sources
from cryptodudez_assets_tests.binance_fetching import bring, days_ago
from cryptodudez_assets_tests.builders import rows_of, take_in

CRYPTO = all_views()["crypto_daily"]
COINS = {"symbol": ["ETHUSDT", "BTCUSDT"]}
HEADER = "SNo,Name,Symbol,Date,High,Low,Open,Close,Volume,Marketcap\n"


@pytest.fixture
def binance() -> Iterator[Server]:
    with binance_server() as server:
        yield server


def archive(lake: Lake, name: str, symbol: str, first: int, last: int) -> None:
    """A file of the archive with the days from `first` to `last` days ago, each with the price 1."""
    rows = "".join(f"1,Coin,{symbol},{days_ago(ago)} 23:59:59,2,1,1,1,100,1000\n" for ago in range(first, last - 1, -1))
    path = Path(lake.settings.lake) / "raw" / "crypto_prices" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(HEADER + rows)
    take_in(lake, all_sources()["crypto_prices"])


def made(lake: Lake) -> pl.DataFrame:
    """What landed of Binance is taken in, and days are made of it."""
    take_in(lake, all_sources()["binance_klines"])
    for table in (REVISIONS, CANDLE_DAYS, CRYPTO):
        materialize(lake, table)
    return rows_of(lake, CRYPTO.table).sort("symbol", "event_ts")


def days(first: int, last: int) -> list[object]:
    return [days_ago(ago) for ago in range(first, last - 1, -1)]


def test_each_day_is_of_one_source_and_known_at_its_end(lake: Lake, binance: Server):
    archive(lake, "eth.csv", "ETH", 50, 21)
    bring(lake, binance.url, COINS, first=days_ago(40))

    rows = made(lake).with_columns(day=pl.col("event_ts").dt.date())

    of_coin = {name: rows.filter(symbol=name) for name in ("ETH", "BTC")}
    assert of_coin["ETH"]["day"].to_list() == days(50, 1)
    assert of_coin["ETH"].filter("from_candle")["day"].to_list() == days(20, 1)
    assert of_coin["BTC"].filter("from_candle")["day"].to_list() == of_coin["BTC"]["day"].to_list() == days(40, 1)
    assert (rows["known_ts"] <= rows["event_ts"].dt.offset_by("1d")).all()
    assert rows.filter("from_candle")["turnover"].null_count() == 60
    told = rows_of(lake, "market.candle_revisions").filter(symbol="ETHUSDT").sort("open_time")["close"].cast(pl.Float64)
    assert of_coin["ETH"].filter("from_candle")["close"].to_list() == told.tail(20).to_list()


def test_the_archive_takes_the_place_of_candles_when_it_comes_to_reach_so_far(lake: Lake, binance: Server):
    bring(lake, binance.url, COINS, first=days_ago(10))
    before = made(lake)
    archive(lake, "eth.csv", "ETH", 30, 5)

    after = made(lake)

    assert before["from_candle"].all()
    eth, others = after.filter(symbol="ETH"), after.filter(pl.col("symbol") != "ETH")
    assert eth.filter(~pl.col("from_candle"))["event_ts"].dt.date().to_list() == days(30, 5)
    assert eth.filter("from_candle")["event_ts"].dt.date().to_list() == days(4, 1)
    assert others.equals(before.filter(pl.col("symbol") != "ETH"))
    fresh = materialize(lake, CRYPTO, full=True)
    assert fresh.rows == len(after)
    assert rows_of(lake, CRYPTO.table).sort("symbol", "event_ts").equals(after)


def test_a_candle_that_is_told_otherwise_later_leaves_what_was_known_at_its_end(lake: Lake, binance: Server):
    bring(lake, binance.url, COINS, first=days_ago(10), again=3)
    before = made(lake)
    binance.revise("ETHUSDT", "1d", datetime.combine(days_ago(2), datetime.min.time(), UTC))
    bring(lake, binance.url, COINS, first=days_ago(10), again=3)

    after = made(lake)

    revisions = rows_of(lake, "market.candle_revisions").filter(pl.col("revision") > 0)
    assert revisions["symbol"].to_list() == ["ETHUSDT"]
    assert after.equals(before)


def test_a_new_day_reaches_its_own_day_alone(lake: Lake, binance: Server):
    archive(lake, "eth.csv", "ETH", 400, 21)
    bring(lake, binance.url, COINS, first=days_ago(20), last=days_ago(2))
    made(lake)
    bring(lake, binance.url, COINS, first=days_ago(1), last=days_ago(1))
    take_in(lake, all_sources()["binance_klines"])
    materialize(lake, REVISIONS)

    done = [materialize(lake, table).rows for table in (CANDLE_DAYS, CRYPTO)]

    assert done == [2, 2]


def test_other_intervals_and_moneys_are_no_days(lake: Lake, binance: Server):
    bring(lake, binance.url, {"symbol": ["ETHUSDT"], "interval": ["1h"]}, first=days_ago(3))
    take_in(lake, all_sources()["binance_klines"])
    for table in (REVISIONS, CANDLE_DAYS):
        materialize(lake, table)
    found = lake.tables.scan(CANDLE_DAYS.table)
    assert found is None or found.collect().is_empty()
