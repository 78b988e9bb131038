"""A forecast of a stock's volume: that of the next trading day, from days before it only. What it declares, and its choices."""

from dataclasses import dataclass, field

from pydantic import Field

from cryptodudez_assets.declared_models.declaration import Model
from cryptodudez_assets.declared_models.volume import VolumeOptions

SCALE = "volume_mean_22"
"""What a forecast is a multiple of."""
HAR = ("log_volume", "log_volume_mean_5", "log_volume_mean_22")
"""A day, a week and a month: what a heterogeneous autoregression sees."""
KNOWN_BEFORE = (
    SCALE,
    *HAR,
    *(f"log_volume_lag_{lag}" for lag in range(1, 5)),
    *("log_return_1d", "high_low_range", "weekday"),
)
"""Columns of the day before, at whose close they are known."""


class ForecastOptions(VolumeOptions):
    """The same, and how much forecasts learn from."""

    learn_rows: int = Field(
        default=400_000, ge=100, description="Rows before the test that are learned from, drawn from all of them."
    )


@dataclass(frozen=True, kw_only=True)
class VolumeForecast(Model):
    """Regressions of a stock's volume on the day that follows, chosen on later days by absolute error.

    `reads`: the table that it learns from, with `KNOWN_BEFORE` among its columns, and what volume models see, to be compared with.
    `options`: how days are split, and the like.
    """

    reads: str
    options: ForecastOptions = field(default_factory=ForecastOptions)
