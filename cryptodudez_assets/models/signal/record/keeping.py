"""Brings a live record up to date: receipts that came, scores that can be made, prices that were corrected; in one commit.

Whoever dies before the commit has done nothing, and whoever comes behind it finds every receipt there: each is in the table once.
"""

from datetime import datetime, timedelta

import polars as pl
from pyiceberg.expressions import AlwaysTrue

from cryptodudez_assets.declared_models.signal import SignalModel
from cryptodudez_assets.lake.iceberg.provenance import MadeFrom, content_of
from cryptodudez_assets.lake.lake import Lake, now
from cryptodudez_assets.models.signal import training_set
from cryptodudez_assets.models.signal.record import served
from cryptodudez_assets.models.signal.record.comparing import compared
from cryptodudez_assets.models.signal.record.scoring import Market, scored
from cryptodudez_assets.models.signal.record.stored import ORDER, SCHEMA, read, spec_of

LOOKED_AT_AGAIN = timedelta(days=1)
"""Receipts come without a change of a table that would tell, and horizons end."""


def update(lake: Lake, model: SignalModel, at: datetime | None = None) -> pl.DataFrame | None:
    """Write down what is new by then (now), and give the record; None before there is a training set, which tells prices."""
    at = at or now()
    content = content_of(lake.tables.table(model.training_set))
    if content is None:
        return None
    market = Market.of(model, training_set.read(lake, model).rows)
    made = MadeFrom("", {model.training_set: content}, at + LOOKED_AT_AGAIN)
    with lake.tables.changing(spec_of(model)) as change:
        before = change.rows().sort(ORDER).collect()
        record = scored(pl.concat([before, _new(lake, model, before["receipt_id"], at)]), market, at)
        if not record.equals(before):
            change.delete(AlwaysTrue()).add(record).note(made.note)
        change.remember(made.note).as_result()
    return read(lake, model)


def _new(lake: Lake, model: SignalModel, known: pl.Series, at: datetime) -> pl.DataFrame:
    """Receipts that the record does not have, compared with the feature store while their snapshots are kept."""
    rows = served.told(lake, model)
    rows = rows.filter(~pl.col("id").is_in(known.implode()))
    receipts = served.receipts_of(rows)
    found = compared(lake, model, receipts)
    return served.as_record(model, rows, receipts).with_columns(
        compared_at=pl.lit(at, SCHEMA["compared_at"]),
        uncompared=pl.Series([found[name].why_not for name in rows["id"]], dtype=pl.String),
        n_differing=pl.Series([found[name].n_differing for name in rows["id"]], dtype=pl.Int64),
    )
