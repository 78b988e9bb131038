"""Bring a feature view's tables up to date with their inputs: only the keys and days that a change can reach are computed anew.

The snapshots of the inputs that a table was made from are noted in its own; what changed since is read from the files that
differ. Where no row that the view reads did, only the note is renewed, so that nothing behind the table has to move. A changed
definition, or a lost snapshot, means computing everything.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain

import polars as pl
from pyiceberg.expressions import AlwaysTrue, GreaterThanOrEqual
from pyiceberg.table import Table

from cryptodudez_assets.contracts.base import polars_schema
from cryptodudez_assets.features.declaration import FeatureView, Input
from cryptodudez_assets.lake.iceberg.change import TableTransaction
from cryptodudez_assets.lake.iceberg.changes import changed_rows
from cryptodudez_assets.lake.iceberg.data_files import Transform
from cryptodudez_assets.lake.iceberg.provenance import MadeFrom, content_of, kept, made_from
from cryptodudez_assets.lake.iceberg.scan import PATH, TableAt
from cryptodudez_assets.lake.iceberg.spec import TableSpec
from cryptodudez_assets.lake.ingest.prefetch import prefetch
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.store.locks import exclusive

DAY = timedelta(days=1)
EARLIEST = datetime(1, 1, 1, tzinfo=UTC)
# Of views whose window is so many rows, keys with about so many rows are computed at a time.
PORTION_ROWS = 50_000
# Within so many days before a change, most keys have the rows that a window needs.
NEAR = timedelta(days=92)


class NoRows(LookupError):
    """An input is not there yet; the message names it."""


@dataclass(frozen=True)
class AffectedRange:
    """What a change can reach: rows of these keys (None: of all) with `start <= event_ts < end` (None: without an end)."""

    keys: pl.DataFrame | None
    start: datetime
    end: datetime | None

    def of(self, rows: pl.LazyFrame, time: str, back: timedelta | None = timedelta(0)) -> pl.LazyFrame:
        """The rows within reach, and those that lie `back` before its start (None: all before)."""
        rows = rows.filter(self.during(pl.col(time), back))
        if self.keys is None:
            return rows
        if self._has_range:  # this, unlike a join, the readers of files can do
            (key,) = self.keys
            column = pl.col(key.name)
            return rows.filter(column.is_between(pl.lit(key.min()), pl.lit(key.max())), column.is_in(key.implode()))
        return rows.join(self.keys.lazy(), on=self.keys.columns, how="semi", nulls_equal=True)

    @property
    def values(self) -> pl.Series | None:
        """Its keys as values of one column, by whose range files can be told apart; None if they are not."""
        return self.keys.to_series() if self.keys is not None and self._has_range else None

    @property
    def _has_range(self) -> bool:
        return (
            self.keys is not None
            and self.keys.width == 1
            and len(self.keys) > 0
            and not self.keys.to_series().null_count()
        )

    def during(self, time: pl.Expr, back: timedelta | None = timedelta(0)) -> pl.Expr:
        """Whether a time lies within reach, or at most `back` before it."""
        since = pl.lit(value=True) if back is None else time >= pl.lit(self.start - back)
        return since if self.end is None else since & (time < pl.lit(self.end))

    def __str__(self) -> str:
        keys = "all keys" if self.keys is None else f"{len(self.keys):,} keys"
        return f"{keys} from {self.start:%Y-%m-%d} " + (f"to {self.end:%Y-%m-%d}" if self.end else "on")


@dataclass(frozen=True)
class Materialized:
    """What was done: how many rows were computed, within which reach (None: all), from which content of the inputs."""

    rows: int
    reach: AffectedRange | None
    snapshots: Mapping[str, int]


@dataclass(frozen=True)
class Pinned:
    """An input as it is read, however it changes meanwhile."""

    table: Table
    snapshot_id: int
    content: int

    @property
    def rows(self) -> TableAt:
        """Its rows."""
        return TableAt(self.table, self.snapshot_id)


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
        changes = _changes(lake, view, before, pinned) if before else None
        if changes is not None and changes.is_empty():
            if before != now:
                _agree(lake, view, now)
            return Materialized(0, None, now.inputs)
        reach = None if changes is None else _reach(view, changes)
        progress(f"{view.name}: {reach or 'everything is computed'}")
        inputs = {name: one.rows for name, one in pinned.items()}
        portions = _portions(inputs, view, changes, reach)
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
    reach = AffectedRange(_keys_in(reach.keys, one), reach.start, reach.end)
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


def _keys_in(keys: pl.DataFrame | None, one: Input) -> pl.DataFrame | None:
    shared = [] if keys is None else [name for name in keys.columns if name in one.columns]
    return keys.select(shared).unique() if keys is not None and shared else None


def _changes(lake: Lake, view: FeatureView, before: MadeFrom, now: Mapping[str, Pinned]) -> pl.DataFrame | None:
    """Keys (those that every input has) of input rows that changed, with the `first` and `last` time of these; None where
    that cannot be told."""
    shared = [name for name in view.key if all(name in one.columns for one in view.inputs)]
    parts = []
    for one in view.inputs:
        columns, pinned = [*shared, one.time], now[one.table]
        if before.inputs.get(one.table) == pinned.content:
            continue
        since = kept(pinned.table, before.inputs.get(one.table))
        changed = changed_rows(lake.tables, one.table, since, pinned.snapshot_id, columns, read=one.all_columns)
        if changed is None:
            return None
        parts += [_spans(rows.select(*shared, first=one.time, last=one.time), shared) for rows in changed]
    return _spans(pl.concat(parts), shared) if parts else pl.DataFrame()


def _spans(changes: pl.DataFrame, keys: Sequence[str]) -> pl.DataFrame:
    first_and_last = pl.col("first").min(), pl.col("last").max()
    return changes.group_by(keys).agg(first_and_last) if keys else changes.select(first_and_last)


def _reach(view: FeatureView, changes: pl.DataFrame) -> AffectedRange:
    first, last = (changes[name].dt.truncate("1d") for name in ("first", "last"))
    keys = changes.drop("first", "last")
    # A row sees `window` back, so a changed input is seen by rows up to `window` later.
    end = None if view.window is None else last.max() + view.window + DAY  # type: ignore[operator]
    return AffectedRange(keys if keys.width else None, first.min(), end)  # type: ignore[arg-type]


def _portions(
    inputs: Mapping[str, TableAt], view: FeatureView, changes: pl.DataFrame | None, reach: AffectedRange | None
) -> Sequence[AffectedRange | None]:
    """What is computed at a time: all of the reach, or parts of its keys where the window is so many rows."""
    if view.rows_back is None:
        return [reach]
    sizes = _rows_per_key(inputs, view, EARLIEST if reach is None else reach.start - NEAR)
    if changes is None:
        firsts = sizes.select(view.key).with_columns(event_ts=pl.lit(EARLIEST))
    else:
        firsts = changes.select(*view.key, event_ts=pl.col("first").dt.truncate("1d"))
    # Those that begin together are computed together, and neighbours, since they lie in the same files.
    sized = firsts.join(sizes, on=view.key, how="left", nulls_equal=True).sort("event_ts", *view.key)
    n_rows = pl.col("len").fill_null(0)
    numbered = sized.with_columns(((n_rows.cum_sum() - n_rows) // PORTION_ROWS).alias(" part"))
    parts = numbered.partition_by(" part", maintain_order=True)
    return [AffectedRange(part.select(view.key), part["event_ts"][0], None) for part in parts]


def _rows_per_key(inputs: Mapping[str, TableAt], view: FeatureView, since: datetime) -> pl.DataFrame:
    counts = []
    for one in view.inputs:
        table = inputs[one.table]
        for paths in ([], *([path] for path in table.paths)):  # one at a time
            rows = table.scan_files(paths).filter(pl.col(one.time) >= pl.lit(since))
            counts.append(rows.group_by(view.key).len().collect())
    return pl.concat(counts).group_by(view.key).agg(pl.col("len").sum())


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
    paths = reached.filter(pl.col("event_ts") >= pl.lit(start)).pipe(_split, reaches, within=True).select(PATH).unique()
    change.rewrite(
        set(paths.collect(engine="streaming")[PATH]), lambda rows: _split(rows.lazy(), reaches, within=False).collect()
    )


def _split(rows: pl.LazyFrame, reaches: Sequence[AffectedRange], *, within: bool) -> pl.LazyFrame:
    """The rows within one of these reaches, or those that are not."""
    first, time = reaches[0], pl.col("event_ts")
    if first.keys is None:  # then there is no other
        inside = first.during(time)
        return rows.filter(inside if within else ~inside)
    start, end = (pl.col(name) for name in (" start", " end"))
    ends = pl.Datetime("us", "UTC")
    bounds = [
        reach.keys.with_columns(pl.lit(reach.start).alias(" start"), pl.lit(reach.end, ends).alias(" end"))
        for reach in reaches
        if reach.keys is not None
    ]
    bounded = rows.join(
        pl.concat(bounds).lazy(), on=first.keys.columns, how="left", nulls_equal=True, maintain_order="left"
    )
    inside = ((time >= start) & (end.is_null() | (time < end))).fill_null(value=False)
    return bounded.filter(inside if within else ~inside).drop(" start", " end")
