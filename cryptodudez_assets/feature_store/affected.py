"""Which rows of a view a change of its inputs can reach, and which of them are computed together. Writes nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import polars as pl
from pyiceberg.table import Table

from cryptodudez_assets.features.declaration import FeatureView, Input
from cryptodudez_assets.lake.iceberg.changes import changed_rows
from cryptodudez_assets.lake.iceberg.provenance import MadeFrom, kept
from cryptodudez_assets.lake.iceberg.scan import TableAt
from cryptodudez_assets.lake.lake import Lake

DAY = timedelta(days=1)


EARLIEST = datetime(1, 1, 1, tzinfo=UTC)


# Of views whose window is so many rows, keys with about so many rows are computed at a time.
PORTION_ROWS = 50_000


# Within so many days before a change, most keys have the rows that a window needs.
NEAR = timedelta(days=92)


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
class Pinned:
    """An input as it is read, however it changes meanwhile."""

    table: Table
    snapshot_id: int
    content: int

    @property
    def rows(self) -> TableAt:
        """Its rows."""
        return TableAt(self.table, self.snapshot_id)


def keys_in(keys: pl.DataFrame | None, one: Input) -> pl.DataFrame | None:
    """The keys as far as an input has them; None where it has none of their columns."""
    shared = [] if keys is None else [name for name in keys.columns if name in one.columns]
    return keys.select(shared).unique() if keys is not None and shared else None


def changed_keys(lake: Lake, view: FeatureView, before: MadeFrom, now: Mapping[str, Pinned]) -> pl.DataFrame | None:
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


def affected_by(view: FeatureView, changes: pl.DataFrame) -> AffectedRange:
    """What changes of inputs (keys, with the `first` and `last` time of what changed) can reach in the view."""
    first, last = (changes[name].dt.truncate("1d") for name in ("first", "last"))
    keys = changes.drop("first", "last")
    # A row sees `window` back, so a changed input is seen by rows up to `window` later.
    end = None if view.window is None else last.max() + view.window + DAY  # type: ignore[operator]
    return AffectedRange(keys if keys.width else None, first.min(), end)  # type: ignore[arg-type]


def portions_of(
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


def split_by(rows: pl.LazyFrame, reaches: Sequence[AffectedRange], *, within: bool) -> pl.LazyFrame:
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
