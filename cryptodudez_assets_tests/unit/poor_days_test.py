"""Poor days are called by a table's own past: on replay at most 5 % of looks are false, and a day that is far too small is seen."""

from collections.abc import Callable
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from cryptodudez_assets.derived.upkeep.poor_days import FALSE_LOOKS, DayJudged, judge_last, judge_newest

FIRST = date(2020, 1, 1)
Counts = NDArray[np.int64]


def table(counts: Counts, nulls: Counts | None = None) -> pl.DataFrame:
    day = [FIRST + timedelta(days=n) for n in range(len(counts))]
    lacking = np.zeros(len(counts), np.int64) if nulls is None else nulls
    return pl.DataFrame({"day": day, "rows": counts.astype(np.int64), "likes": lacking.astype(np.int64)})


def steady(random: np.random.Generator, n: int) -> Counts:
    return np.full(n, 40)


def poisson(random: np.random.Generator, n: int) -> Counts:
    return random.poisson(30, n)


def weekly(random: np.random.Generator, n: int) -> Counts:
    return random.poisson(np.where(np.arange(n) % 7 < 5, 60, 15))


def bursty(random: np.random.Generator, n: int) -> Counts:
    return random.lognormal(3, 1.2, n).astype(np.int64)


def shrinking(random: np.random.Generator, n: int) -> Counts:
    return random.poisson(200 * np.exp(-np.arange(n) / 60))


def rare(random: np.random.Generator, n: int) -> Counts:
    return random.poisson(0.7, n)


SERIES: list[Callable[[np.random.Generator, int], Counts]] = [steady, poisson, weekly, bursty, shrinking, rare]


def replayed(days: pl.DataFrame) -> list[DayJudged]:
    """A look at each day, by the days before it."""
    return [judge_last(days.head(n)) for n in range(1, len(days) + 1)]


@pytest.mark.parametrize("series", SERIES, ids=lambda series: series.__name__)
@pytest.mark.parametrize("seed", [1, 2])
def test_on_replay_at_most_one_look_in_twenty_is_false(
    series: Callable[[np.random.Generator, int], Counts], seed: int
) -> None:
    random = np.random.default_rng(seed)
    counts = series(random, 150)
    looks = replayed(table(counts, random.binomial(np.maximum(counts, 0), 0.05) + 0))
    judged = looks[14:]  # before that every null is told
    assert sum(one.is_poor for one in judged) <= FALSE_LOOKS * len(judged)


@pytest.mark.parametrize("series", [steady, poisson], ids=lambda series: series.__name__)
def test_a_day_with_a_tenth_of_the_rows_is_seen(series: Callable[[np.random.Generator, int], Counts]) -> None:
    counts = series(np.random.default_rng(1), 90)
    counts[-1] = 3
    one = judge_last(table(counts))
    assert one.has_few_rows
    assert f"{FIRST + timedelta(days=89)}: 3 rows, fewer than" in str(one)


def test_a_day_without_any_row_between_others_is_seen() -> None:
    days = table(np.full(60, 40)).filter(pl.col("day") != FIRST + timedelta(days=58))
    assert judge_newest(days, over=FIRST + timedelta(days=59), columns=["likes"]).day == FIRST + timedelta(days=57)
    assert not judge_newest(days, over=FIRST + timedelta(days=60), columns=["likes"]).is_poor
    gap = days.with_columns(rows=pl.when(pl.col("day") == FIRST + timedelta(days=59)).then(0).otherwise("rows"))
    assert judge_newest(gap, over=FIRST + timedelta(days=60), columns=["likes"]).has_few_rows


def test_nulls_where_there_were_none_are_told_also_without_a_past() -> None:
    few = judge_last(table(np.array([10]), np.array([2])))
    assert few.nulls == {"likes": 2}
    assert "2 of 10 rows have no likes" in str(few)
    assert "0 days before it are too few" in str(few)
    usual = np.full(60, 5)
    assert not judge_last(table(np.full(60, 40), usual)).is_poor
    usual[-1] = 30
    assert judge_last(table(np.full(60, 40), usual)).nulls == {"likes": 30}


def test_today_is_not_over() -> None:
    days = table(np.array([40] * 40 + [1]))
    assert not judge_newest(days, over=FIRST + timedelta(days=40), columns=["likes"]).is_poor
    assert judge_newest(days.clear(), over=FIRST, columns=["likes"]).day is None
