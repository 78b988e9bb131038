"""Candles from what Binance tells to tables: final ones alone, every digit, gaps, revisions, and archives beside the API."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from cryptodudez_assets.candles.candle_differences import DERIVED as DIFFERENCES
from cryptodudez_assets.candles.candle_revisions import DERIVED as REVISIONS
from cryptodudez_assets.candles.candles import DERIVED as CANDLES
from cryptodudez_assets.derived.upkeep.materialize import materialize
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.landing import land
from cryptodudez_assets.lake.status import status_of, unbalanced_files
from cryptodudez_assets.simulator.candles import closes_of, seed_of
from cryptodudez_assets.simulator.venues.binance import Server, binance_server
from cryptodudez_assets.sources import all_sources
from cryptodudez_assets.venues.binance.protocol import INTERVALS, read_depth
from cryptodudez_assets_tests.binance_fetching import ONE, bring, bring_archives, days_ago
from cryptodudez_assets_tests.builders import open_lake, rows_of, take_in

KLINES, ARCHIVES = (all_sources()[name] for name in ("binance_klines", "binance_archives"))
VALUES = ["open", "high", "low", "close", "volume", "quote_volume", "n_trades", "taker_buy_base", "taker_buy_quote"]


@pytest.fixture
def lake(settings) -> Lake:  # type: ignore[no-untyped-def]
    return open_lake(settings)


def made(lake: Lake) -> tuple[pl.DataFrame, pl.DataFrame]:
    """What landed is taken in, and both tables are made of it."""
    take_in(lake, KLINES)
    for table in (REVISIONS, CANDLES):
        materialize(lake, table)
    return tuple(rows_of(lake, table.name).sort(table.key) for table in (REVISIONS, CANDLES))  # type: ignore[return-value]


def midnight(days: int) -> datetime:
    return datetime.combine(days_ago(days), datetime.min.time(), UTC)


def told_by(server: Server, interval: str, first: datetime, last: datetime) -> list[tuple[object, ...]]:
    candles = server.rest.candles("ETHUSDT", INTERVALS[interval], first, last, 10_000)
    return [(one.opened, *(getattr(one, name) for name in VALUES)) for one in candles]


def test_final_candles_become_rows_with_every_digit_and_the_open_one_does_not(lake: Lake):
    with binance_server() as server:
        bring(lake, server.url, ONE, first=days_ago(30))
        expected = told_by(server, "1d", midnight(30), midnight(1))
        _, candles = made(lake)
    assert candles.select("event_ts", *VALUES).rows() == expected
    assert set(candles["venue"]) == {"binance"}
    assert (candles["close_time"] - candles["event_ts"]).unique().to_list() == [timedelta(days=1, milliseconds=-1)]
    assert (candles["known_ts"] - candles["event_ts"]).unique().to_list() == [timedelta(days=1)]
    raw = rows_of(lake, KLINES.table).sort("open_time")
    assert raw["is_final"].to_list() == [True] * 30 + [False]
    assert unbalanced_files(lake, KLINES).is_empty()
    assert rows_of(lake, "catalog.schemas")["added"].list.len().to_list() == [0]


def test_asked_again_nothing_is_there_twice_and_the_candle_that_was_open_is_final_when_it_is_over(lake: Lake):
    now = [midnight(2) + timedelta(hours=20)]
    with binance_server(clock=lambda: now[0].timestamp()) as server:
        bring(lake, server.url, ONE, first=days_ago(10), again=3)
        _, before = made(lake)
        now[0] = midnight(0) + timedelta(hours=1)
        bring(lake, server.url, ONE, first=days_ago(10), again=3)
        revisions, after = made(lake)
    assert [one.date() for one in before["event_ts"]] == [days_ago(n) for n in range(10, 2, -1)]
    assert [one.date() for one in after["event_ts"]] == [days_ago(n) for n in range(10, 0, -1)]
    assert set(revisions["revision"]) == {0}


def test_a_candle_that_is_told_otherwise_is_a_revision_and_what_was_known_before_stays(lake: Lake):
    now = [datetime.now(UTC)]
    with binance_server(clock=lambda: now[0].timestamp()) as server:
        bring(lake, server.url, ONE, first=days_ago(10), again=3)
        _, before = made(lake)
        between = now[0] + timedelta(seconds=1)
        for _ in range(2):
            now[0] += timedelta(seconds=1)
            bring(lake, server.url, ONE, first=days_ago(10), again=3)
        server.revise("ETHUSDT", "1d", midnight(2))
        server.revise("ETHUSDT", "1d", midnight(8))  # is not looked at again
        now[0] += timedelta(seconds=1)
        bring(lake, server.url, ONE, first=days_ago(10), again=3)
        revisions, after = made(lake)
    changed = revisions.filter(pl.col("revision") > 0)
    assert changed.select("open_time", "revision", "origin").rows() == [(midnight(2), 1, "api")]
    assert changed["known_ts"][0] >= between.replace(microsecond=0)
    old, new = (one.filter(pl.col("event_ts") == midnight(2))["volume"][0] for one in (before, after))
    assert new == pytest.approx(old * Decimal("1.01"), rel=Decimal("1e-6"))
    known = revisions.filter(pl.col("known_ts") < changed["known_ts"][0], pl.col("open_time") == midnight(2))
    assert known["volume"].to_list() == [old]
    unchanged = after.filter(pl.col("event_ts") != midnight(2))
    assert unchanged.equals(before.filter(pl.col("event_ts") != midnight(2)))


def test_of_two_answers_of_one_second_one_counts(lake: Lake):
    now = datetime.now(UTC).timestamp()
    with binance_server(clock=lambda: now) as server:
        for number in range(4):
            bring(lake, server.url, ONE, first=days_ago(10), again=3)
            if number % 2:
                server.revise("ETHUSDT", "1d", midnight(2))
        revisions, candles = made(lake)
    assert set(revisions["revision"]) == {0}
    assert candles["event_ts"].is_unique().all()


def test_candles_that_lack_are_rows_without_prices_and_those_off_the_grid_only_warn(lake: Lake):
    faults = {"missing": 0.1, "off-grid": 0.1}
    with binance_server(faults=faults) as server:
        bring(lake, server.url, {**ONE, "interval": ["1h"]}, first=days_ago(20), last=days_ago(1))
        told = told_by(server, "1h", midnight(20), midnight(0) - timedelta(milliseconds=1))
        _, candles = made(lake)
    gaps = candles.filter("is_gap")
    first, last = (
        told[at][0].replace(minute=0, second=0, microsecond=0) for at in (0, -1)
    )  # before and behind there are no gaps
    within = [hour for hour in (midnight(20) + timedelta(hours=n) for n in range(480)) if first <= hour <= last]
    assert 20 < gaps.height == len(within) - len(told) < 80
    assert gaps.select(pl.all_horizontal(pl.col(VALUES).is_null()).all()).item()
    assert candles.filter(~pl.col("is_gap")).select("event_ts", *VALUES).rows() == told
    hours = candles["event_ts"].dt.truncate("1h")
    assert hours.to_list() == within
    late = sum(opened.minute != 0 for opened, *_ in told)
    status = status_of(lake, KLINES.name)
    assert 20 < late == status.warned
    assert status.quarantined == 0


def test_a_gap_that_is_filled_is_none_any_more_and_one_that_opens_between_is(lake: Lake):
    with binance_server() as server:
        bring(lake, server.url, ONE, first=days_ago(30), last=days_ago(20))
        bring(lake, server.url, ONE, first=days_ago(10), last=days_ago(5))
        _, with_gap = made(lake)
        bring(lake, server.url, ONE, first=days_ago(30), last=days_ago(5))
        _, filled = made(lake)
    assert with_gap.filter("is_gap")["event_ts"].dt.date().to_list() == [days_ago(n) for n in range(19, 10, -1)]
    assert (filled.height, filled["is_gap"].any()) == (26, False)


def test_a_candle_that_an_answer_lacked_is_known_since_the_one_that_had_it(lake: Lake):
    earlier = datetime.now(UTC) - timedelta(hours=2)
    with binance_server(faults={"missing": 0.2}, clock=earlier.timestamp) as server:
        bring(lake, server.url, ONE, first=days_ago(60), last=days_ago(2))
        _, before = made(lake)
    lacked = before.filter("is_gap")["event_ts"].to_list()
    assert len(lacked) > 3
    with binance_server() as server:
        bring(lake, server.url, ONE, first=days_ago(60), last=days_ago(1), again=80)
        revisions, after = made(lake)
    assert not after["is_gap"].any()
    late = revisions.filter(pl.col("known_ts") != pl.col("close_time") + pl.duration(milliseconds=1))
    assert late["open_time"].to_list() == lacked
    assert late["known_ts"].min() > earlier + timedelta(hours=1)
    materialize(lake, REVISIONS, full=True)
    assert rows_of(lake, REVISIONS.name).sort(REVISIONS.key).equals(revisions)


@pytest.mark.parametrize("header", [False, True])
def test_archives_tell_what_the_api_tells_though_in_other_units(lake: Lake, header: bool):
    with binance_server(archive_header=header) as server:
        bring(lake, server.url, ONE, first=days_ago(100), last=days_ago(1))
        done = bring_archives(lake, server.url, ONE, first=days_ago(100), last=days_ago(1))
        assert (done.failed, len(done.keys) > 3) == ({}, True)
        again = bring_archives(lake, server.url, ONE, first=days_ago(100), last=days_ago(1))
        assert again.keys == []
    for source in (KLINES, ARCHIVES):
        take_in(lake, source)
    columns = ["symbol", "interval", "open_time", "close_time", "event_ts", *VALUES]
    since = pl.col("open_time") >= midnight(100)
    api, archives = (
        rows_of(lake, one.table).filter(since).select(columns).sort("open_time") for one in (KLINES, ARCHIVES)
    )
    assert archives.equals(api)
    assert status_of(lake, ARCHIVES.name).quarantined == 0


def test_what_archives_tell_otherwise_is_listed_number_by_number(lake: Lake):
    with binance_server(faults={"differs": 0.1}) as server:
        bring(lake, server.url, ONE, first=days_ago(100), last=days_ago(1))
        bring_archives(lake, server.url, ONE, first=days_ago(100), last=days_ago(1))
    for source in (KLINES, ARCHIVES):
        take_in(lake, source)
    materialize(lake, DIFFERENCES)
    found = rows_of(lake, DIFFERENCES.name)
    amounts = {"volume", "quote_volume", "taker_buy_base", "taker_buy_quote"}
    assert set(found["column"]) == amounts
    assert 3 < found["open_time"].n_unique() == found.height // 4 < 25
    ratio = found["archive"].cast(pl.Float64) / found["api"].cast(pl.Float64)
    assert ratio.is_between(1.0099, 1.0101).all()


def test_times_of_archives_were_milliseconds_before_2025(lake: Lake, drop: Callable[[str, str, bytes], Path]):
    prices = "42283.58000000,44184.10000000,42180.77000000,44179.55000000,27174.29903000"
    rest = "1169995682.14800320,1229882,14219.58018000,612253203.87000760,0"
    drop("binance_archives", "BTCUSDT-1d-2024-01.csv", f"1704067200000,{prices},1704153599999,{rest}\n".encode())
    drop("binance_archives", "BTCUSDT-1mo-2025-01.csv", f"1735689600000000,{prices},1738367999999999,{rest}\n".encode())
    take_in(lake, ARCHIVES)
    rows = rows_of(lake, ARCHIVES.table).sort("open_time")
    assert rows.select("interval", "open_time", "close_time").rows() == [
        ("1d", datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 1, 1, 23, 59, 59, 999_000, tzinfo=UTC)),
        ("1M", datetime(2025, 1, 1, tzinfo=UTC), datetime(2025, 1, 31, 23, 59, 59, 999_000, tzinfo=UTC)),
    ]
    assert rows["close"].to_list() == [Decimal("44179.55")] * 2


def test_a_damaged_archive_never_lands(lake: Lake):
    with binance_server(faults={"damaged": 1.0}) as server:
        done = bring_archives(lake, server.url, ONE, first=days_ago(70), last=days_ago(35))
    assert done.keys == []
    assert "it came with other bytes than its checksum tells" in done.failed["ETHUSDT-1d"]


def test_candles_of_nothing_are_no_fault(lake: Lake):
    with binance_server() as server:
        bring(lake, server.url, {"symbol": ["DOTUSDT"]}, first=days_ago(3000), last=days_ago(2900))
        bring(lake, server.url, ONE, first=days_ago(3), last=days_ago(1))
        _, candles = made(lake)
    assert set(candles["symbol"]) == {"ETHUSDT"}


def test_real_candles_that_somebody_kept_are_read(lake: Lake, real_data: Path):
    kept = real_data / "fixtures" / "binance_klines_alexalva" / "kline_data"
    list(land(lake, KLINES.name, [kept]))
    revisions, candles = made(lake)
    assert (revisions.height, candles.height, set(candles["is_gap"])) == (11, 11, {False})
    assert set(candles.select("symbol", "interval").rows()) == {("BTCUSDT", "12h")}
    first = candles.row(0, named=True)
    assert (first["event_ts"], first["close"]) == (datetime(2019, 6, 1, tzinfo=UTC), Decimal("8566"))
    assert first["close_time"] == datetime(2019, 6, 1, 11, 59, 59, 999_000, tzinfo=UTC)
    status = status_of(lake, KLINES.name)
    assert (status.read, status.valid, status.quarantined) == (30, 11, 0)  # of 45, 15 are there twice byte for byte


def test_real_events_of_the_socket_are_candles_that_are_still_open(lake: Lake, real_data: Path, drop):  # type: ignore[no-untyped-def]
    recorded = (real_data / "fixtures" / "cryptofeed" / "BINANCE.ws.1.0").read_text().splitlines()
    events = [line.partition(": ")[2] for line in recorded if '"e":"kline"' in line]
    drop("binance_klines", "events.jsonl", "\n".join(events).encode())
    take_in(lake, KLINES)
    rows = rows_of(lake, KLINES.table).sort("symbol")
    assert rows.select("symbol", "interval", "close", "n_trades", "is_final", "origin").rows() == [
        ("LRCBTC", "1m", Decimal("0.00000638"), 1, False, "stream"),
        ("NKNUSDT", "1m", Decimal("0.3528"), 30, False, "stream"),
    ]
    assert rows["known_ts"][1] == datetime(2021, 10, 12, 0, 28, 43, 963_000, tzinfo=UTC)


def test_real_order_books_are_read(real_data: Path):
    recorded = (real_data / "fixtures" / "cryptofeed" / "BINANCE.http.0.0").read_bytes().splitlines()
    books = [read_depth(line.partition(b": ")[2]) for line in recorded if b": {" in line]
    assert len(books) == 4
    assert all(book.bids[0].price < book.asks[0].price for book in books)


def test_sample_archives_tell_some_candles_otherwise(lake: Lake, tiny_samples: Path):
    for source in (KLINES, ARCHIVES):
        list(land(lake, source.name, sorted((tiny_samples / source.name).iterdir())))
        take_in(lake, source)
    truth = pl.read_parquet(tiny_samples / "truth" / f"{ARCHIVES.name}.parquet").sort(ARCHIVES.key)
    assert rows_of(lake, ARCHIVES.table).select(truth.columns).sort(ARCHIVES.key).equals(truth)
    materialize(lake, DIFFERENCES)
    assert 0 < rows_of(lake, DIFFERENCES.name)["open_time"].n_unique() < truth.height / 10


def test_sample_candles_are_the_simulator_s_truth_and_end_where_the_archive_of_coins_does(
    lake: Lake, tiny_samples: Path
):
    list(land(lake, KLINES.name, sorted((tiny_samples / KLINES.name).iterdir())))
    _, candles = made(lake)
    truth = pl.read_parquet(tiny_samples / "truth" / f"{KLINES.name}.parquet").sort(KLINES.key)
    assert rows_of(lake, KLINES.table).select(truth.columns).sort(KLINES.key).equals(truth)
    coins = pl.read_parquet(tiny_samples / "truth" / "crypto_prices.parquet")
    ether = coins.filter(pl.col("symbol") == "ETH").sort("event_ts")
    last = candles.filter(pl.col("symbol") == "ETHUSDT").row(-1, named=True)
    assert last["event_ts"].date() == ether["event_ts"][-1].date()
    assert float(last["close"]) == pytest.approx(ether["close"][-1], abs=0.01)
    with binance_server(seed=seed_of(tiny_samples), closes=closes_of(tiny_samples)) as server:
        told = told_by(server, "1d", last["event_ts"], last["event_ts"])
    assert told == [tuple(last[name] for name in ("event_ts", *VALUES))]
