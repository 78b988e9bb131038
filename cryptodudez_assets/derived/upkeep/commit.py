"""Writing what was computed: the rows in reach go, others take their place, in one commit a table. Computes nothing."""

from collections.abc import Sequence
from contextlib import ExitStack

import polars as pl
from pyiceberg.expressions import AlwaysTrue, BooleanExpression, GreaterThanOrEqual

from cryptodudez_assets.contracts.base import polars_schema
from cryptodudez_assets.derived.declaration import Derived, Stored
from cryptodudez_assets.derived.upkeep.reach import AffectedRange, bound, hull_of, split_by
from cryptodudez_assets.lake.iceberg.change import TableTransaction
from cryptodudez_assets.lake.iceberg.provenance import MadeFrom
from cryptodudez_assets.lake.iceberg.scan import PATH, all_of, within_range_of
from cryptodudez_assets.lake.iceberg.spec import TableSpec
from cryptodudez_assets.lake.lake import Lake


def table_specs(table: Derived) -> list[TableSpec]:
    """Its tables: of a view with versions the newest version of each row, and all of them."""
    return [_spec(table, stored) for stored in table.stored]


def _spec(table: Derived, stored: Stored) -> TableSpec:
    return TableSpec(stored.name, table.contract, tuple(stored.partition_by), tuple(stored.sort_by), is_derived=True)


def begin(
    lake: Lake, stack: ExitStack, table: Derived, reaches: Sequence[AffectedRange] | None, made: MadeFrom | None
) -> list[TableTransaction]:
    """Changes of all its tables, without what is computed anew (None: everything).

    They are committed where the stack ends well. `made`: what they agree with then; None where that stays what it was.
    """
    return [_begin(lake, stack, table, stored, reaches, made) for stored in table.stored]


def agree(lake: Lake, table: Derived, made: MadeFrom) -> None:
    """Note that the tables, as they are, agree with what the inputs are now."""
    for spec in table_specs(table):
        with lake.tables.changing(spec) as change:
            change.remember(made.note)


def _begin(
    lake: Lake,
    stack: ExitStack,
    table: Derived,
    stored: Stored,
    reaches: Sequence[AffectedRange] | None,
    made: MadeFrom | None,
) -> TableTransaction:
    change = stack.enter_context(lake.tables.changing(_spec(table, stored)))
    if made is not None:
        change.note(made.note).remember(made.note).as_result()
    if reaches is None:
        change.delete(AlwaysTrue())
    elif reaches:
        _clear(change, reaches, table)
    return change


def _clear(change: TableTransaction, reaches: Sequence[AffectedRange], table: Derived) -> None:
    """Take out the rows within reach."""
    time = table.time_column
    reached = change.rows_with_path(all_of(_files_within(reaches, table)))
    if time and None not in [reach.start for reach in reaches]:  # this, unlike a join, the readers of files can do
        reached = reached.filter(hull_of(reaches).during(pl.col(time), reached.collect_schema()[time]))
    paths = reached.pipe(split_by, reaches, time, within=True).select(PATH).unique()
    change.rewrite(
        set(paths.collect(engine="streaming")[PATH]),
        lambda rows: split_by(rows.lazy(), reaches, time, within=False).collect(),
    )


def _files_within(reaches: Sequence[AffectedRange], table: Derived) -> list[BooleanExpression]:
    """By what files can be told apart that have no row within reach."""
    found: list[BooleanExpression] = []
    starts = [reach.start for reach in reaches]
    if table.time_column and None not in starts:
        first = bound(min(starts), polars_schema(table.contract)[table.time_column])  # type: ignore[type-var, arg-type]
        found.append(GreaterThanOrEqual(table.time_column, first.isoformat()))
    values = reaches[0].values if len(reaches) == 1 else None
    if values is not None:
        found.append(within_range_of(values))
    return found
