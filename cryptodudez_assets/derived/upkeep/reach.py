"""Which rows of a derived table a change of its inputs can reach. Computes and writes nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property, reduce
from itertools import pairwise
from operator import or_

import polars as pl
from pyiceberg.table import Table

from cryptodudez_assets.derived.declaration import Derived, Input
from cryptodudez_assets.derived.upkeep.key_ranges import KeyRange
from cryptodudez_assets.lake.iceberg.changes import changed_rows_of
from cryptodudez_assets.lake.iceberg.provenance import MadeFrom, kept
from cryptodudez_assets.lake.iceberg.scan import TableAt

DAY = timedelta(days=1)


EARLIEST = datetime(1, 1, 1, tzinfo=UTC)
LATEST = datetime(9999, 12, 31, tzinfo=UTC)


TIME = pl.Datetime("us", "UTC")


# Days that change far from each other are computed by themselves, up to so many stretches of them.
MOST_RANGES = 16
# Keys whose changes begin far from each other, up to so many parts of them.
MOST_STARTS = 4


@dataclass(frozen=True)
class AffectedRange:
    """What a change can reach: rows of these keys (None: of all) with `start <= time < end`, each None where there is no bound.

    `part`: of what is computed in parts by its key, the range that is meant.
    """

    keys: pl.DataFrame | None
    start: datetime | None
    end: datetime | None
    part: KeyRange | None = None

    def of(
        self,
        rows: pl.LazyFrame,
        time: str | None,
        back: timedelta | None = timedelta(0),
        dtype: pl.DataType | None = None,
    ) -> pl.LazyFrame:
        """The rows within reach, and those that lie `back` before its start (None: all before). `dtype`: of the time, if known."""
        if time is not None and not (self.end is None and (self.start is None or back is None)):
            rows = rows.filter(self.during(pl.col(time), dtype or rows.collect_schema()[time], back))
        if self.part is not None:
            rows = self.part.of(rows)
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
        if self.keys is not None and self._has_range:
            return self.keys.to_series()
        return self.part.values if self.part else None

    @property
    def _has_range(self) -> bool:
        return (
            self.keys is not None
            and self.keys.width == 1
            and len(self.keys) > 0
            and not self.keys.to_series().null_count()
        )

    def during(self, time: pl.Expr, dtype: pl.DataType = TIME, back: timedelta | None = timedelta(0)) -> pl.Expr:
        """Whether a time, or a day, lies within reach, or at most `back` before it."""
        since = pl.lit(value=True)
        if self.start is not None and back is not None:
            since = time >= pl.lit(bound(self.start - back, dtype))
        return since if self.end is None else since & (time < pl.lit(_above(self.end, dtype)))

    def __str__(self) -> str:
        keys = "all keys" if self.keys is None else f"{len(self.keys):,} keys"
        since = "" if self.start is None else f" from {self.start:%Y-%m-%d}"
        until = " on" if since else ""
        return f"{keys}{since}" + (f" to {self.end:%Y-%m-%d}" if self.end else until)


def bound(at: datetime, dtype: pl.DataType) -> datetime | date:
    """A time as a column of this type is compared with: of a day, the day that it lies on."""
    return at.date() if isinstance(dtype, pl.Date) else at


def _above(end: datetime, dtype: pl.DataType) -> datetime | date:
    """The first that lies behind it all."""
    is_midnight = end == end.replace(hour=0, minute=0, second=0, microsecond=0)
    return bound(end if is_midnight else end + DAY, dtype)


@dataclass(frozen=True)
class Pinned:
    """An input as it is read, however it changes meanwhile."""

    table: Table
    snapshot_id: int
    content: int

    @cached_property
    def rows(self) -> TableAt:
        """Its rows."""
        return TableAt(self.table, self.snapshot_id)


def keys_in(keys: pl.DataFrame | None, one: Input, table: Derived) -> pl.DataFrame | None:
    """The keys as far as they tell which rows of an input are read; None where they do not."""
    shared = [] if keys is None else [name for name in table.shared_key(one) if name in keys.columns]
    return keys.select(shared).unique() if keys is not None and shared else None


def changed_keys(table: Derived, before: MadeFrom, now: Mapping[str, Pinned]) -> pl.DataFrame | None:
    """What input rows that changed reach: keys (as far as all inputs that changed have them), with the `first` day of it and its
    `end`, each null where there is no bound; without keys one row a day. None where it is everything, or cannot be told."""
    if set(before.inputs) - set(now):
        return None  # an input that may be absent is gone, and nothing tells which rows came of it
    there = [one for one in table.inputs if one.table in now]
    changed = [one for one in there if before.inputs.get(one.table) != now[one.table].content]
    parts: list[tuple[list[str], pl.DataFrame]] = []
    for one in changed:
        shared, pinned = table.shared_key(one), now[one.table]
        since = kept(pinned.table, before.inputs.get(one.table))
        columns = table.reads(one)
        timed = table.is_timed(one)
        asked = list(dict.fromkeys([*shared, *([one.time] if timed else [])])) or columns[:1]
        found = changed_rows_of(pinned.table, since, pinned.snapshot_id, asked, read=columns)
        if found is None:
            return None
        spans = [_spans(rows, shared, one.time if timed else None, table.reaches(one)) for rows in found]
        if not spans:
            continue
        if table.reaches(one) == "all" or not (shared or timed):
            return None
        parts.append((shared, pl.concat(spans)))
    if not parts:
        return pl.DataFrame()
    keys = [name for name in table.key if all(name in shared for shared, _ in parts)]
    return _merged(pl.concat([part.select(*keys, "first", "end") for _, part in parts]), keys)


def _spans(rows: pl.DataFrame, keys: Sequence[str], time: str | None, reaches: object) -> pl.DataFrame:
    """The `first` day that these rows reach, and the `end` of what they do. A row sees back, so that it is seen by later ones."""
    if time is None:
        no_bound = pl.lit(None, TIME)
        return rows.select(*keys, first=no_bound, end=no_bound).unique()
    at = (
        pl.col(time).cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
        if rows.schema[time] == pl.Date
        else pl.col(time)
    )
    first = at.dt.truncate("1d")
    end = first + pl.lit(reaches + DAY) if isinstance(reaches, timedelta) else pl.lit(None, TIME)
    return _merged(rows.select(*keys, first=first.cast(TIME), end=end.cast(TIME)), keys)


def _merged(spans: pl.DataFrame, keys: Sequence[str]) -> pl.DataFrame:
    if not keys:
        return spans.select("first", "end").unique()

    def widest(name: str, found: pl.Expr) -> pl.Expr:
        return pl.when(pl.col(name).null_count() == 0).then(found).alias(name)

    return spans.group_by(keys).agg(widest("first", pl.col("first").min()), widest("end", pl.col("end").max()))


def affected_by(changes: pl.DataFrame, table: Derived) -> list[AffectedRange]:
    """What changes of inputs, as `changed_keys` tells them, can reach: ranges that do not overlap."""
    keys = changes.drop("first", "end")
    if keys.width:
        parts = _by_start(changes) if table.is_cut_by_time else [changes]
        return [AffectedRange(part.drop("first", "end"), *_hull(part)) for part in parts]
    stretches: list[AffectedRange] = []
    for first, end in changes.sort("first", nulls_last=False).iter_rows():
        last = stretches[-1] if stretches else None
        if last is not None and (last.end is None or first is None or first <= last.end):
            stretches[-1] = AffectedRange(None, last.start, None if None in (last.end, end) else max(last.end, end))
        else:
            stretches.append(AffectedRange(None, first, end))
    while len(stretches) > MOST_RANGES:
        gaps = [later.start - one.end for one, later in pairwise(stretches)]  # type: ignore[operator]
        i = gaps.index(min(gaps))
        stretches[i : i + 2] = [AffectedRange(None, stretches[i].start, stretches[i + 1].end)]
    return stretches


def _by_start(changes: pl.DataFrame) -> list[pl.DataFrame]:
    """Keys that are reached from about the same day on: the few of which something is late are computed by themselves."""
    first = changes["first"].unique().sort()
    if first.null_count():
        return [changes]
    gaps = sorted(((later - one, later) for one, later in pairwise(first)), reverse=True)[: MOST_STARTS - 1]
    starts = sorted(later for gap, later in gaps if gap > DAY)
    bounds = pairwise([EARLIEST, *starts, LATEST])
    return [changes.filter(pl.col("first").is_between(low, high, closed="left")) for low, high in bounds]


def hull_of(reaches: Sequence[AffectedRange]) -> AffectedRange:
    """One range over all of them."""
    keys = None if reaches[0].keys is None else pl.concat([one.keys for one in reaches if one.keys is not None])
    starts, ends = [one.start for one in reaches], [one.end for one in reaches]
    start = None if None in starts else min(starts)  # type: ignore[type-var]
    end = None if None in ends else max(ends)  # type: ignore[type-var]
    return AffectedRange(keys, start, end)


def _hull(changes: pl.DataFrame) -> tuple[datetime | None, datetime | None]:
    first, end = changes["first"], changes["end"]
    start = None if first.null_count() else first.min()
    return start, None if end.null_count() else end.max()  # type: ignore[return-value]


def split_by(rows: pl.LazyFrame, reaches: Sequence[AffectedRange], time: str | None, *, within: bool) -> pl.LazyFrame:
    """The rows within one of these reaches, or those that are not. Either all of them have keys or none has."""
    dtype = rows.collect_schema()[time] if time is not None else TIME
    at = pl.col(time) if time is not None else pl.lit(None, TIME)
    keys = reaches[0].keys
    if keys is None:
        inside = reduce(or_, (reach.during(at, dtype) for reach in reaches)).fill_null(value=False)
        return rows.filter(inside if within else ~inside)
    start, end = (pl.col(name) for name in (" start", " end"))
    bounds = [
        reach.keys.with_columns(
            pl.lit(bound(reach.start, dtype) if reach.start else None, dtype).alias(" start"),
            pl.lit(_above(reach.end, dtype) if reach.end else None, dtype).alias(" end"),
            pl.lit(value=True).alias(" in"),
        )
        for reach in reaches
        if reach.keys is not None
    ]
    bounded = rows.join(pl.concat(bounds).lazy(), on=keys.columns, how="left", nulls_equal=True, maintain_order="left")
    since, until = start.is_null() | (at >= start), end.is_null() | (at < end)
    inside = (pl.col(" in") & since & until).fill_null(value=False)
    return bounded.filter(inside if within else ~inside).drop(" start", " end", " in")
