"""How far off volumes are."""

import numpy as np
from pydantic import Field

from cryptodudez_assets.models.findings import Finding
from cryptodudez_assets.models.volume.data import Rows
from cryptodudez_assets.models.volume.recipes import Says

BATCH = 1 << 18


class Errors(Finding):
    """Of a recipe on `n` rows that it had not seen."""

    n: int
    mae: float = Field(description="Mean absolute error, in shares.")
    mse: float = Field(description="Mean squared error.")
    r2: float | None = Field(
        description="Share of the variance that is explained; None where all volumes are the same."
    )


def errors_of(says: Says, rows: Rows) -> Errors:
    """Errors on rows, of which there is at least one."""
    absolute = squared = 0.0
    for start in range(0, len(rows), BATCH):
        off = says(rows.features[start : start + BATCH]) - rows.volume[start : start + BATCH]
        absolute += float(np.abs(off).sum())
        squared += float(np.square(off).sum())
    spread = float(np.square(rows.volume - rows.volume.mean()).sum())
    n = len(rows)
    return Errors(n=n, mae=absolute / n, mse=squared / n, r2=1 - squared / spread if spread else None)
