"""A signal: BUY, SELL or HODL for the day that follows a coin's close. What it declares, and every choice that it depends on."""

from dataclasses import dataclass, field
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from cryptodudez_assets.declared_models.declaration import Model

Decision = Literal["BUY", "HODL", "SELL"]
CLASSES: tuple[Decision, ...] = ("BUY", "HODL", "SELL")
"""In the order of the columns of every array of probabilities (scikit-learn's: alphabetical)."""
BUY, HODL, SELL = range(len(CLASSES))
"""Where they stand in it."""


class SignalOptions(BaseModel):
    """How days are labelled, how models are judged, and what counts as skill. A change here is another trial in the ledger."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    horizon_days: int = Field(
        default=5, ge=1, le=60, description="After so many days a position is closed if no barrier was touched."
    )
    barrier_width: float = Field(
        default=0.75,  # with these, each class is about a third of the days of a random walk with fat tails
        gt=0,
        description="Distance of both barriers from the close, in deviations of the return over the horizon.",
    )
    min_train_days: int = Field(default=730, ge=100, description="Days that the first fold learns from.")
    folds: int = Field(default=6, ge=2, description="Consecutive test periods of equal length behind these.")
    embargo_days: int = Field(
        default=5, ge=0, description="Days left out between training and test beyond the horizon (which is purged)."
    )
    costs_bps: tuple[float, ...] = Field(
        default=(0.0, 10.0, 30.0), description="Costs of a change of position, in hundredths of a percent of it."
    )
    delays_days: tuple[int, ...] = Field(
        default=(0, 1), description="Days between a decision and the trade: 0 is the open that follows the close."
    )
    judged_cost_bps: float = Field(default=10.0, ge=0, description="The cost at which skill is judged.")
    level: float = Field(default=0.05, gt=0, lt=0.5, description="Probability of an error of each interval.")
    false_alarm: float = Field(
        default=0.025,
        gt=0,
        lt=0.5,
        description="Probability that any candidate without skill is ever taken to have it.",
    )
    bootstrap_samples: int = Field(default=1000, ge=100, description="Samples of each block bootstrap.")
    placebo_repeats: int = Field(default=3, ge=0, description="Times that tweets are shuffled over the days.")
    placebo_shifts_days: tuple[int, ...] = Field(
        default=(30, 180), description="Days by which tweets are moved to the past or, negative, to the future."
    )
    seed: int = Field(default=42, description="Of everything that is random.")


@dataclass(frozen=True)
class Coin:
    """A coin that something is said about. Its views, such as `<prefix>_predictors_daily`, are made of this.

    `symbol`: as `market.crypto_prices` has it. `name`: in words. `terms`: words whose frequency among the day's tweets may say
    something about it.
    """

    symbol: str
    name: str
    terms: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.symbol.isascii() or not self.symbol.isalnum() or self.symbol != self.symbol.upper():
            raise ValueError(
                f"symbol={self.symbol!r}: expected a ticker in capital letters, as in market.crypto_prices"
            )
        if not self.terms or any(not one.isidentifier() or one != one.lower() for one in self.terms):
            raise ValueError(
                f"terms={self.terms!r}: expected at least one word of small letters, as columns are named by it"
            )

    @property
    def prefix(self) -> str:
        """Names of its columns, views and tables begin with it."""
        return self.symbol.lower()

    @property
    def days(self) -> str:
        """The view of its own days."""
        return f"{self.prefix}_daily"

    @property
    def sensitivity(self) -> str:
        """The view of how closely everything moves with it."""
        return f"{self.prefix}_sensitivity_daily"

    @property
    def predictors(self) -> str:
        """The view of everything that may bear on it."""
        return f"{self.prefix}_predictors_daily"


@dataclass(frozen=True, kw_only=True)
class SignalModel(Model):
    """The signal of a coin: classifiers of its days, judged walk-forward against baselines and after costs.

    `others`: which columns of its predictors about other coins the models see, beside those that every signal sees.
    `options`: how days are labelled, how models are judged, what counts as skill.
    """

    coin: Coin
    others: tuple[str, ...] = ()
    options: SignalOptions = field(default_factory=SignalOptions)

    @property
    def training_set(self) -> str:
        """The table of days and labels."""
        return f"ml.{self.coin.prefix}_training_set"

    @property
    def champion(self) -> str:
        """What serves, by the name of its asset."""
        return f"{self.asset}_champion"

    @property
    def drift(self) -> str:
        """The table with the looks for drift."""
        return f"{self.asset}_drift"

    def drift_page(self, sample: str) -> str:
        """The page about the newest look at a sample, by its name among the lake's reports."""
        return f"{self.name}_drift_of_{sample}.html"

    @property
    def record(self) -> str:
        """The table with the signals that were served, and what became of them."""
        return f"{self.asset}_record"

    @property
    def report(self) -> str:
        """The report, by the name of its asset."""
        return f"{self.asset}_report"

    @property
    def tables(self) -> list[str]:
        """All assets that are its own, by name."""
        return [self.training_set, self.asset, self.champion, self.drift, self.report, self.record]

    @property
    def title(self) -> str:
        """What it is called in pages."""
        return f"{self.coin.name} signal"
