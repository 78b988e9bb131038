"""The study of trends: what was planted is found at its lead and holds, noise is called noise, and the year kept aside has no say."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from cryptodudez_assets.contracts.rules import assert_holds
from cryptodudez_assets.reports.sections import markdown
from cryptodudez_assets.studies.trends import blocks
from cryptodudez_assets.studies.trends.blocks import BLOCK, as_related, if_unrelated, pooled_p, scores
from cryptodudez_assets.studies.trends.contract import KEY, TrendsStudy
from cryptodudez_assets.studies.trends.leader import LEADER
from cryptodudez_assets.studies.trends.plots import draw
from cryptodudez_assets.studies.trends.report import key_numbers, page
from cryptodudez_assets.studies.trends.series import OUTCOMES, Price, Series, against_before, series_of
from cryptodudez_assets.studies.trends.study import LATER_DAYS, LEADING, TWEETS, TrendsFound, candidates, held_up, study
from cryptodudez_assets.studies.trends.words import sections

DAYS = np.arange("2016-01-01", "2019-09-01", dtype="datetime64[D]")
TICKERS = [("coin", LEADER), ("coin", "AAA"), ("coin", "BBB"), ("stock", "CCC"), ("stock", "DDD")]
SIGNALS = ("moon", "mars", "rare", "mood")


def noise(seed: int) -> Series:
    """Signals that bunch, and prices that move together and are wild for weeks on end; nothing to be found."""
    random, n = np.random.default_rng(seed), len(DAYS)
    wild = np.exp(np.repeat(random.normal(0, 0.5, n // 30 + 1), 30)[:n])
    market = random.standard_t(4, n) * wild
    weekend = np.arange(n) % 7 >= 5
    prices = []
    for market_name, symbol in TICKERS:
        for outcome in OUTCOMES:
            own = market + random.standard_t(4, n) * wild
            values = own if outcome == "return" else np.convolve(np.abs(own), np.ones(4) / 4, "same")
            prices.append(
                Price(market_name, symbol, outcome, np.where(weekend & (market_name == "stock"), np.nan, values))
            )
    busy = np.repeat(random.random(n // 10 + 1) < 0.3, 10)[:n]
    said = {
        "moon": random.random(n) < np.where(busy, 0.5, 0.05),
        "mars": random.random(n) < 0.2,
        "rare": random.random(n) < 0.03,
        "mood": np.ones(n, bool),
    }
    signals = {name: np.where(said[name], random.random(n), 0.0) for name in SIGNALS[:3]}
    signals["mood"] = np.convolve(random.normal(size=n), np.ones(3), "same")
    return Series(DAYS, signals, said, prices)


def planted(lead: int, strength: float = 2.5, seed: int = 1) -> Series:
    """The same, but AAA's return is moved by what was said of the moon so many days before (after, if negative)."""
    made = noise(seed)
    moved = strength * np.roll((made.signals["moon"] > 0) * 1.0, lead)
    return replace(
        made, prices=[replace(one, values=one.values + moved) if is_moved(one) else one for one in made.prices]
    )


def is_moved(price: Price) -> bool:
    return (price.symbol, price.outcome) == ("AAA", "return")


def told(found: TrendsFound) -> str:
    return markdown(sections(found)).replace("\u00a0", " ")


@pytest.mark.parametrize(("lead", "words"), [(2, "2 days after"), (-1, "1 day before"), (0, "on the same day")])
def test_what_is_planted_is_found_at_its_lead_and_holds(lead: int, words: str) -> None:
    found = study(planted(lead))
    first, *_ = held_up(found.of(TWEETS)).iter_rows(named=True)
    assert (first["signal"], first["symbol"], first["outcome"], first["lead"]) == ("moon", "AAA", "return", lead)
    assert 0 < first["low"] < first["correlation"] < first["high"]
    assert set(held_up(found.of(TWEETS)).select("signal", "symbol").iter_rows()) == {("moon", "AAA")}
    assert f"“moon” with the return of AAA {words}" in told(found)


def test_in_noise_nothing_is_found_more_often_than_announced() -> None:
    found = [study(noise(seed)) for seed in range(100, 140)]
    for family in (TWEETS, LEADING):
        tests = [one.of(family) for one in found]
        low = float(np.mean([(one["p"] < 0.05).mean() for one in tests]))
        assert 0.03 < low < 0.08, family
        # Of 40, 8 are announced (q up to 0.2); more than 14 would come once in 140.
        assert sum(len(candidates(one)) > 0 for one in tests) <= 14, family
        assert sum(len(held_up(one)) > 0 for one in tests) <= 2, family


def test_who_follows_the_leading_coin_is_found() -> None:
    made = noise(3)
    leader = next(one.values for one in made.prices if one.symbol == LEADER)
    follows = 0.7 * np.roll(leader, 1)
    prices = [replace(one, values=one.values + follows) if is_moved(one) else one for one in made.prices]
    found = study(replace(made, prices=prices))
    assert held_up(found.of(LEADING)).select("symbol", "lead").row(0) == ("AAA", 1)
    same_day = found.tests.filter(family=LEADING, lead=0)
    assert same_day["p"].null_count() == len(same_day) == len(TICKERS) - 1
    assert same_day["correlation"].min() > 0.2  # type: ignore[operator]
    assert "nobody leads there" in told(found)


def test_the_year_kept_aside_has_no_say_in_what_is_found() -> None:
    made, columns = planted(1), [*KEY, "n", "correlation", "low", "high", "p", "q"]
    at = len(DAYS) - LATER_DAYS
    other = replace(
        made,
        signals={name: np.concatenate([values[:at], values[at:][::-1]]) for name, values in made.signals.items()},
        prices=[replace(one, values=np.concatenate([one.values[:at], -one.values[at:]])) for one in made.prices],
    )
    before, after = study(made), study(other)
    assert before.tests.select(columns).equals(after.tests.select(columns))
    assert not before.tests.equals(after.tests)
    assert len(held_up(before.of(TWEETS))) > 0
    assert held_up(after.of(TWEETS)).is_empty()
    assert "None of them holds in the year kept aside" in told(after)


def test_none_is_shown_as_none() -> None:
    found = next(one for one in map(study, map(noise, range(5))) if candidates(one.of(TWEETS)).is_empty())
    n, low = len(found.of(TWEETS)), int((found.of(TWEETS)["p"] < 0.01).sum())
    assert f"Of {n:,} tests of tweets and prices, {low} ha" in told(found)
    assert "no trend was found" in told(found)
    assert "What is smaller can be there unseen" in told(found)
    assert (key_numbers(found)["tweets_tests"], key_numbers(found)["tweets_candidates"]) == (n, 0)


def test_too_little_is_not_asked_about() -> None:
    made = noise(1)
    seldom = replace(made, said=made.said | {"rare": np.arange(len(DAYS)) < 5})
    assert "“rare”" in told(study(seldom)).split("not asked about")[1]
    assert set(study(seldom).of(TWEETS)["signal"]) == {"moon", "mars", "mood"}
    short = [replace(one, values=np.where(np.arange(len(DAYS)) < 60, one.values, np.nan)) for one in made.prices]
    assert "nothing can be told from fewer" in told(study(replace(made, prices=short)))
    nothing = study(replace(made, prices=[]))
    assert "There are no tweets, or no prices" in told(nothing)
    assert draw(nothing) == {}
    assert_holds(TrendsStudy, nothing.tests)


def test_days_in_the_middle_are_days() -> None:
    """Their rank is no distance from the mean, which is not the same as not being known."""
    made = noise(1)
    swings = np.tile([-1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0], len(DAYS))[: len(DAYS)]
    found = study(replace(made, signals={"swing": swings}, said={"swing": np.ones(len(DAYS), bool)}))
    assert found.tests.filter(family=TWEETS, symbol="AAA", lead=0)["n"].to_list() == [len(DAYS) - LATER_DAYS] * 3


def test_rows_keep_the_contract_and_the_page_holds_words_plots_and_numbers() -> None:
    found = study(planted(1))
    assert_holds(TrendsStudy, found.tests)
    assert found.tests.select(KEY).is_unique().all()
    plots = draw(found)
    html = page(sections(found), plots)
    assert set(plots) == {"p_values", "later", "leader"}
    assert html.count("<svg") == html.count("</svg>") == 3
    assert plots == draw(found), "the same numbers make the same bytes"
    assert found.tests.equals(study(planted(1)).tests), "the seed is fixed"


def test_the_bootstraps_moments_are_those_of_its_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "DRAWS", 20_000)
    blocks._choices.cache_clear()
    random = np.random.default_rng(5)
    x, y = (np.convolve(random.normal(size=600), np.ones(5), "same") for _ in range(2))
    n = -(-600 // BLOCK)
    padded = [np.pad(side, (0, n * BLOCK - 600)).reshape(n, BLOCK) for side in (x, y)]
    drawn = [(padded[0][random.integers(n, size=n)] * padded[1]).sum() for _ in range(20_000)]
    mean, deviation, draws = if_unrelated(x, y)
    assert mean == pytest.approx(np.mean(drawn), abs=4 * deviation / 20_000**0.5)
    assert deviation == pytest.approx(np.std(drawn), rel=0.03)
    assert (draws.mean(), draws.std()) == (pytest.approx(0, abs=0.03), pytest.approx(1, abs=0.03))
    wide, pairs = as_related(x * y)
    sums = (padded[0] * padded[1]).sum(axis=1)
    anew = [sums[random.integers(n, size=n)].sum() for _ in range(20_000)]
    assert wide >= np.std(anew) * 0.97
    assert pairs.std() == pytest.approx(1, abs=0.03)
    blocks._choices.cache_clear()


def test_small_numbers_by_hand() -> None:
    assert pooled_p(np.array([2.0, -3.0, 0.0]), np.array([1.0, -2.0, 2.5])).tolist() == [3 / 4, 1 / 4, 1.0]
    assert scores(np.array([5.0, np.nan, 1.0])).tolist() == pytest.approx([1.0, np.nan, -1.0], nan_ok=True)
    assert scores(np.array([2.0, 2.0])).tolist() == [0.0, 0.0]
    told = against_before(np.array([1.0, 1, 1, 1, 3, np.nan, 3]))
    assert told.tolist()[4:] == pytest.approx([2.0, np.nan, 8 / 5], nan_ok=True)
    assert np.isnan(told[:4]).all(), "fewer than four days before"


def test_series_are_of_the_tables() -> None:
    first = datetime(2021, 1, 1, tzinfo=UTC)
    days = [first + timedelta(days=n) for n in range(20)]
    said = pl.DataFrame(
        {"term": ["moon"] * 20, "event_ts": days, "n_tweets": [0] * 9 + [2] + [0] * 10, "n_tweets_all": 4}
    )
    silent = said.with_columns(
        n_tweets_all=pl.when(pl.col("event_ts").dt.day() == 15).then(0).otherwise("n_tweets_all")
    )
    coin = {"log_return_1d": [0.1] * 20, "volume_zscore_30d": [None] * 20, "high_low_range": [0.0] + [1.0] * 19}
    coins = pl.DataFrame(
        {"symbol": ["AAA"] * 20, "event_ts": days, **coin}, schema_overrides={"volume_zscore_30d": pl.Float64}
    )
    made = series_of(silent, pl.DataFrame({"event_ts": days, "compound": [0.5] * 20}), coins, None)
    assert np.flatnonzero(made.said["moon"]).tolist() == [9]
    assert made.signals["moon"][9] == 0.5, "half of that day's tweets, none of the days before"
    assert np.isfinite(made.signals["moon"][4:]).all(), "a day without tweets between others speaks of nothing"
    assert [one.outcome for one in made.prices] == list(OUTCOMES)
    assert np.isfinite(made.prices[0].values).all()
    assert np.isnan(made.prices[1].values).all()
    assert study(made).tests.is_empty()
