"""What is written beside every model file: enough to trust it, to explain it and to make it again."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from cryptodudez_assets.models.decision_rule import DecisionRule
from cryptodudez_assets.models.findings import Verdict

Stage = Literal["candidate", "champion", "archived"]


class SelfTest(BaseModel):
    """Inputs with what the model must give for them, to be tried before it serves: a classifier probabilities, a regression values."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    inputs: list[list[float | None]] = Field(
        description="Rows in the order of the manifest's features; None is not known."
    )
    probabilities: list[list[float]] = []
    values: list[list[float]] = Field(default=[], description="One to a row; of a regression only.")

    @property
    def outputs(self) -> list[list[float]]:
        """Whichever the model gives."""
        return self.probabilities or self.values


class TrainedOn(BaseModel):
    """The data that a model was trained on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    table: str
    snapshot_id: int
    inputs: dict[str, int] = Field(description="Snapshot of every table that the training set was made from.")
    rows: int
    first_day: datetime
    last_day: datetime


class Draft(BaseModel):
    """What a training says about a model before it is registered."""

    # JSON knows no NaN: a metric that is none is left out.
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    recipe: str
    parameters: dict[str, Any]
    classes: list[str] = Field(description="None for a regression.")
    rule: DecisionRule = Field(
        default=DecisionRule(), description="How probabilities become a decision; nothing to a regression."
    )
    features: list[str]
    typical: list[float | None] = Field(
        description="Median of every feature over the training days; None where it was never known."
    )
    trained_on: TrainedOn
    code_version: str
    metrics: dict[str, float]
    verdict: Verdict
    self_test: SelfTest


class Manifest(Draft):
    """A registered version of a model. Immutable: its stage is kept beside it, see `registry`."""

    name: str
    version: int
    created_at: datetime
    files: dict[str, str] = Field(description="sha256 of every file of the version, by name.")

    @property
    def label(self) -> str:
        """As it is written in answers: `eth_signal-3`."""
        return f"{self.name}-{self.version}"
