"""The daily look at whether what was served online is what the feature store gives: all answers of the last days, computed again."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from cryptodudez_assets.declared_models.signal import SignalModel
from cryptodudez_assets.lake.lake import Lake, now
from cryptodudez_assets.models.signal.record import served
from cryptodudez_assets.models.signal.record.comparing import SNAPSHOT_GONE, Compared, compared
from cryptodudez_assets.models.signal.record.stored import read

LOOKED_BACK = timedelta(days=7)


@dataclass(frozen=True)
class Looked:
    """How many answers were compared, the receipts of those that differ, and how many were not compared for which reason."""

    compared: int
    differing: list[str]
    not_compared: dict[str, int]

    @property
    def mismatch_rate(self) -> float | None:
        """The share that differs; None where nothing was compared."""
        return len(self.differing) / self.compared if self.compared else None

    def __str__(self) -> str:
        left_out = "".join(f"; of {n:,} {why}" for why, n in self.not_compared.items())
        if self.mismatch_rate is None:
            return f"no answer of the last {LOOKED_BACK.days} days to compare{left_out}"
        return (
            f"{len(self.differing):,} of {self.compared:,} answers ({self.mismatch_rate:.2%}) were served from other features than the "
            f"feature store gives{left_out}"
        )


def look(lake: Lake, model: SignalModel, at: datetime | None = None) -> Looked:
    """Compare the answers of the last days before then (now). Writes nothing."""
    receipts = served.receipts_of(served.told(lake, model, (at or now()) - LOOKED_BACK))
    found = compared(lake, model, receipts)
    before = _found_before(lake, model)
    found = {name: before.get(name, one) if one.why_not == SNAPSHOT_GONE else one for name, one in found.items()}
    return Looked(
        compared=sum(one.n_differing is not None for one in found.values()),
        differing=[name for name, one in found.items() if one.n_differing],
        not_compared=dict(sorted(Counter(one.why_not for one in found.values() if one.why_not).items())),
    )


def _found_before(lake: Lake, model: SignalModel) -> dict[str, Compared]:
    """What the record says of each receipt that it compared."""
    rows = read(lake, model).filter(pl.col("n_differing").is_not_null())
    return {name: Compared(n) for name, n in rows.select("receipt_id", "n_differing").iter_rows()}
