"""What an evaluation found, as plain numbers: made once by training, read by report, promotion, registry and dashboard."""

from datetime import date, datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Finding(BaseModel):
    """Base: immutable, and JSON in both directions."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Interval(Finding):
    """An estimate with its block-bootstrap interval (two-sided, at the level that the options say)."""

    value: float
    low: float
    high: float


class Scores(Finding):
    """How good classifications and probabilities were, out of sample; `n` days."""

    n: int
    balanced_accuracy: float
    mcc: float = Field(description="Matthews' correlation coefficient.")
    brier: float = Field(description="Mean squared error of the probabilities, summed over the classes (0 to 2).")
    log_loss: float
    confusion: list[list[int]] = Field(
        description="Rows: what happened; columns: what was said; in the order of classes."
    )


class Bin(Finding):
    """Days on which the probability of a class lay in a range: what was said on average, what share happened."""

    said: float
    happened: float
    n: int


class Backtest(Finding):
    """What following the decisions would have brought, after costs."""

    cost_bps: float
    delay_days: int
    total_return: float = Field(description="Simple return over the whole period.")
    annual_return: float
    annual_volatility: float
    sharpe: float = Field(description="Per year; 0 where nothing was ever held.")
    max_drawdown: float = Field(description="Largest fall from a peak, as a negative fraction.")
    turnover: float = Field(description="Changes of position per year.")
    exposure: float = Field(description="Share of days with a position.")


class Regime(Finding):
    """One part of the out-of-sample days, told apart by what the market did."""

    name: str
    n: int
    balanced_accuracy: float | None
    mcc: float | None
    net_return: float = Field(description="Simple net return of the model's decisions on these days.")
    buy_and_hold: float = Field(description="The same for holding all the time.")


class RuleTried(Finding):
    """One way to decide by probabilities, as if it had been followed in all folds, at the judged cost."""

    name: str
    folds: int = Field(description="Folds for which it was chosen, by the days before.")
    sharpe: float = Field(description="Per year.")
    turnover: float = Field(description="Changes of position per year.")


class PowerPoint(Finding):
    """How often the tests of money find a planted signal of one strength on the days that were judged."""

    strength: float = Field(description="Correlation of the signal with the next day's return.")
    sharpe: float = Field(description="Median Sharpe ratio per year of following it, net of the judged cost.")
    found: int
    of: int


class Importance(Finding):
    """How much worse the chosen recipe foretells without what one feature says of the day."""

    feature: str
    added: float = Field(description="Log loss that is added, mean of the folds.")
    spread: float = Field(description="Its deviation between folds.")


class Selection(Finding):
    """Luck in choosing among all recipes with each of the decision rules, net of the judged cost."""

    ways: int
    superior: float = Field(
        description="Probability of a best gain over buy and hold as large as this if none had any (Hansen's SPA)."
    )
    overfitting: float = Field(
        description="Share of halvings in which the best of one half is no better than the median on the other."
    )


class JudgedRecipe(Finding):
    """A recipe or baseline on the same out-of-sample days as all others."""

    name: str
    scores: Scores | None = Field(description="None for a baseline that trades without saying probabilities.")
    backtests: list[Backtest]

    def backtest(self, cost_bps: float, delay_days: int = 0) -> Backtest:
        """The one with this cost and delay."""
        return next(one for one in self.backtests if (one.cost_bps, one.delay_days) == (cost_bps, delay_days))


class Test(Finding):
    """One of the tests that must all be passed for skill."""

    __test__ = False  # not one of pytest's

    name: str
    passed: bool
    words: str = Field(description="What was compared, with the numbers.")


class Verdict(Finding):
    """Skill or not, in words made from the numbers."""

    skill: bool
    words: str
    tests: list[Test] = []

    @property
    def label(self) -> str:
        """As it is served."""
        return "skill" if self.skill else "no skill"


class Judgement(JudgedRecipe):
    """A recipe with all that a verdict stands on."""

    parameters: dict[str, Any]
    intervals: dict[str, Interval] = Field(
        description="balanced_accuracy, mcc, brier, log_loss, sharpe (per year), excess_return (daily log, over buy and hold), "
        "log_loss_gain (over base rates), log_loss_over_chosen (above 0: the chosen recipe is better on the same days)."
    )
    reliability: dict[str, list[Bin]] = Field(description="By class.")
    deflated_sharpe: float = Field(
        description="Probability that the Sharpe ratio is above what the best of all trials shows by luck."
    )
    trials: int = Field(description="Distinct configurations in the ledger, this one included.")
    regimes: list[Regime]
    rules: list[RuleTried] = []
    verdict: Verdict


class Placebo(Finding):
    """The chosen recipe with the tweets' features replaced by some that cannot help."""

    name: str
    log_loss: float
    balanced_accuracy: float


class UpDays(Finding):
    """In a period, the share of days on which the price rose: what 'accuracy' is to be compared with."""

    period: str
    share: float
    n: int


class Findings(Finding):
    """Everything that one training found out."""

    options: dict[str, Any]
    classes: list[str]
    features: list[str]
    first_day: date
    last_day: date
    n_days: int
    out_of_sample_from: date
    n_folds: int
    label_shares: dict[str, float]
    separate_labels: float | None = Field(
        default=None, description="How many labels that share no day all of them are worth."
    )
    up_days: list[UpDays]
    candidates: list[Judgement]
    champions: list[Judgement] = Field(
        default=[], description="Recipes of earlier champions that are not among the candidates, on the same folds."
    )
    chosen: str
    baselines: list[JudgedRecipe]
    placebos: list[Placebo]
    power: list[PowerPoint] = []
    selection: Selection | None = None
    importances: list[Importance] = []

    @property
    def best(self) -> Judgement:
        """The judgement of the chosen recipe."""
        return next(one for one in self.candidates if one.name == self.chosen)


class PredictedDay(Finding):
    """One out-of-sample day of a recipe: a row of `predictions.parquet` beside a model."""

    event_ts: datetime
    fold: int
    label: str
    decision: str
    probability_buy: float
    probability_hodl: float
    probability_sell: float
    return_next_day: float = Field(description="Log return of the day that the decision is for.")
    position: float = Field(description="Held on that day: 1 is long, 0 is out.")
    net_return: float = Field(description="Log return of the position at the judged cost.")
