"""What a classifier of days learns from, as arrays."""

from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Float32s = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Dataset:
    """One row per day, in order of time, days without gaps. Row i knows nothing that was unknown at the close of day i.

    `features` (rows x names, NaN where not known), `labels` (positions in `classes`, -1 where not known yet), `label_row`
    (the row at whose close the label became known, -1 likewise), `uniqueness` (how much of a label is its own, 0 to 1), `closes`
    (prices, NaN on a day without a candle).
    """

    days: list[datetime]
    names: tuple[str, ...]
    classes: tuple[str, ...]
    features: Float32s
    labels: Ints
    label_row: Ints
    uniqueness: Floats
    closes: Floats

    def __post_init__(self) -> None:
        n = len(self.days)
        if self.features.shape != (n, len(self.names)) or any(
            len(one) != n for one in (self.labels, self.label_row, self.uniqueness, self.closes)
        ):
            raise ValueError("the arrays of a data set must have one row per day and one column per feature")

    def __len__(self) -> int:
        return len(self.days)

    @cached_property
    def returns(self) -> Floats:
        """Log return from the close of day i to that of day i+1: what a position taken at the close of i earns.

        NaN for the last day, and where one of the two has no candle.
        """
        return np.append(np.diff(np.log(self.closes)), np.nan)

    def with_features(self, features: Float32s) -> "Dataset":
        """The same days with other values of the features."""
        return replace(self, features=features)
