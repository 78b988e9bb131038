"""The study of mood: planted relations are found with their direction, none in noise, and few days say that they are few."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from cryptodudez_assets.contracts.rules import assert_holds
from cryptodudez_assets.reports.sections import markdown
from cryptodudez_assets.studies.mood.contract import MoodStudy
from cryptodudez_assets.studies.mood.plots import draw
from cryptodudez_assets.studies.mood.report import page
from cryptodudez_assets.studies.mood.result import key_numbers, rows_of
from cryptodudez_assets.studies.mood.study import MoodFound, daily_returns, detectable, study
from cryptodudez_assets.studies.mood.words import sections

FIRST = date(2021, 1, 1)


def days(n: int) -> pl.Series:
    return pl.date_range(FIRST, FIRST + timedelta(days=n - 1), eager=True).alias("date")


def closes(returns: np.ndarray, symbol: str = "BTC") -> pl.DataFrame:
    """Closes of which these are the returns, the first day having none."""
    level = 100 * np.exp(np.concatenate([[0.0], np.cumsum(returns)]))
    return pl.DataFrame({"symbol": [symbol] * len(level), "date": days(len(level)), "close": level})


def moods(values: np.ndarray, source: str = "bitcoin_tweets") -> pl.DataFrame:
    """A mood a day, from the second day on."""
    n = len(values)
    counts = {name: [10] * n for name in ("n_posts", "n_scored")}
    told = {"source": [source] * n, "date": days(n + 1)[1:], **counts, "n_retweets": [0] * n, "mood": values}
    return pl.DataFrame(told, schema_overrides=dict.fromkeys(("n_posts", "n_scored", "n_retweets"), pl.Int64))


def found(n: int = 300, follows: int | None = None, seed: int = 1) -> MoodFound:
    """A study in which the mood is like the return so many days later (None: like nothing)."""
    random = np.random.default_rng(seed)
    returns, own = random.normal(0, 0.03, n), random.normal(0, 0.1, n)
    mood = own if follows is None else own + 4 * np.roll(returns, -follows)
    return study(moods(np.tanh(mood)), daily_returns(closes(returns), None))


def words_of(one: MoodFound) -> str:
    return markdown(sections(one)).replace("\u00a0", " ")


@pytest.mark.parametrize(("follows", "told"), [(1, "come after the posts"), (-2, "come before the posts")])
def test_a_planted_relation_is_found_at_its_lead_and_nowhere_else(follows: int, told: str) -> None:
    one = found(follows=follows, seed=2)
    strong = [corr for corr in one.correlations if corr.stands]
    assert [corr.lead for corr in strong] == [follows]
    assert strong[0].correlation > 0.6
    assert told in words_of(one)


def test_in_noise_nothing_is_found_more_often_than_announced() -> None:
    calls = [any(corr.stands for corr in found(n=60, seed=seed).correlations) for seed in range(40)]
    assert sum(calls) <= 5  # 5 % of 40 are 2; more than 5 would come once in 70


def test_a_handful_of_days_says_what_it_can_carry() -> None:
    one = found(n=4, follows=0)
    same_day = next(corr for corr in one.correlations if corr.lead == 0)
    assert (same_day.n, same_day.p >= 0.25) == (4, True)
    assert key_numbers(one)["below_q"] == 0
    told = words_of(one)
    assert "p cannot be below 0.25" in told
    assert "hangs on a handful of days" in told
    assert "only a correlation of 0.99 or more" in told
    assert "20 of 100 sets of 4 unrelated days lie beyond ±0.8" in told
    assert same_day.interval is None
    assert detectable(3) is None
    assert detectable(4) == pytest.approx(0.993, abs=0.001)


def test_what_cannot_find_anything_costs_the_others_nothing() -> None:
    random = np.random.default_rng(2)
    returns, own = random.normal(0, 0.03, 300), random.normal(0, 0.1, 300)
    prices, long = daily_returns(closes(returns), None), moods(np.tanh(own + np.roll(returns, -1)))
    alone = study(long, prices)
    beside = study(pl.concat([long, moods(random.normal(0, 0.1, 14), "x_posts")]), prices)
    assert [one for one in beside.correlations if one.is_judged] == alone.correlations
    assert {one.q for one in beside.correlations if not one.is_judged} == {None}
    assert "Another 7 tests stand on fewer than 20 days" in words_of(beside)
    assert_holds(MoodStudy, rows_of(beside))


def test_days_are_counted_and_not_posts() -> None:
    one, many = (
        moods(np.array([0.1, 0.2, 0.0, 0.3, 0.1])),
        daily_returns(closes(np.array([1, -1, 1, 1, -1]) / 100), None),
    )
    crowded = one.with_columns(n_posts=pl.lit(100_000, pl.Int64), n_scored=pl.lit(100_000, pl.Int64))
    assert study(one, many).correlations == study(crowded, many).correlations


def test_a_return_is_never_from_one_source_of_prices_to_the_other() -> None:
    archive = closes(np.array([0.01, 0.02]))
    candles = closes(np.full(5, 0.1), "BTCUSDT").with_columns(close=pl.col("close") * 2)
    told = daily_returns(archive, candles).filter(symbol="BTC")
    assert told["origin"].to_list() == ["archive", "archive", "candles", "candles", "candles"]
    assert told["log_return"].to_list() == pytest.approx([0.01, 0.02, 0.1, 0.1, 0.1])
    gap = daily_returns(archive.filter(pl.col("date") != FIRST + timedelta(days=1)), None)
    assert gap.is_empty()


def test_days_whose_return_is_of_candles_are_told() -> None:
    random = np.random.default_rng(3)
    one = study(moods(random.normal(0, 0.1, 40)), daily_returns(None, closes(random.normal(0, 0.02, 40), "BTCUSDT")))
    assert {corr.n_candles - corr.n for corr in one.correlations} == {0}
    assert "in USDT instead of USD" in words_of(one)


def test_without_prices_the_report_says_so() -> None:
    one = study(moods(np.array([0.1, 0.2])), daily_returns(None, None))
    assert rows_of(one).is_empty()
    assert draw(one) == {}
    assert "There are no prices of BTC, ETH, DOGE" in words_of(one)
    alone = study(moods(np.array([0.1])), daily_returns(closes(np.array([0.1, 0.2])), None))
    assert "No source has three days" in words_of(alone)


def test_rows_keep_the_contract_and_the_page_holds_words_plots_and_numbers() -> None:
    one = found()
    assert_holds(MoodStudy, rows_of(one))
    html = page(sections(one), draw(one))
    assert html.count("<svg") == html.count("</svg>") == 2
    assert "n = 300" in html
