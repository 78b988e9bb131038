"""Sorting that costs little where rows are in order already, as those of tables nearly always are."""

from collections.abc import Sequence
from functools import reduce

import polars as pl

LEAST_RUN = 100  # rows; to move shorter ones is no cheaper than sorting


def in_order(rows: pl.DataFrame, by: Sequence[str]) -> pl.DataFrame:
    """The rows, sorted. To see that they are already costs a twentieth of sorting them.

    Where they are not, often whole runs of the first column change places, each in order within itself.
    """
    if not by or _is_in_order(rows, by):
        return rows
    moved = _runs_moved(rows, by[0])
    return moved if moved is not None and _is_in_order(moved, by) else rows.sort(by)


def in_order_lazily(rows: pl.LazyFrame, by: Sequence[str]) -> pl.LazyFrame:
    """The same as a step of a query."""
    return rows.map_batches(
        lambda frame: in_order(frame, by), projection_pushdown=False, predicate_pushdown=False, slice_pushdown=False
    )


def _runs_moved(rows: pl.DataFrame, first: str) -> pl.DataFrame | None:
    """The rows with their runs of one value in the order of these values; None where runs are short."""
    runs = rows.select(pl.col(first).rle()).unnest(first).with_columns(start=pl.col("len").cum_sum() - pl.col("len"))
    if len(runs) * LEAST_RUN > len(rows) or runs["value"].null_count():
        return None
    return pl.concat([rows.slice(start, n) for n, _, start in runs.sort("value", maintain_order=True).iter_rows()])


def _is_in_order(rows: pl.DataFrame, by: Sequence[str]) -> bool:
    if any(rows[name].null_count() for name in by):
        return False

    def no_earlier(later: pl.Expr, name: str) -> pl.Expr:
        before = pl.col(name).shift(fill_value=pl.col(name).first())
        return (pl.col(name) > before) | ((pl.col(name) == before) & later)

    return bool(rows.select(reduce(no_earlier, reversed(by), pl.lit(value=True)).all()).item())
