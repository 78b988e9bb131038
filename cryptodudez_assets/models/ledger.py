"""The trial ledger `ml.trials`: whatever was judged is written down, whether or not anything came of it."""

import polars as pl

from cryptodudez_assets.contracts.base import polars_schema
from cryptodudez_assets.contracts.trials import Trials
from cryptodudez_assets.lake.iceberg.spec import TableSpec
from cryptodudez_assets.lake.lake import Lake

SPEC = TableSpec("ml.trials", Trials, (), ("trained_at", "recipe"))
SAME_TRIAL = ["model", "configuration", "training_snapshot"]


def trials_of(lake: Lake, model: str) -> pl.DataFrame:
    """All rows about a model; empty before the first."""
    rows = lake.tables.scan(SPEC.name)
    return pl.DataFrame(schema=polars_schema(Trials)) if rows is None else rows.filter(model=model).collect()


def append(lake: Lake, rows: pl.DataFrame) -> None:
    """Add the rows of one training run, in one commit, but for those that were judged on the very same rows before.

    A training that was interrupted behind this commit and is done again tried nothing new.
    """
    schema = polars_schema(Trials)
    rows = rows.select(pl.col(name).cast(dtype) for name, dtype in schema.items())
    with lake.tables.changing(SPEC) as change:
        known = lake.tables.scan(SPEC.name)
        new = rows if known is None else rows.join(known.select(SAME_TRIAL).collect(), on=SAME_TRIAL, how="anti")
        if len(new):
            change.add(new)
