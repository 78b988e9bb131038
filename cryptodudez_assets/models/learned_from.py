"""What a model of any kind is trained on: the snapshot of a table, kept for good, and what that table was made from.

Every training asks for it here, so that no model can be registered whose data upkeep may forget, or of which is not known
where they came from. What is done with the rows does not belong here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from cryptodudez_assets.lake.iceberg.provenance import content_of, made_from
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.models.manifest import TrainedOn


@dataclass(frozen=True)
class LearnedFrom:
    """The snapshot of a table, and the contents of those that it was made from."""

    table: str
    snapshot_id: int
    inputs: Mapping[str, int]

    def trained_on(self, rows: int, first_day: datetime, last_day: datetime) -> TrainedOn:
        """As a manifest has it: so many rows of it, of these days."""
        return TrainedOn(
            table=self.table,
            snapshot_id=self.snapshot_id,
            inputs=dict(self.inputs),
            rows=rows,
            first_day=first_day,
            last_day=last_day,
        )


def kept_for_training(
    lake: Lake, table: str, snapshot_id: int | None = None, inputs: Mapping[str, int] | None = None
) -> LearnedFrom:
    """Keep a snapshot (by default the newest) as long as there is a lake. Raises `LookupError` where there is none.

    `inputs`: what its rows were made from, where the caller knows; otherwise as the table says, or, of a table that says
    nothing, the table itself.
    """
    found = lake.tables.table(table)
    newest = found.current_snapshot() if found is not None else None
    wanted = snapshot_id or (newest.snapshot_id if newest else None)
    content = content_of(found, wanted)
    if wanted is None or content is None:
        raise LookupError(f"there is nothing in {table} to learn from yet: `cryptodudez run` makes it")
    lake.tables.keep(table, wanted)
    told = made_from(found)
    return LearnedFrom(table, wanted, inputs or (told.inputs if told else None) or {table: content})
