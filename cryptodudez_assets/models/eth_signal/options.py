"""Every choice that the Ethereum signal depends on, with its default. A change here is another trial in the ledger."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

SIGNAL = "eth_signal"
"""Name of the model in registry, ledger and API."""

CHAMPION, DRIFT = f"ml.{SIGNAL}_champion", f"ml.{SIGNAL}_drift"
"""What serves, and the table with the looks for drift, by the names of their assets."""

Decision = Literal["BUY", "HODL", "SELL"]
CLASSES: tuple[Decision, ...] = ("BUY", "HODL", "SELL")
"""In the order of the columns of every array of probabilities (scikit-learn's: alphabetical)."""


class SignalOptions(BaseModel):
    """How days are labelled, how models are judged, and what counts as skill."""

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
    level: float = Field(default=0.05, gt=0, lt=0.5, description="Probability of an error that each test allows.")
    bootstrap_samples: int = Field(default=1000, ge=100, description="Samples of each block bootstrap.")
    placebo_repeats: int = Field(default=3, ge=0, description="Times that tweets are shuffled over the days.")
    placebo_shifts_days: tuple[int, ...] = Field(
        default=(30, 180), description="Days by which tweets are moved to the past or, negative, to the future."
    )
    seed: int = Field(default=42, description="Of everything that is random.")
