"""Where the live record of a signal is kept, and how it is read. Needs no scikit-learn: servers read it."""

import polars as pl

from cryptodudez_assets.code_hash import hash_of_code
from cryptodudez_assets.contracts.base import polars_schema
from cryptodudez_assets.contracts.scored_signals import ScoredSignals
from cryptodudez_assets.declared_models.signal import SignalModel
from cryptodudez_assets.lake.iceberg.spec import TableSpec
from cryptodudez_assets.lake.lake import Lake

SCHEMA = polars_schema(ScoredSignals)
ORDER = ("made_at", "receipt_id")


def spec_of(model: SignalModel) -> TableSpec:
    """The table with the live record of a signal."""
    return TableSpec(model.record, ScoredSignals, (), ORDER)


def contract_hash() -> str:
    """A hash of the rules that rows are judged by."""
    return hash_of_code(ScoredSignals)


def read(lake: Lake, model: SignalModel) -> pl.DataFrame:
    """The record as it was written last, in the order in which answers were given; empty before the first time."""
    rows = lake.tables.scan(model.record)
    return pl.DataFrame(schema=SCHEMA) if rows is None else rows.sort(ORDER).collect()
