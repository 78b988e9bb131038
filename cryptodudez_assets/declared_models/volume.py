"""A volume model: the volume of a stock's day from its rolling features. What it declares, and every choice that it depends on."""

from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict, Field

from cryptodudez_assets.declared_models.declaration import Model

FEATURES = ("vol_moving_avg", "adj_close_rolling_med")
"""Mean volume and median adjusted close of the symbol's rows in a window that ends with the day's own."""

WINDOW = 30
"""Rows in it, unless `rolling_days` is set: then their number is not known."""


class VolumeOptions(BaseModel):
    """How days are split, how much the reference is shown, how large the model may be."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    train_share: float = Field(default=0.7, gt=0, lt=1, description="Of the rows, the earliest: learned from.")
    choose_share: float = Field(
        default=0.15, gt=0, lt=1, description="Of the rows, the next: the recipe is chosen on. The rest is the test."
    )
    sample_rows: int = Field(
        default=50_000, ge=100, description="That the reference forest sees: it takes 9 kB for each one."
    )
    min_rows: int = Field(default=1000, ge=100, description="With fewer rows nothing is trained.")
    size_budget_bytes: int = Field(default=1_000_000, gt=0, description="Of the model file.")
    seed: int = Field(default=42, description="Of everything that is random.")


@dataclass(frozen=True, kw_only=True)
class VolumeModel(Model):
    """Regressions of a stock day's volume, chosen on later days by absolute error.

    `reads`: the table that it learns from, with `FEATURES` among its columns. `options`: how days are split, and the like.
    """

    reads: str
    options: VolumeOptions = field(default_factory=VolumeOptions)
