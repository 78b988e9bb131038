"""Exact sums: right, and the same to the last bit from a whole history or from the window alone."""

import random
import statistics
from datetime import timedelta

import polars as pl
import pytest

from cryptodudez_assets.features.exact import Window, deviation, finite, mean, quotient
from cryptodudez_assets_tests.feature_frames import utc

WEEK = Window(7, at_least=3, keys=["symbol"])
START = utc("2020-01-01")


@pytest.fixture(scope="module")
def walk() -> pl.DataFrame:
    chance = random.Random(5)
    rows = [
        {
            "symbol": symbol,
            "event_ts": START + timedelta(days=day),
            "x": chance.gauss(0, 0.04),
            "y": chance.gauss(0, 0.04),
        }
        for symbol in "AB"
        for day in range(200)
    ]
    return pl.DataFrame(rows).with_columns(pl.col("event_ts").cast(pl.Datetime("us", "UTC")))


def windows(rows: pl.DataFrame) -> pl.DataFrame:
    x, y = pl.col("x"), pl.col("y")
    columns = {"mean": WEEK.mean(x), "sd": WEEK.deviation(x), "beta": WEEK.beta(x, y), "corr": WEEK.correlation(x, y)}
    return rows.sort("symbol", "event_ts").with_columns(**columns)


def test_windows_agree_with_the_textbook(walk: pl.DataFrame) -> None:
    last = walk.filter(symbol="A").tail(7)
    x, y = last["x"].to_list(), last["y"].to_list()
    found = windows(walk).filter(symbol="A").row(-1, named=True)
    assert found["mean"] == pytest.approx(statistics.fmean(x), rel=1e-7)
    assert found["sd"] == pytest.approx(statistics.stdev(x), rel=1e-7)
    assert found["beta"] == pytest.approx(statistics.covariance(x, y) / statistics.variance(y), rel=1e-6)
    assert found["corr"] == pytest.approx(statistics.correlation(x, y), rel=1e-6)


def test_values_do_not_depend_on_where_the_history_starts(walk: pl.DataFrame) -> None:
    whole = windows(walk).filter(pl.col("event_ts") >= START + timedelta(days=106))
    cut = windows(walk.filter(pl.col("event_ts") >= START + timedelta(days=100))).filter(
        pl.col("event_ts") >= START + timedelta(days=106)
    )
    assert cut.equals(whole)
    one = walk.filter(symbol="A")
    naive = [rows.select(pl.col("x").rolling_sum_by("event_ts", "7d")).tail(90) for rows in (one, one.tail(96))]
    assert not naive[0].equals(naive[1]), "rolling sums of floats have become exact: this module is no longer needed"


def test_division_is_division_after_a_join_with_one_row() -> None:
    rows = pl.DataFrame({"key": 1, "x": [3, 3, 3]}).join(pl.DataFrame({"key": 1, "y": 5}), on="key")
    assert rows.select(quotient(pl.col("x"), pl.col("y")))[:, 0].to_list() == [0.6, 0.6, 0.6]


def test_windows_are_calendar_days(walk: pl.DataFrame) -> None:
    gap = walk.filter(symbol="A").filter(
        ~pl.col("event_ts").is_between(START + timedelta(days=10), START + timedelta(days=14))
    )
    found = {row["event_ts"]: row["mean"] for row in windows(gap).iter_rows(named=True)}
    assert found[START + timedelta(days=15)] is None  # days 9 and 15 only
    assert found[START + timedelta(days=16)] is None  # 15 and 16
    assert found[START + timedelta(days=17)] is not None


def test_grouped_statistics() -> None:
    rows = pl.DataFrame({"g": [1, 1, 1, 2, 3], "x": [1.0, 2.0, 4.5, 7.0, None]})
    found = rows.group_by("g").agg(mean=mean(pl.col("x")), sd=deviation(pl.col("x"))).sort("g").rows()
    assert found == [(1, 2.5, pytest.approx(statistics.stdev([1, 2, 4.5]))), (2, 7.0, None), (3, None, None)]


def test_no_value_is_null() -> None:
    assert pl.select(finite(pl.Series([1.0, float("inf"), float("nan"), None])))[:, 0].to_list() == [
        1.0,
        None,
        None,
        None,
    ]


def test_a_constant_has_no_correlation() -> None:
    days = [START + timedelta(days=day) for day in range(4)]
    rows = pl.DataFrame({"symbol": "A", "event_ts": days, "x": [1.0, 2.0, 3.0, 5.0], "y": 0.1})
    assert windows(rows).row(-1, named=True)["beta"] is None
    assert windows(rows).row(-1, named=True)["corr"] is None
