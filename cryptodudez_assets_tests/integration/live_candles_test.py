"""Candles that were fetched stand for days that the archive lacks, down to the signal, and are told from them."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from cryptodudez_assets.candles.candle_days import DERIVED as CANDLE_DAYS
from cryptodudez_assets.candles.candle_revisions import DERIVED as REVISIONS
from cryptodudez_assets.contracts.base import polars_schema
from cryptodudez_assets.derived import all_derived
from cryptodudez_assets.derived.upkeep.materialize import materialize, table_specs
from cryptodudez_assets.features import all_views
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.models.signal import training_set
from cryptodudez_assets.products import mood
from cryptodudez_assets.simulator.venues.binance import Server, binance_server
from cryptodudez_assets.sources import all_sources
from cryptodudez_assets_tests.binance_fetching import bring, days_ago
from cryptodudez_assets_tests.builders import rows_of, take_in
from cryptodudez_assets_tests.ether import ETHER, PREDICTORS

CRYPTO = all_views()["crypto_daily"]
COINS = {"symbol": ["ETHUSDT", "BTCUSDT"]}
STAMP = "%Y%m%dT%H%M%SZ"
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


def predictors_of(lake: Lake, coins: pl.DataFrame) -> None:
    """The other view of the signal, with nothing but zeros, for each day of Ether."""
    (spec,) = table_specs(PREDICTORS)
    schema = polars_schema(spec.contract)
    ether = coins.filter(symbol="ETH")
    rows = ether.select(
        (pl.col(name) if name in {"event_ts", "known_ts"} else pl.lit(0)).cast(dtype).alias(name)
        for name, dtype in schema.items()
    )
    with lake.tables.changing(spec) as change:
        change.add(rows)


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


def test_a_candle_that_is_told_otherwise_later_leaves_what_was_known_at_its_end(lake: Lake):
    now = [datetime.now(UTC)]
    with binance_server(clock=lambda: now[0].timestamp()) as server:
        bring(lake, server.url, COINS, first=days_ago(10), again=3)
        before = made(lake)
        server.revise("ETHUSDT", "1d", datetime.combine(days_ago(2), datetime.min.time(), UTC))
        now[0] += timedelta(seconds=1)  # of two answers of one second, one counts
        bring(lake, server.url, COINS, first=days_ago(10), again=3)

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


def test_the_study_of_mood_takes_a_return_of_a_candle_for_one_and_none_across(lake: Lake, binance: Server):
    """The archive says 1 all the time: a return from it to a candle would be of thousands of percent."""
    archive(lake, "eth.csv", "ETH", 40, 21)
    bring(lake, binance.url, COINS, first=days_ago(20))
    made(lake)
    lines = [
        {"id": 1 + ago, "date": f"{days_ago(ago):%a %b %d} 00:00:01 +0000 {days_ago(ago).year}"} for ago in range(41)
    ]
    told = [{**line, "text": ["good", "bad", "great"][line["id"] % 3], "user": "somebody"} for line in lines]
    path = Path(lake.settings.lake) / "raw" / "bitcoin_tweets" / "posts.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(one) + "\n" for one in told))
    take_in(lake, all_sources()["bitcoin_tweets"])
    for name in ("market.candles", "social.posts", "social.mood_daily"):
        materialize(lake, all_derived()[name])

    mood.carry_out(lake)

    found = rows_of(lake, "studies.mood")
    assert found.filter(lead=-1, symbol="BTC")["n"].to_list() == [18]  # today's mood is not known before its end
    same_day = found.filter(lead=0)
    of_coin = {row["symbol"]: (row["n"], row["n_candles"]) for row in same_day.iter_rows(named=True)}
    # 40 days of Ether have 19 returns of the archive and 19 of candles; Bitcoin has candles alone.
    assert of_coin == {"ETH": (38, 19), "BTC": (19, 19)}


def told_otherwise(lake: Lake, opened: datetime) -> None:
    """The newest answer about Ether lands once more, a second later, with twice the price at the end of that candle."""
    raw = Path(lake.settings.lake) / "raw" / "binance_klines" / "series=ETHUSDT-1d"
    newest = max(path for path in raw.glob("*.json") if not path.name.endswith(".request.json"))
    candles = json.loads(newest.read_text())
    (one,) = (candle for candle in candles if candle[0] == opened.timestamp() * 1000)
    one[2] = one[4] = str(2 * Decimal(one[4]))
    answered, rest = newest.name.split("_", 1)
    later = datetime.strptime(answered, STAMP).replace(tzinfo=UTC) + timedelta(seconds=1)
    (raw / f"{later:{STAMP}}_{rest}").write_text(json.dumps(candles))


def test_a_training_set_dated_before_a_revision_keeps_the_price_that_was_told_first(lake: Lake, binance: Server):
    """Made before the candle is told otherwise, and asked for again after it: the same rows."""
    opened = datetime.combine(days_ago(9), datetime.min.time(), UTC)
    bring(lake, binance.url, {"symbol": ["ETHUSDT"]}, first=days_ago(60))
    predictors_of(lake, made(lake))
    before = training_set.update(lake, ETHER)
    told_otherwise(lake, opened)
    made(lake)
    materialize(lake, all_derived()["market.candles"])
    materialize(lake, CRYPTO, full=True)

    after = training_set.update(lake, ETHER)

    assert before is not None
    assert after is not None
    first, revised = rows_of(lake, "market.candle_revisions").filter(open_time=opened).sort("revision")["close"]
    assert revised == 2 * first
    assert rows_of(lake, "market.candles").filter(event_ts=opened)["close"].to_list() == [revised]
    assert after.rows.filter(event_ts=opened)["close"].to_list() == [float(first)]
    assert after.rows.equals(before.rows)
    assert training_set.rebuild(lake, ETHER, before.snapshot_id).equals(before.rows)
