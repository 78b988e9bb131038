"""Bring a feature view's tables up to date with their inputs: only the keys and days that a change can reach are computed anew.

The snapshots of the inputs that a table was made from are noted in its own; what changed since is read from the files that
differ. Where no row that the view reads did, only the note is renewed, so that nothing behind the table has to move. A changed
definition, or a lost snapshot, means computing everything.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import datetime
from itertools import chain

import polars as pl
from pyiceberg.expressions import AlwaysTrue, GreaterThanOrEqual
from pyiceberg.table import Table

from cryptodudez_assets.contracts.base import polars_schema
from cryptodudez_assets.feature_store.affected import (
    EARLIEST,
    NEAR,
    AffectedRange,
    Pinned,
    affected_by,
    changed_keys,
    keys_in,
    portions_of,
    split_by,
)
from cryptodudez_assets.features.declaration import FeatureView, Input
from cryptodudez_assets.lake.iceberg.change import TableTransaction
from cryptodudez_assets.lake.iceberg.data_files import Transform
from cryptodudez_assets.lake.iceberg.provenance import MadeFrom, content_of, made_from
from cryptodudez_assets.lake.iceberg.scan import PATH, TableAt
from cryptodudez_assets.lake.iceberg.spec import TableSpec
from cryptodudez_assets.lake.ingest.prefetch import prefetch
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.store.locks import exclusive


class NoRows(LookupError):
    """An input is not there yet; the message names it."""


@dataclass(frozen=True)
class Materialized:
    """What was done: how many rows were computed, within which reach (None: all), from which content of the inputs."""

    rows: int
    reach: AffectedRange | None
    snapshots: Mapping[str, int]


def table_specs(view: FeatureView) -> list[TableSpec]:
    """The tables of a view: the newest version of each row, and all versions where there are several."""
    order = (*view.key, "event_ts")
    # Where a row looks at rows of its key of any age, files hold keys; elsewhere they hold years.
    parts: Sequence[tuple[str, Transform]] = () if view.rows_back is not None else (("event_ts", "year"),)
    specs = [TableSpec(view.table, view.contract, parts, order)]
    if view.versions:
        specs.append(TableSpec(view.history, view.contract, parts, (*order, "known_ts")))
    return specs


def materialize(
    lake: Lake, view: FeatureView, *, full: bool = False, progress: Callable[[str], None] = lambda _: None
) -> Materialized:
    """Compute what is not up to date and write it, in one commit per table. Raises `NoRows` where an input has none yet."""
    with exclusive(lake.settings, f"view.{view.name}"):
        pinned = {one.table: _pin(lake, one.table) for one in view.inputs}
        now = MadeFrom(view.code_hash, {name: one.content for name, one in pinned.items()})
        before = None if full else made_from_by(view, lake.tables.table)
        if before is not None and before.code_hash != view.code_hash:
            before = None
        changes = changed_keys(lake, view, before, pinned) if before else None
        if changes is not None and changes.is_empty():
            if before != now:
                _agree(lake, view, now)
            return Materialized(0, None, now.inputs)
        reach = None if changes is None else affected_by(view, changes)
        progress(f"{view.name}: {reach or 'everything is computed'}")
        inputs = {name: one.rows for name, one in pinned.items()}
        portions = portions_of(inputs, view, changes, reach)
        with closing(prefetch(compute(inputs, view, part) for part in portions)) as computed, ExitStack() as stack:
            # Before a table is made: where nothing can be computed, nothing is to be there.
            first = next(computed, None)
            writers = [_begin(lake, stack, view, spec, portions if reach else None, now) for spec in table_specs(view)]
            n_rows = 0
            for number, rows in enumerate(chain([] if first is None else [first], computed), 1):
                for write in writers:
                    write(rows)
                n_rows += len(rows)
                if len(portions) > 1:
                    progress(f"{view.name}: part {number} of {len(portions)}, {n_rows:,} rows computed")
        return Materialized(n_rows, reach, now.inputs)


def made_from_by(view: FeatureView, table: Callable[[str], Table | None]) -> MadeFrom | None:
    """What all tables of the view were made from, by how a table is found; None unless they agree and have a snapshot.

    Earlier versions made none where there were no rows.
    """
    tables = [table(spec.name) for spec in table_specs(view)]
    told = [made_from(one) for one in tables if content_of(one) is not None]
    return told[0] if len(told) == len(tables) and all(one == told[0] for one in told) else None


def without_rows(lake: Lake, view: FeatureView) -> list[str]:
    """The inputs that are not there yet, or that nothing was ever written to."""
    return [one.table for one in view.inputs if content_of(lake.tables.table(one.table)) is None]


def compute(inputs: Mapping[str, TableAt], view: FeatureView, reach: AffectedRange | None) -> pl.DataFrame:
    """The view's rows within reach (None: all), from its inputs."""
    frames = {one.table: _read(inputs[one.table], one, reach, view) for one in view.inputs}
    rows = view.transform(frames)
    if reach:
        rows = reach.of(rows, "event_ts")
    return rows.select(polars_schema(view.contract).names()).collect()


def _read(table: TableAt, one: Input, reach: AffectedRange | None, view: FeatureView) -> pl.LazyFrame:
    if reach is None:
        return table.scan().select(one.all_columns)
    reach = AffectedRange(keys_in(reach.keys, one), reach.start, reach.end)
    rows = table.scan(reach.values).select(one.all_columns)
    if view.rows_back is None or reach.keys is None:
        return reach.of(rows, one.time, view.window)
    return _with_rows_before(rows, one, reach.keys, reach.start, view.rows_back)


def _pin(lake: Lake, name: str) -> Pinned:
    table = lake.tables.table(name)
    snapshot, content = table.current_snapshot() if table else None, content_of(table)
    if table is None or snapshot is None or content is None:
        raise NoRows(f"there are no rows in {name} yet; land something for it first")
    return Pinned(table, snapshot.snapshot_id, content)


def _agree(lake: Lake, view: FeatureView, now: MadeFrom) -> None:
    """Note that the tables, as they are, agree with what the inputs are now."""
    for spec in table_specs(view):
        with lake.tables.changing(spec) as change:
            change.remember(now.note)


def _with_rows_before(rows: pl.LazyFrame, one: Input, keys: pl.DataFrame, start: datetime, n: int) -> pl.LazyFrame:
    """Rows of these keys from `start` on, and the `n` rows before it of each key."""
    key = keys.columns
    if start == EARLIEST:
        return AffectedRange(keys, start, None).of(rows, one.time)
    near = AffectedRange(keys, start - NEAR, start).of(rows, one.time).collect()
    enough = near.group_by(key).len().filter(pl.col("len") >= n)
    few = keys.join(enough, on=key, how="anti")
    far = AffectedRange(few, start, start - NEAR).of(rows, one.time, back=None).collect() if len(few) else near.clear()
    before = pl.concat([far, near]).sort(*key, one.time).group_by(key, maintain_order=True).tail(n)
    return pl.concat([before.lazy().select(one.all_columns), AffectedRange(keys, start, None).of(rows, one.time)])


def _begin(
    lake: Lake,
    stack: ExitStack,
    view: FeatureView,
    spec: TableSpec,
    reaches: Sequence[AffectedRange | None] | None,
    made: MadeFrom,
) -> Callable[[pl.DataFrame], object]:
    """A change of one table of the view, without what is computed anew; returns what writes rows to it."""
    change = stack.enter_context(lake.tables.changing(spec))
    change.note(made.note).remember(made.note).as_result()
    if reaches is None:
        change.delete(AlwaysTrue())
    else:
        _clear(change, [reach for reach in reaches if reach])
    if not view.versions or spec.name == view.history:
        return change.add
    key = [*view.key, "event_ts"]
    return lambda rows: change.add(rows.sort("known_ts").unique(key, keep="last", maintain_order=True))


def _clear(change: TableTransaction, reaches: Sequence[AffectedRange]) -> None:
    """Take out the rows within reach."""
    start = min(reach.start for reach in reaches)
    reached = change.rows_with_path(GreaterThanOrEqual("event_ts", start.isoformat()))
    paths = (
        reached.filter(pl.col("event_ts") >= pl.lit(start)).pipe(split_by, reaches, within=True).select(PATH).unique()
    )
    change.rewrite(
        set(paths.collect(engine="streaming")[PATH]),
        lambda rows: split_by(rows.lazy(), reaches, within=False).collect(),
    )
