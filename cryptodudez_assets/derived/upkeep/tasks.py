"""Computing as tasks: portions of a derived table go in, with the inputs at a moment; data files come out, and nothing is committed.

Which portions there are is in `dividing.py`, the commit in `commit.py`; where tasks are run is up to an engine.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from math import ceil

import polars as pl

from cryptodudez_assets.derived.declaration import Derived, Stored
from cryptodudez_assets.derived.upkeep.carry import compute_in_order
from cryptodudez_assets.derived.upkeep.portions import compute
from cryptodudez_assets.derived.upkeep.reach import AffectedRange
from cryptodudez_assets.lake.iceberg.scan import TableAt
from cryptodudez_assets.lake.iceberg.writing import Target, Writer, WrittenFiles
from cryptodudez_assets.lake.ingest.prefetch import prefetch


@dataclass(frozen=True)
class ComputeTask:
    """Portions of a table that are to be computed (None: all of it). `targets`: where rows are written, for each of `table.stored`.

    `own`: of a table that accumulates, its rows as they are; None where all are computed.
    """

    table: Derived
    inputs: Mapping[str, TableAt]
    portions: Sequence[AffectedRange | None]
    targets: Sequence[Target]
    own: TableAt | None = None


@dataclass(frozen=True)
class Computed:
    """The rows that were written, for each of `table.stored`; how many were computed, and of which days where the table has days."""

    files: Sequence[WrittenFiles]
    n_rows: int
    days: set[date]


def compute_portions(task: ComputeTask, say: Callable[[str], None]) -> Computed:
    """Compute the portions of a task. Done twice it gives the same rows, in files of other names."""
    table, n_rows, days = task.table, 0, set[date]()
    writers = [Writer(target) for target in task.targets]
    try:
        with closing(prefetch(_computed(task))) as computed:
            for number, rows in enumerate(computed, 1):
                for stored, writer in zip(table.stored, writers, strict=True):
                    writer.add(_kept(rows, stored))
                n_rows += len(rows)
                days |= _days(table, rows)
                if len(task.portions) > 1:
                    say(f"{table.short_name}: part {number} of {len(task.portions)}, {n_rows:,} rows computed")
        return Computed([writer.close() for writer in writers], n_rows, days)
    except BaseException:
        for writer in writers:
            writer.abandon()
        raise


def _computed(task: ComputeTask) -> Iterator[pl.DataFrame]:
    if task.table.accumulates:
        return compute_in_order(task.inputs, task.table, task.own, task.portions)
    return (compute(task.inputs, task.table, portion) for portion in task.portions)


def grouped(chains: Sequence[Sequence[AffectedRange | None]], parts: int) -> list[Sequence[AffectedRange | None]]:
    """Neighbouring chains of portions, each whole, in at most so many parts."""
    size = max(1, ceil(len(chains) / parts))
    return [[one for chain in chains[at : at + size] for one in chain] for at in range(0, len(chains), size)]


def _kept(rows: pl.DataFrame, stored: Stored) -> pl.DataFrame:
    if stored.newest_by is None:
        return rows
    return rows.sort(stored.newest_by).unique(list(stored.sort_by), keep="last", maintain_order=True)


def _days(table: Derived, rows: pl.DataFrame) -> set[date]:
    if table.partitions is None:
        return set()
    column = rows[table.partitions.column]
    return set((column if column.dtype == pl.Date else column.dt.date()).unique())
