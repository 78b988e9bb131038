"""The signal's report: it says what was found, and a reader cannot mistake the one verdict for the other."""

import html
import re
from typing import Any

import polars as pl
import pytest

from cryptodudez_assets.models.findings import Findings, Interval, Placebo
from cryptodudez_assets.models.signal.record.stored import SCHEMA
from cryptodudez_assets.models.signal.record.summary import summary
from cryptodudez_assets.models.signal.report.formats import gain, number, percent
from cryptodudez_assets.models.signal.report.page import ReportHead, page
from cryptodudez_assets.models.signal.report.plots import draw
from cryptodudez_assets.models.signal.report.words import markdown
from cryptodudez_assets_tests.ether import ETHER
from cryptodudez_assets_tests.findings_builder import CHOSEN, findings, predictions

SERVED = summary(ETHER, pl.DataFrame(schema=SCHEMA))
HEAD = ReportHead(
    "Ethereum", "eth_signal-3", {"ml.eth_training_set": 987654321}, "abc123", "It was not promoted.", SERVED
)
BEST = findings().best
JUDGED = BEST.backtest(10.0)


def report(found: Findings, skill: bool = False, head: ReportHead = HEAD) -> str:
    return page(found, predictions(skill), head)


def text_of(page: str) -> str:
    """What is to be read, without plots and styles."""
    bare = re.sub(r"<svg.*?</svg>|<style.*?</style>|<[^>]+>", " ", page, flags=re.DOTALL)
    return re.sub(r"\s+", " ", html.unescape(bare))


def told(found: Findings) -> str:
    return re.sub(r"\s+", " ", markdown(found, "Ethereum"))


def with_best(**changes: Any) -> Findings:
    """Findings without skill, of which the chosen recipe's are changed."""
    found = findings()
    best = found.best.model_copy(update=changes)
    return found.model_copy(update={"candidates": [found.candidates[0], best]})


@pytest.fixture(scope="module")
def no_skill() -> str:
    return report(findings())


@pytest.fixture(scope="module")
def read(no_skill: str) -> str:
    return text_of(no_skill)


class TestNumbers:
    @pytest.mark.parametrize(
        "number",
        [
            number(BEST.scores.balanced_accuracy),
            number(BEST.scores.mcc),
            number(BEST.intervals["brier"].low),
            number(BEST.intervals["sharpe"].high, 2),
            gain(JUDGED.total_return, 0),
            gain(BEST.backtest(30.0, 1).total_return, 0),
            percent(JUDGED.max_drawdown, 0),
            gain(BEST.intervals["excess_return"].value, 3),
            percent(BEST.deflated_sharpe),
            "14 configurations",
            *(percent(one.share) for one in findings().up_days),
            *(percent(share) for share in findings().label_shares.values()),
            *(f"{one.name} {one.n} {number(one.balanced_accuracy)}" for one in BEST.regimes),
            *(f"{one.name} {number(one.log_loss, 4)}" for one in findings().placebos),
            *(one.name.replace("_", " ") for one in findings().baselines),
            *(one.words for one in BEST.verdict.tests),
            *("987654321", "abc123", "eth_signal-3", "It was not promoted.", "embargo_days 5"),
            SERVED.words[0],
        ],
    )
    def test_what_was_found_is_told(self, read: str, number: str):
        assert number.replace("\u00a0", " ") in read

    @pytest.mark.parametrize("broken", [float("nan"), float("inf"), float("-inf")])
    def test_what_is_no_number_is_a_dash(self, broken: float):
        interval = Interval(value=broken, low=broken, high=broken)
        backtests = [one.model_copy(update={"sharpe": broken, "total_return": broken}) for one in BEST.backtests]
        regimes = [one.model_copy(update={"mcc": None, "net_return": broken}) for one in BEST.regimes]
        found = with_best(
            backtests=backtests,
            regimes=regimes,
            intervals=dict.fromkeys(BEST.intervals, interval),
            deflated_sharpe=broken,
        )
        assert not re.search(r"\b(nan|NaN|inf|None)\b", text_of(report(found)))

    def test_base_rates_are_computed(self):
        days = findings().up_days[0].model_copy(update={"share": 0.123, "period": "1999"})
        assert "12.3 % in 1999" in told(findings().model_copy(update={"up_days": [days]}))


class TestWords:
    def test_without_skill(self):
        text = told(findings())
        assert "### Verdict: no skill" in text
        assert "Tests passed: 1 of 4" in text
        assert "its interval includes that" in text
        assert text.count(": failed.**") == 3

    def test_with_skill(self):
        text = told(findings(True))
        assert "### Verdict: skill" in text
        assert "no skill: " not in text.lower()
        assert "Tests passed: 4 of 4" in text
        assert "its interval lies above that" in text
        assert "none of 5 placebos" in text
        assert "once in 6 times" in text
        assert ": failed.**" not in text

    @pytest.mark.parametrize(
        ("low", "high", "where"), [(-2, -1, "lies below zero"), (-1, 1, "includes zero"), (1, 2, "lies above zero")]
    )
    def test_where_an_interval_lies_is_said(self, low: float, high: float, where: str):
        assert where in told(with_best(intervals={"excess_return": Interval(value=0, low=low, high=high)}))

    def test_a_placebo_that_is_as_good_is_said(self):
        as_good = Placebo(name="shuffled", log_loss=BEST.scores.log_loss, balanced_accuracy=0.3)
        found = findings()
        text = told(found.model_copy(update={"placebos": [*found.placebos, as_good]}))
        assert "1 of 6 placebos foretell as well or better: that tweets help cannot be told" in text

    @pytest.mark.parametrize(("trials", "words"), [(1, "One configuration has been"), (2, "2 configurations have")])
    def test_trials(self, trials: int, words: str):
        assert words in told(with_best(trials=trials))


class TestPage:
    def test_it_needs_nothing_else(self, no_skill: str):
        assert not re.search(r"<script|<link|@import|(src|href)=\"(?!#)|url\((?!#)", no_skill)
        assert "#0102" not in no_skill, "a colour that was not replaced"
        assert no_skill.count("<svg") == no_skill.count('role="img"') == 5
        assert len(no_skill) < 200_000

    def test_ids_of_plots_do_not_collide(self, no_skill: str):
        ids = re.findall(r'<clipPath id="([^"]+)"', no_skill)
        assert len(ids) == len(set(ids)) > 0

    def test_plots_are_told_to_those_who_do_not_see_them(self, no_skill: str):
        labels = re.findall(r'role="img" aria-label="([^"]+)"', no_skill)
        assert f"when BUY happened, BUY was said {BEST.scores.confusion[0][0]} times" in labels[2]
        assert number(1 + JUDGED.total_return, 2) in labels[3]

    def test_text_is_escaped(self):
        evil = "<script>alert(1)</script>"
        found = findings().model_copy(
            update={
                "placebos": [Placebo(name=evil, log_loss=1, balanced_accuracy=0.3)],
                "features": [evil],
                "baselines": [one.model_copy(update={"name": evil}) for one in findings().baselines],
            }
        )
        text = report(found, head=ReportHead(evil, evil, {evil: 1}, evil, evil, SERVED))
        assert "<script" not in text
        assert text.count("&lt;script&gt;") > 5

    def test_what_is_not_there_is_not_missed(self):
        found = with_best(regimes=[], reliability={"BUY": []}, intervals={}).model_copy(
            update={"placebos": [], "up_days": [], "baselines": []}
        )
        text = text_of(report(found))
        assert "No regimes were told apart" in text
        assert "No placebos were tried" in text

    def test_the_chosen_recipes_predictions_are_enough(self):
        alone = draw(findings(), {CHOSEN: predictions()[CHOSEN]})
        assert "momentum" not in alone["equity"]
        assert "momentum" in draw(findings(), predictions())["equity"]

    def test_the_same_findings_make_the_same_page(self, no_skill: str):
        assert report(findings()) == no_skill
