"""The simulator: what it writes is deterministic, laid out like the real archives, and exactly what its truth says."""

import csv
import io
import json
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from statistics import correlation
from typing import Any

import polars as pl
import pytest

from cryptodudez_assets.simulator import CLEAN, REAL_DIRT, SIZES, Dirt, Size, Truth, simulate
from cryptodudez_assets.simulator.market import Asset, market_factor
from cryptodudez_assets.simulator.sizes import EARLIEST_END, LAST_DAY
from cryptodudez_assets.simulator.stocks import trading_days

SNOWFLAKE_EPOCH_MS = 1_288_834_974_657
SOURCES = ("crypto_prices", "elon_tweets", "stock_market", "stock_prices")
ACCOUNTS = ("deposits", "events", "user_levels", "users", "withdrawals")
BINANCE = ("binance_archives", "binance_klines")
LOOSE = (*BINANCE, "bitcoin_tweets", "bitso_order_book", "bitso_order_book_gaps", "x_posts", *ACCOUNTS)
"""Sources whose files are in no archive."""
VERY_DIRTY = Dirt(
    members={
        "coin_Bitcoin.csv": ("shifted", "single_word"),
        "2018.csv": ("missing_fields", "shifted", "empty_fields"),
        "2020.csv": ("extra_fields", "shifted", "single_word"),
        "stock_prices_2021_2021.csv": ("extra_fields", "empty_fields", "missing_fields"),
        **REAL_DIRT.members,
    },
    values=dict.fromkeys(
        ("bad_number", "negative_price", "bad_date", "not_finite", "high_below_low", "empty_key"), 0.01
    ),
)


@pytest.fixture
def archives(tiny_samples: Path) -> Path:
    """A tiny simulation with the dirt of the real archives."""
    return tiny_samples


def member_text(target: Path, source: str, archive: str, member: str) -> str:
    with zipfile.ZipFile(target / source / archive) as opened:
        return opened.read(member).decode()


def records(text: str) -> Iterator[tuple[int, list[str]]]:
    """Every record with the physical line on which it starts."""
    reader = csv.reader(io.StringIO(text, newline=""))
    line = 1
    for record in reader:
        yield line, record
        line = reader.line_num + 1


def tweets_of(target: Path, archive: str, year: int) -> dict[str, dict[str, str]]:
    text = member_text(target, "elon_tweets", archive, f"elon_musk_tweets/{year}.csv")
    return {row["id"]: row for row in csv.DictReader(io.StringIO(text, newline=""))}


def files_of(target: Path) -> dict[str, bytes]:
    return {str(path.relative_to(target)): path.read_bytes() for path in target.rglob("*") if path.is_file()}


def truth_table(target: Path, source: str) -> pl.DataFrame:
    return pl.read_parquet(target / "truth" / f"{source}.parquet")


def test_same_seed_gives_same_bytes(archives: Path, tmp_path: Path) -> None:
    simulate(tmp_path / "again", "tiny")
    simulate(tmp_path / "other", "tiny", seed=8)
    assert files_of(tmp_path / "again") == files_of(archives)
    assert all(content != files_of(archives)[name] for name, content in files_of(tmp_path / "other").items())


def test_writes_the_archives_and_the_truth(archives: Path) -> None:
    truth = Truth.load(archives / "truth" / "truth.json")
    assert set(files_of(archives)) == {
        "crypto_prices/cryptocurrency_historical_prices.zip",
        "elon_tweets/elon_musk_tweets.zip",
        "elon_tweets/elon_musk_tweets_2010_2019.zip",
        "stock_market/stock-market-dataset.zip",
        "stock_prices/stock_prices_2021_2021.zip",
        "truth/truth.json",
        *(f"truth/{source}.parquet" for source in (*SOURCES, *LOOSE)),
        *(f"{source}/{file.name}" for source in LOOSE for file in truth.sources[source].archives),
    }


def test_truth_survives_saving(tmp_path: Path) -> None:
    told: list[str] = []
    truth = simulate(tmp_path, "tiny", on_progress=told.append)
    assert Truth.load(tmp_path / "truth" / "truth.json") == truth
    assert len(told) == sum(truth.totals(source).files for source in (*SOURCES, *LOOSE))
    assert (
        json.loads((tmp_path / "truth" / "truth.json").read_text())["sources"]["crypto_prices"]["totals"]["files"] == 5
    )


@pytest.mark.parametrize("dirt", [CLEAN, REAL_DIRT, VERY_DIRTY], ids=["clean", "real", "very dirty"])
def test_accounts_are_those_of_the_files(tmp_path: Path, dirt: Dirt) -> None:
    truth = simulate(tmp_path, "tiny", dirt=dirt)
    for source, planted in truth.sources.items():
        totals = planted.totals
        assert totals.read == totals.valid + totals.quarantined + totals.duplicate
        assert totals.valid == truth_table(tmp_path, source).height
        for archive in planted.archives if source in SOURCES else ():
            with zipfile.ZipFile(tmp_path / source / archive.name) as opened:
                assert [m.name for m in archive.members] == [e.filename for e in opened.infolist()]
            for member in archive.members:
                if not member.ignored:
                    text = member_text(tmp_path, source, archive.name, member.name)
                    (_, header), *rows = records(text)
                    assert member.rows == len(rows)
                    bad = {row.line: row.kind for row in member.bad}
                    assert len(bad) == len(member.bad)
                    assert {line for line, row in rows if is_bad(header, row)} == set(bad)


def test_of_order_books_each_second_is_told_and_the_best_who_tells_it_is_kept(archives: Path) -> None:
    planted = Truth.load(archives / "truth" / "truth.json").sources["bitso_order_book"]
    files = {one.name: pl.read_parquet(archives / "bitso_order_book" / one.name) for one in planted.archives}
    assert {name: len(rows) for name, rows in files.items()} == {o.name: o.members[0].rows for o in planted.archives}
    assert {len(rows) for name, rows in files.items() if ".partial-" not in name} == {600}
    goodness = ["carried", "rest", "ticker", "ws"]
    best: dict[tuple[str, str], tuple[int, bool]] = {}
    for text, book, source, is_gap in (
        row
        for rows in files.values()
        for row in rows.select("orderbook_timestamp", "book", "source", "is_gap").iter_rows()
    ):
        found = goodness.index(source), not is_gap
        best[book, text] = max(best.get((book, text), found), found)
    kept = truth_table(archives, "bitso_order_book")
    assert {
        (book, time.isoformat()): (goodness.index(source), not is_gap)
        for book, time, source, is_gap in kept.select("book", "event_ts", "source", "is_gap").iter_rows()
    } == best
    assert set(kept["source"]) == set(goodness)
    assert 0 < kept["is_gap"].sum() < sum(rows["is_gap"].sum() for rows in files.values())


def is_bad(header: list[str], row: list[str]) -> bool:
    """Whether a row must be refused, told without knowing how it was spoiled."""
    if len(row) != len(header):
        return True
    values = dict(zip((column.lower() for column in header), row, strict=True))
    if "close" not in values:
        return False
    try:
        date.fromisoformat(values["date"][:10])
        high, low, close = (float(values[name]) for name in ("high", "low", "close"))
    except ValueError:
        return True
    return not (0 <= low <= high and 0 < close < float("inf") and values.get("symbol", "in the path"))


def test_real_dirt_is_that_of_the_real_archives(archives: Path) -> None:
    truth = Truth.load(archives / "truth" / "truth.json")
    assert [truth.totals(source).quarantined for source in SOURCES] == [2, 9, 2, 0]
    text = member_text(archives, "elon_tweets", "elon_musk_tweets.zip", "elon_musk_tweets/2021.csv")
    assert text.endswith("\r\n" + "," * 33)


def test_every_asked_value_kind_is_in_every_price_file(tmp_path: Path) -> None:
    truth = simulate(tmp_path, "tiny", dirt=VERY_DIRTY)
    for source in ("crypto_prices", "stock_market", "stock_prices"):
        for member in truth.sources[source].archives[0].members:
            assert member.ignored or {bad.kind for bad in member.bad} >= set(VERY_DIRTY.values)


def test_dirt_leaves_the_good_rows_alone(archives: Path, tmp_path: Path) -> None:
    simulate(tmp_path, "tiny", dirt=VERY_DIRTY)
    for source in SOURCES:
        assert truth_table(tmp_path, source).equals(truth_table(archives, source))


def test_layouts(archives: Path) -> None:
    bitcoin = member_text(
        archives,
        "crypto_prices",
        "cryptocurrency_historical_prices.zip",
        "cryptocurrency_historical_prices/coin_Bitcoin.csv",
    )
    assert bitcoin.startswith(
        "SNo,Name,Symbol,Date,High,Low,Open,Close,Volume,Marketcap\n1,Bitcoin,BTC,2018-06-01 23:59:59,"
    )
    stocks = member_text(archives, "stock_prices", "stock_prices_2021_2021.zip", "stock_prices_2021_2021.csv")
    assert stocks.startswith(
        '"",symbol,date,open,high,low,close,close_adjusted,volume,split_coefficient\n5000000,AAPL,'
    )
    cumulative = next(iter(tweets_of(archives, "elon_musk_tweets.zip", 2020).values()))
    assert list(cumulative)[:5] == ["", "id", "conversation_id", "created_at", "date"]
    assert len(cumulative) == 39
    created = datetime.fromtimestamp(float(cumulative["created_at"]) / 1000, UTC)
    assert f"{created:%Y-%m-%d %H:%M:%S}" == cumulative["date"]
    assert cumulative["created_at"].endswith("000.0")
    latest = next(iter(tweets_of(archives, "elon_musk_tweets.zip", 2021).values()))
    assert len(latest) == 36
    assert latest["created_at"] == f"{latest['date']} {latest['time']} Arabian Standard Time"


def test_tweets_have_every_kind_of_text(tmp_path: Path) -> None:
    simulate(tmp_path, Size(coins=3, crypto_days=2, tweets=2000, stock_symbols=2, stock_days=2))
    texts = truth_table(tmp_path, "elon_tweets")["text"]
    for kind in (",", '"', "\n", "🤣", "&amp;", "https://t.co/", "@", "ö", "готова", "ト"):
        assert texts.str.contains(kind, literal=True).any(), kind


def test_ids_hold_the_time_in_both_layouts(archives: Path) -> None:
    truth = truth_table(archives, "elon_tweets")
    by_id = dict(truth.select("id", "event_ts").iter_rows())
    assert len(by_id) == truth.height
    assert {time.year for time in by_id.values()} == set(range(2010, 2022))
    for tweet_id, time in by_id.items():
        assert (tweet_id >> 22) + SNOWFLAKE_EPOCH_MS - time.timestamp() * 1000 in range(1000)
    for tweet_id, row in tweets_of(archives, "elon_musk_tweets.zip", 2021).items():
        if tweet_id.isdigit() and row["trans_dest"] is not None:
            assert datetime.fromisoformat(f"{row['date']}T{row['time']}+04:00") == by_id[int(tweet_id)]


def test_older_scrapes_hold_the_same_tweets_with_smaller_counts(archives: Path) -> None:
    newest = tweets_of(archives, "elon_musk_tweets.zip", 2020)
    previous: dict[str, dict[str, str]] = {}
    for year in range(2010, 2020):
        scrape = tweets_of(archives, "elon_musk_tweets_2010_2019.zip", year)
        assert previous.keys() < scrape.keys() < newest.keys()
        for tweet_id, row in scrape.items():
            older, newer = previous.get(tweet_id, row), newest[tweet_id]
            assert row["tweet"] == newer["tweet"]
            assert int(older["nlikes"]) <= int(row["nlikes"]) < max(1, int(newer["nlikes"]))
        previous = scrape
    truth = truth_table(archives, "elon_tweets")
    likes = {str(tweet_id): count for tweet_id, count in truth.select("id", "likes").iter_rows()}
    assert all(likes[tweet_id] == int(row["nlikes"]) for tweet_id, row in newest.items())


def test_dogecoin_is_mentioned_in_april_2019(archives: Path) -> None:
    tweets = truth_table(archives, "elon_tweets").filter(pl.col("text").str.contains("(?i)dogecoin"))
    assert date(2019, 4, 2) in tweets["event_ts"].dt.date()
    prices = truth_table(archives, "crypto_prices").filter(symbol="DOGE")
    assert date(2019, 4, 2) in prices["event_ts"].dt.date()


NAMED_DAYS = {
    "a Thanksgiving": date(2026, 11, 26),
    "a Sunday": date(2026, 11, 29),
    "New Year's Day": date(2027, 1, 1),
    "a leap day": date(2028, 2, 29),
    "the last of a year": date(2026, 12, 31),
    "the earliest": EARLIEST_END,
}


@pytest.mark.parametrize("last_day", NAMED_DAYS.values(), ids=NAMED_DAYS)
def test_samples_end_on_the_day_that_is_asked_for(tmp_path: Path, last_day: date) -> None:
    truth = simulate(tmp_path, "tiny", last_day=last_day)
    tables = {source: truth_table(tmp_path, source) for source in SOURCES}
    for source in ("crypto_prices", "elon_tweets"):
        assert tables[source]["event_ts"].max().date() == last_day, source
    for source in ("stock_market", "stock_prices"):
        newest = tables[source]["date"].max()
        assert last_day - timedelta(days=3) <= newest <= last_day
        assert newest.weekday() < 5
    assert tables["crypto_prices"].group_by("symbol").agg(pl.col("event_ts").max())["event_ts"].n_unique() == 1
    assert tables["elon_tweets"]["event_ts"].dt.year().n_unique() == last_day.year - 2009
    assert len(tables["elon_tweets"]) == SIZES["tiny"].tweets
    doge = tables["crypto_prices"].filter(symbol="DOGE")["event_ts"].dt.date()
    assert {date(2018, 9, 1), date(2019, 12, 31)} <= set(doge)
    named = tables["elon_tweets"].filter(pl.col("text").str.contains("(?i)dogecoin"))
    assert date(2019, 4, 2) in named["event_ts"].dt.date()
    assert [truth.totals(source).quarantined for source in SOURCES] == [2, 9, 2, 0]


def test_the_past_is_the_same_whatever_the_last_day(tmp_path: Path) -> None:
    """So that homes that are filled on different days tell the same of April 2019."""
    sizes = replace(SIZES["tiny"], crypto_days=400)
    for day in (date(2026, 11, 25), date(2026, 11, 26)):
        simulate(tmp_path / str(day), sizes, last_day=day)
    doge = [
        truth_table(tmp_path / str(day), "crypto_prices").filter(pl.col("event_ts").dt.year() == 2019, symbol="DOGE")
        for day in (date(2026, 11, 25), date(2026, 11, 26))
    ]
    assert len(doge[0]) == 365
    assert doge[0].select("open", "close").equals(doge[1].select("open", "close"))


def test_a_last_day_that_is_too_early_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="2021-01-01 or later"):
        simulate(tmp_path, "tiny", last_day=date(2020, 12, 31))


def test_truth_is_what_the_text_says(archives: Path) -> None:
    text = member_text(archives, "stock_prices", "stock_prices_2021_2021.zip", "stock_prices_2021_2021.csv")
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    truth = truth_table(archives, "stock_prices")
    assert [(row["symbol"], row["date"]) for row in rows] == list(
        truth.select("symbol", pl.col("date").cast(pl.String)).rows()
    )
    for column in ("open", "high", "low", "close", "close_adjusted", "volume", "split_coefficient"):
        assert [float(row[column]) for row in rows] == truth[column].to_list()


@pytest.mark.parametrize("source", ["crypto_prices", "stock_market", "stock_prices"])
def test_candles_are_consistent(archives: Path, source: str) -> None:
    inside = [pl.col(price).is_between("low", "high") for price in ("open", "close")]
    assert truth_table(archives, source).select(pl.all_horizontal(*inside, pl.col("low") > 0).all()).item()


def test_unrecorded_volume_is_null_in_the_first_days_only(archives: Path) -> None:
    bitcoin = truth_table(archives, "crypto_prices").filter(symbol="BTC")
    assert bitcoin["volume"].is_null().arg_true().to_list() == list(range(len(bitcoin) // 50))
    assert bitcoin["market_cap"].is_null().arg_true().to_list() == list(range(len(bitcoin) // 100))


def test_stocks_trade_on_trading_days_and_split(archives: Path) -> None:
    stocks = truth_table(archives, "stock_prices")
    assert stocks["date"].dt.weekday().max() == 5
    assert date(2021, 11, 25) not in trading_days(100, LAST_DAY)
    apple = stocks.filter(symbol="AAPL").with_columns(fell=pl.col("close").shift() / pl.col("close"))
    split = apple.filter(pl.col("split_coefficient") > 1)
    assert split.height == 1
    assert split["fell"].item() == pytest.approx(split["split_coefficient"].item(), rel=0.2)


def test_returns_cluster_and_move_together() -> None:
    factor = market_factor(Random(1), volatility=0.03, last_day=LAST_DAY)
    first, second = (log_returns(Random(seed), factor.values()) for seed in (2, 3))
    assert correlation(first, second) > 0.3
    squares = [value**2 for value in first]
    assert autocorrelation(squares) > 0.05 > abs(autocorrelation(first))
    mean_square = sum(squares) / len(squares)
    assert sum(value**2 for value in squares) / len(squares) > 3.5 * mean_square**2, "tails are no heavier than normal"


def log_returns(rng: Random, factor: Iterable[float]) -> list[float]:
    asset = Asset(rng, price=1.0, volatility=0.02, beta=1.0, drift=0.0)
    closes = pl.Series([asset.step(shock).close for shock in factor])
    return closes.log().diff().drop_nulls().to_list()


def autocorrelation(values: list[float]) -> float:
    """Mean over the first lags."""
    return sum(correlation(values[:-lag], values[lag:]) for lag in range(1, 6)) / 5


@pytest.mark.parametrize(
    "change", [{"coins": 2}, {"tweets": 3}, {"stock_days": 1}, {"crypto_days": 9_999}, {"stock_days": 2_701}]
)
def test_sizes_have_limits(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"at least|simulated from"):
        replace(SIZES["tiny"], **change)
