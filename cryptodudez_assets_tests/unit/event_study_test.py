"""The event study's numbers: exact where they can be reckoned by hand, planted effects found, none found in noise."""

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from cryptodudez_assets.contracts.rules import assert_holds
from cryptodudez_assets.reports.figures import data_uri
from cryptodudez_assets.reports.sections import markdown
from cryptodudez_assets.studies.contract import KEY, DogecoinStudy
from cryptodudez_assets.studies.dogecoin import Study, aligned, study
from cryptodudez_assets.studies.event_study import AT_LEAST, MarketModel, Returns, cumulative, estimate, fit, lead_lag
from cryptodudez_assets.studies.plots import draw
from cryptodudez_assets.studies.report import page
from cryptodudez_assets.studies.result import rows_of
from cryptodudez_assets.studies.term_days import benjamini_hochberg, rolling_abnormal, term_effects
from cryptodudez_assets.studies.words import sections

DAYS = np.arange("2018-01-01", "2020-07-01", dtype="datetime64[D]")
EVENT = int((np.datetime64("2019-04-02") - DAYS[0]).astype(int))


def simulated(seed: int = 1, effect: float = 0.0, beta: float = 0.7) -> Returns:
    """An asset that follows its control, with an effect on the event day and the three after it."""
    random = np.random.default_rng(seed)
    control = random.normal(0, 0.04, len(DAYS))
    asset = 0.001 + beta * control + random.normal(0, 0.025, len(DAYS))
    asset[EVENT : EVENT + 4] += effect
    return Returns(DAYS, asset, control)


def frames(returns: Returns, tweets: dict[str, int]) -> tuple[pl.LazyFrame, pl.LazyFrame]:
    """The same as feature tables, and so many tweets with the term on these days (of ten each)."""
    days = pl.Series("event_ts", returns.days).cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    sides = [
        pl.DataFrame(
            {
                "symbol": [name] * len(days),
                "event_ts": days,
                "close": np.exp(np.nancumsum(values)),
                "log_return_1d": values,
            }
        )
        for name, values in (("DOGE", returns.asset), ("BTC", returns.control))
    ]
    spoken = [
        {
            "term": term,
            "event_ts": datetime.fromisoformat(day).replace(tzinfo=UTC),
            "n_tweets": n if term == "dogecoin" else 0,
            "n_tweets_all": 10,
        }
        for day, n in tweets.items()
        for term in ("dogecoin", "tesla")
    ]
    schema = {"term": pl.String, "event_ts": pl.Datetime("us", "UTC"), "n_tweets": pl.Int64, "n_tweets_all": pl.Int64}
    return pl.concat(sides).lazy(), pl.LazyFrame(spoken, schema=schema)


def told(found: Study) -> str:
    return markdown(sections(found)).replace("\u00a0", " ")


class TestMarketModel:
    def test_small_numbers_by_hand(self):
        control = np.tile([-1.0, 1.0], AT_LEAST)
        asset = 0.5 + 2 * control + np.tile([0.1, 0.1, -0.1, -0.1], AT_LEAST // 2)

        model = fit(asset, control)

        assert model is not None
        assert (model.alpha, model.beta, model.n) == (pytest.approx(0.5), pytest.approx(2), 2 * AT_LEAST)
        assert model.sd == pytest.approx((0.01 * 2 * AT_LEAST / (2 * AT_LEAST - 2)) ** 0.5)

    def test_days_without_a_return_do_not_count_and_too_few_make_no_model(self):
        values = np.arange(float(AT_LEAST))
        assert fit(values, values) is not None
        assert fit(np.where(values == 3, np.nan, values), values) is None
        assert fit(values, np.ones(AT_LEAST)) is None, "a control that stands still explains nothing"

    def test_the_days_before_the_event_and_after_it_are_left_out(self):
        returns = simulated()
        shaken = Returns(DAYS, np.where(np.arange(len(DAYS)) >= EVENT - 10, 9.0, returns.asset), returns.control)
        assert estimate(shaken, EVENT) == estimate(returns, EVENT)

    def test_a_calendar_with_a_gap_is_refused(self):
        with pytest.raises(ValueError, match="every calendar day"):
            Returns(DAYS[[0, 2]], np.zeros(2), np.zeros(2))


class TestCumulative:
    ONE = MarketModel(0, 0, 0.5, 100)

    def test_small_numbers_by_hand(self):
        days = np.arange("2019-01-01", "2019-01-11", dtype="datetime64[D]")
        values = np.array([1.0, -3, 1, 0, 5, 1, 0, 0, 2, np.nan])

        found = cumulative(values, self.ONE, days, [4], (0, 1), (-1, 1), 2019)

        assert found is not None
        assert (found.value, found.z) == (6.0, pytest.approx(6 / (0.5 * 2**0.5)))
        assert found.placebos.tolist() == [-2, -2, 0, 2], (
            "none touches the days -1 to +1, or has a day without a return"
        )
        assert [str(day) for day in found.starts] == ["2019-01-01", "2019-01-02", "2019-01-07", "2019-01-08"]
        assert (found.n, found.rank, found.p) == (4, 1, 1 / 5)

    def test_falls_count_as_much_as_rises(self):
        days = np.arange("2019-01-01", "2019-01-07", dtype="datetime64[D]")
        found = cumulative(np.array([-9.0, 0, 5, 0, 0, 1]), self.ONE, days, [2], (0, 0), (-1, 1), 2019)
        assert found is not None
        assert (found.rank, found.p) == (2, 2 / 4)

    def test_other_years_and_other_events_are_no_placebos(self):
        values = np.zeros(len(DAYS))
        one = cumulative(values, self.ONE, DAYS, [EVENT], (0, 3), (-1, 3), 2019)
        two = cumulative(values, self.ONE, DAYS, [EVENT, EVENT + 100], (0, 3), (-1, 3), 2019)
        assert (one.n, two.n) == (362 - 8, 362 - 16)

    def test_a_window_outside_of_the_data_is_not_there(self):
        assert cumulative(np.zeros(len(DAYS)), self.ONE, DAYS, [len(DAYS) - 2], (0, 3), (-1, 3), 2020) is None


class TestLeadLag:
    def test_finds_the_lead_that_was_planted(self):
        frequency, returns = np.zeros(400), np.random.default_rng(3).normal(0, 1, 400)
        frequency[40::50] = 1
        returns[42::50] += 9
        found = {k: lead_lag(frequency, returns, slice(20, 380), k) for k in range(-3, 4)}
        assert max(found, key=lambda k: found[k].correlation) == 2
        assert found[2].p < 0.03
        assert found[2].n == 360

    def test_is_the_correlation(self):
        random = np.random.default_rng(5)
        x, y = random.normal(size=50), random.normal(size=50)
        one = lead_lag(x, y, slice(0, 50), 1)
        assert (one.correlation, one.n) == (pytest.approx(np.corrcoef(x[:-1], y[1:])[0, 1]), 49)
        shifts = [abs(np.corrcoef(np.roll(x[:-1], k), y[1:])[0, 1]) for k in range(49)]
        assert one.p == pytest.approx(np.mean([shift >= shifts[0] - 1e-12 for shift in shifts]))

    def test_what_does_not_vary_has_none(self):
        assert lead_lag(np.zeros(50), np.arange(50.0), slice(0, 50), 0) is None


class TestTermDays:
    def test_adjusted_p_by_hand(self):
        assert benjamini_hochberg([0.04, 0.01, 0.03, 0.5]) == pytest.approx([0.04 * 4 / 3, 0.04, 0.04 * 4 / 3, 0.5])
        assert benjamini_hochberg([]) == []

    def test_finds_what_was_planted_and_nothing_else(self):
        random = np.random.default_rng(7)
        years = DAYS.astype("datetime64[Y]").astype(np.int64) + 1970
        mentions = {f"term {i}": random.random(len(DAYS)) < 0.1 for i in range(12)}
        noise = random.normal(0, 0.03, len(DAYS))
        assert min(one.q for one in term_effects(noise, years, mentions)) > 0.05

        planted = term_effects(noise + 0.03 * mentions["term 4"], years, mentions)

        found = {(one.term, one.period) for one in planted if one.q <= 0.05}
        assert {("term 4", "all"), ("term 4", "2018")} <= found
        assert {term for term, _ in found} == {"term 4"}
        effect = next(one for one in planted if one.term == "term 4" and one.period == "all")
        assert effect.difference == pytest.approx(0.03, abs=0.01)
        assert (effect.n_days, effect.n_other) == (mentions["term 4"].sum(), (~mentions["term 4"]).sum())
        assert planted == term_effects(noise + 0.03 * mentions["term 4"], years, mentions), "the seed is fixed"

    def test_permutes_within_years(self):
        """A term of a year in which prices rose must not get the credit for that year."""
        years = np.repeat([2019, 2020], 300)
        values = np.random.default_rng(9).normal(0, 0.01, 600) + 0.05 * (years == 2020)
        mentions = {"late": (years == 2020) & (np.arange(600) % 2 == 0)}
        pooled = next(one for one in term_effects(values, years, mentions) if one.period == "all")
        assert pooled.difference > 0.03
        assert pooled.p > 0.05

    def test_abnormal_returns_do_not_look_ahead(self):
        returns = simulated()
        later = Returns(DAYS, np.where(np.arange(len(DAYS)) > 500, 1.0, returns.asset), returns.control)
        assert np.array_equal(rolling_abnormal(returns)[:501], rolling_abnormal(later)[:501], equal_nan=True)


class TestDogecoin:
    def test_a_planted_effect_is_found(self):
        found = study(*frames(simulated(effect=0.08), {"2019-04-02": 4}))
        main = found.event.windows[(0, 3)]
        assert (found.n_events, found.event.n_tweets, found.event.model.n) == (1, 4, 180)
        assert found.event.model.beta == pytest.approx(0.7, abs=0.15)
        assert main.value == pytest.approx(0.32, abs=0.12)
        assert (main.rank, main.n) == (1, 354)
        assert "none is as far from zero (p = 0.003)" in told(found)
        assert "no sign that the event was anticipated" in told(found)

    def test_noise_is_called_noise(self):
        ranks = [study(*frames(simulated(seed), {"2019-04-02": 4})).event.windows[(0, 3)].p for seed in range(4)]
        assert sum(p > 0.05 for p in ranks) >= 3

    def test_anticipation_is_told(self):
        returns = simulated(effect=0.08)
        returns.asset[EVENT - 1] += 0.2
        assert "the price moved before the tweets" in told(study(*frames(returns, {"2019-04-02": 1})))

    def test_events_close_by_are_one_and_the_largest_is_studied(self):
        found = study(*frames(simulated(), {"2019-03-01": 1, "2019-04-02": 1, "2019-04-04": 2, "2019-04-08": 1}))
        assert (found.n_events, found.n_event_days) == (3, 4)
        assert (str(found.event.day), found.event.n_tweets) == ("2019-04-02", 3)
        assert "2019 holds three events on four days" in told(found)
        assert "Three tweets of 2 April 2019 to 4 April 2019" in told(found)
        assert "one of 3 events" in told(found)

    def test_the_mean_over_events_is_that_of_each(self):
        dates = ["2019-03-01", "2019-04-02", "2019-06-01"]
        found = study(*frames(simulated(effect=0.08), dict.fromkeys(dates, 1)))
        alone = [study(*frames(simulated(effect=0.08), {day: 1})) for day in dates]
        each = [one.event.windows[(0, 3)] for one in alone]
        assert (found.mean.value, found.mean.n) == (pytest.approx(sum(one.value for one in each) / 3), 3)
        assert found.mean.z == pytest.approx(sum(one.z for one in each) / 3**0.5)
        assert all(one.mean is None for one in alone)
        assert_holds(DogecoinStudy, rows_of(found))

    def test_the_day_after_a_gap_is_on_its_day(self):
        crypto, _ = frames(simulated(), {})
        gone = datetime(2019, 3, 1, tzinfo=UTC)
        candles = crypto.filter(~pl.col("event_ts").is_between(gone, gone + timedelta(days=2))).collect()
        returns = aligned(candles)
        assert np.isnan(returns.asset).sum() == 3
        assert len(returns.days) == len(DAYS)

    @pytest.mark.parametrize(
        ("symbols", "tweets", "why"),
        [
            (["DOGE", "BTC"], {}, "no tweet of 2019"),
            (["DOGE", "BTC"], {"2019-04-02": 0}, "no tweet of 2019"),
            (["DOGE", "BTC"], {"2020-04-02": 3}, "no tweet of 2019"),
            (["DOGE"], {"2019-04-02": 3}, "no days with prices of both"),
            ([], {}, "no days with prices of both"),
        ],
    )
    def test_without_an_event_it_says_so(self, symbols: list[str], tweets: dict[str, int], why: str):
        crypto, terms = frames(simulated(), tweets)
        found = study(crypto.filter(pl.col("symbol").is_in(symbols)), terms)
        assert found.event is None
        assert why in told(found)
        assert_holds(DogecoinStudy, rows_of(found))
        assert why in page(found, sections(found), draw(found))

    def test_prices_that_do_not_reach_the_event_are_told(self):
        crypto, terms = frames(simulated(), {"2019-04-02": 3})
        for lacking in (pl.col("event_ts").dt.date() > pl.date(2019, 3, 1), pl.col("event_ts").dt.year() < 2019):
            assert "do not cover" in told(study(crypto.filter(lacking), terms))

    def test_the_table_keeps_its_contract_and_every_number_has_its_n(self):
        rows = rows_of(study(*frames(simulated(effect=0.08), {"2019-04-02": 4})))
        assert_holds(DogecoinStudy, rows)
        assert rows.select(KEY).is_unique().all()
        assert rows.filter(pl.col("value").is_not_null(), n=0).is_empty()

    def test_the_report_needs_nothing_else(self):
        found = study(*frames(simulated(effect=0.08), {"2019-04-02": 4}))
        plots = draw(found)
        text = page(found, sections(found), plots)
        assert set(plots) == {"price", "event", "placebos", "leads"}
        assert text.count("<svg") == 4
        assert "<script" not in text
        assert "src=" not in text
        assert 'href="http' not in text
        assert "#0102" not in text, "a colour that was not replaced"
        assert plots == draw(found), "the same numbers make the same bytes"
        assert all(data_uri(svg).startswith("data:image/svg+xml;base64,") for svg in plots.values())
