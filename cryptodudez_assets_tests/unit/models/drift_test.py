"""Drift: rare false alarms on days that depend on each other, shifts found, levels and gaps told apart, a page that says so."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import lfilter
from scipy.stats import ks_2samp, wasserstein_distance

from cryptodudez_assets.models.drift import Drift, Method, detect, measure
from cryptodudez_assets.models.drift.calibration import Family, look
from cryptodudez_assets.models.drift.distances import deviations, levels, missing_distances
from cryptodudez_assets.models.drift.found import PastLook
from cryptodudez_assets.models.drift.words import words
from cryptodudez_assets.models.drift_report import page

Floats = NDArray[np.float64]
N, M, K = 600, 30, 5
NAMES = [f"return_{i}" for i in range(K)]


def days(seed: int, phi: float, n: int = N + M, k: int = K) -> Floats:
    """Columns that each depend on their own yesterday (not at all where phi is 0), and never change."""
    shocks = np.random.default_rng(seed).standard_normal((n + 100, k))
    return np.asarray(lfilter([1], [1, -phi], shocks, axis=0)[100:], dtype=np.float64)


def detected(values: Floats, n: int = N, names: list[str] = NAMES) -> Drift:
    return detect(values[:n], values[n:], names)


@pytest.mark.parametrize("phi", [0.0, 0.9])
@pytest.mark.parametrize("method", ["Kolmogorov-Smirnov", "Wasserstein"])
def test_alarms_are_false_about_as_often_as_asked(phi: float, method: Method) -> None:
    # 1,000 other seeds gave 5.7 to 6.9 %: 20 blocks tell the limit only so well. Of 300 looks at 6 %, 9 to 28 alarm (99 %).
    family = Family(method, np.zeros(K, dtype=np.bool_))
    looks = [look(one[:N], one[N:], family, 0.05) for one in (days(seed, phi) for seed in range(300))]
    assert 0.02 <= np.mean([one.alarm for one in looks]) <= 0.10


def test_textbook_p_values_alarm_most_of_the_time_where_days_depend_on_each_other() -> None:
    def alarms(phi: float) -> float:
        samples = [days(seed, phi) for seed in range(100)]
        # Bonferroni's correction for the number of columns: only the dependence is to blame.
        return float(np.mean([ks_2samp(one[:N], one[N:], axis=0).pvalue.min() < 0.05 / K for one in samples]))

    assert alarms(0.0) < 0.12
    assert alarms(0.9) > 0.8


def test_the_replay_of_days_that_do_not_change_agrees_with_the_rate() -> None:
    replays = [detected(days(seed, 0.5)).replayed_rate for seed in range(30)]
    alarms = sum(one.alarms for one in replays if one)
    looks = sum(one.looks for one in replays if one)
    assert looks == 300
    assert 0.02 <= alarms / looks <= 0.15  # 10 to 19 blocks to calibrate on, fewer than 5 % can be told from


def test_the_replay_shows_a_market_that_does_not_stand_still() -> None:
    values = days(1, 0.3)
    values *= np.exp(np.linspace(0, 3, len(values)))[:, None]
    found = detected(values)
    assert found.replayed_rate is not None
    assert found.replayed_rate.low > 0.05
    assert "do not stand still" in words(found)


@pytest.mark.parametrize("n", [N, 1200])
def test_a_shifted_mean_is_found_and_named(n: int) -> None:
    values = days(2, 0.3, n + M)
    values[n:, 3] += 2 * values[:n, 3].std()
    found = detected(values, n)
    assert found.method == ("Kolmogorov-Smirnov" if n == N else "Wasserstein")
    assert found.alarm
    assert [one.name for one in found.drifted] == ["return_3"] == [found.columns[0].name]
    assert "return_3 (distance" in words(found)


@pytest.mark.parametrize("n", [N, 1200])
def test_a_changed_variance_is_found(n: int) -> None:
    values = days(3, 0.0, n + M)
    values[n:, 1] *= 6
    assert [one.name for one in detected(values, n).drifted] == ["return_1"]


def test_values_that_go_missing_are_found() -> None:
    values = days(4, 0.3)
    values[N::3, 2] = np.nan
    values[:N][np.random.default_rng(0).random(N) < 0.05, 0] = np.inf  # as good as missing, and ordinary here
    found = detected(values)
    assert [one.name for one in found.drifted] == ["return_2"]
    assert "return_2 (missing on 33\u00a0% of days, 0\u00a0% in the reference)" in words(found)
    assert next(one for one in found.columns if one.name == "return_0").missing_reference == pytest.approx(
        0.05, abs=0.03
    )


def test_a_price_is_left_out_and_its_return_is_not() -> None:
    values = days(5, 0.0)
    values[:, 0] = 100 * np.exp(np.cumsum(values[:, 0] * 0.03))
    values[N:, 0] *= 10
    found = detected(values)
    assert not found.alarm
    assert [one.name for one in found.columns if one.level] == ["return_0"]
    assert "Not monitored, as it moves like a level, not like a return: return_0." in words(found)


def test_random_walks_are_levels_and_averages_over_a_month_are_not() -> None:
    steps = days(6, 0.0, 1500, 100)
    monthly = np.stack([np.convolve(one, np.ones(30) / 30, "valid") for one in steps.T], axis=1)
    assert levels(np.cumsum(steps, axis=0)).mean() > 0.9
    assert levels(monthly).mean() < 0.05
    assert not levels(steps).any()


def test_columns_without_variation_values_or_fractions() -> None:
    values = days(7, 0.3)
    values[:, 0], values[:, 1] = 1.0, np.nan
    values[:, 2] = np.random.default_rng(1).poisson(2, len(values))
    found = detected(values)
    assert not found.alarm
    by_name = {one.name: one for one in found.columns}
    assert by_name["return_0"].distance == 0
    assert by_name["return_1"].distance is None
    assert "Too few values to compare: return_1." in words(found)
    values[N:, 0] = 2.0
    assert [one.name for one in detected(values).drifted] == ["return_0"]


@pytest.mark.parametrize(
    ("n", "m", "of_days", "of_requests"),
    [
        (
            N,
            0,
            "0 days since training; drift is judged from 30 on.",
            "No rows were sent to POST /x yet; 30 are needed.",
        ),
        (N, 1, "1 day since training; drift is judged from 30 on.", "1 row was sent to POST /x; 30 are needed."),
        (N, 29, "29 days since training; drift is judged from 30 on.", "29 rows were sent to POST /x; 30 are needed."),
        (299, M, *["The reference has 299 days; 300 are needed."] * 2),
    ],
)
def test_too_few_rows_say_nothing(n: int, m: int, of_days: str, of_requests: str) -> None:
    found = detected(days(8, 0.0, n + m) + np.array([[0.0]] * n + [[9.0]] * m), n)
    assert not found.judged
    assert not found.alarm
    assert words(found) == of_days
    assert words(found, "POST /x") == of_requests
    assert of_days in page(found)
    assert of_requests in page(found, sent_to="POST /x")


def test_rows_that_were_sent_are_not_called_days() -> None:
    found = detected(days(12, 0.0))
    assert "in the latest 30 rows sent to POST /x, none of" in words(found, "POST /x")
    assert "Are the latest rows sent to POST /x like the days" in page(found, sent_to="POST /x")


def test_only_the_latest_days_are_looked_at() -> None:
    values = days(9, 0.0, 2000 + 400)
    values[2000:2350] += 5
    found = detected(values, 2000)
    assert (found.n_given, found.n_current) == (400, 50)
    assert found.columns == detect(values[:2000], values[2350:], NAMES).columns


def test_distances_are_those_of_scipy() -> None:
    random = np.random.default_rng(10)
    before, now = random.poisson(3, (400, 3)).astype(float), random.poisson(4, (50, 3)).astype(float)
    before[::7, 1] = now[::5, 1] = np.nan
    known = [(one[~np.isnan(one)], other[~np.isnan(other)]) for one, other in zip(before.T, now.T, strict=True)]
    names = ["a", "b", "c"]
    tests = [ks_2samp(*pair).statistic for pair in known]
    assert list(measure(before, now, names).values()) == pytest.approx(tests)
    moved = [wasserstein_distance(*pair) / pair[0].std() for pair in known]
    assert list(measure(before, now, names, "Wasserstein").values()) == pytest.approx(moved)
    assert deviations(before) == pytest.approx(np.nanstd(before, axis=0))
    assert missing_distances(np.vstack([before, now]), np.array([400]), 50)[0, 1] == pytest.approx(0.2 - 58 / 400)


def test_shapes_and_rates_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="expected rows of 5 columns"):
        detect(np.zeros((400, 4)), np.zeros((40, 4)), NAMES)
    with pytest.raises(ValueError, match="between 0 and 1"):
        detect(np.zeros((400, 5)), np.zeros((40, 5)), NAMES, false_alarm_rate=5)


def test_it_is_json_and_the_page_is_made_of_that_alone() -> None:
    values = days(11, 0.3)
    values[N:, 0] += 5
    found = detect(values[:N], values[N:], [*NAMES[1:], "prediction: <BUY>"])
    read = Drift.model_validate_json(found.model_dump_json())
    assert read == found
    html = page(read, "Drift of eth_signal-3")
    assert html == page(found, "Drift of eth_signal-3")
    assert html.count("<svg") == 3
    assert "prediction: &lt;BUY&gt;" in html
    assert "prediction: <BUY>" not in html


def test_a_past_alarm_is_one_beyond_its_limit() -> None:
    assert PastLook(first_row=1, score=2.1, limit=2).alarm
    assert not PastLook(first_row=1, score=2, limit=2).alarm
