"""Training data: features of the lake as they were known at each entity's time, and the snapshots they were read from.

Times of entities may be of any zone, naive, or dates: a naive time is UTC, a date is the first instant of its UTC day.
"""

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Literal

import polars as pl
from pyiceberg.expressions import And, GreaterThanOrEqual, LessThanOrEqual
from pyiceberg.table import Table

from cryptodudez_assets.contracts.base import polars_schema
from cryptodudez_assets.feature_store.point_in_time import TIME, History, join_as_of
from cryptodudez_assets.features.days import day_of, end_of
from cryptodudez_assets.features.declaration import FeatureView
from cryptodudez_assets.lake.iceberg.scan import planned_files, scan_files
from cryptodudez_assets.lake.lake import Lake

# pyiceberg cannot count on from the first and the last time that Python knows.
BEGINNING, END = datetime(2, 1, 1, tzinfo=UTC), datetime(9998, 1, 1, tzinfo=UTC)
FEW_KEYS = 1000  # up to here files are filtered by key while they are read
Moment = Literal["instant", "close"]
AS_OF = "as_of"  # the entities' time as the join needs it; theirs is handed back as it came


@dataclass(frozen=True)
class Training:
    """A frame of features, and the snapshot of every table that was read: given these, the same can be read again."""

    frame: Any
    snapshot_ids: dict[str, int]


def historical_features(
    lake: Lake,
    views: Iterable[FeatureView],
    entities: Any,
    features: Sequence[str],
    *,
    time: str = "event_ts",
    snapshots: Mapping[str, int] | None = None,
    moment: Moment = "instant",
    with_times: bool = False,
    as_pandas: bool = False,
) -> Training:
    """The entities with a column `<view>__<feature>` for each of `features`, as known at each entity's `time`.

    `entities` is a Polars (lazy) frame, a pandas frame, or whatever Polars makes a frame of, with the views' keys.
    `features` are `view:feature`, or `view` for all of it. `snapshots` names tables of which another snapshot than the
    present one is to be read. `moment` says what is meant by `time`: that very instant, or the close of the UTC day on which it
    lies, when all of the day is known; that is what stands beside the day's candle. `with_times` adds the times of the rows that
    were taken; which ones these are, says `point_in_time`.
    """
    wanted = chosen(views, features)
    frame = entities.lazy().collect() if isinstance(entities, pl.DataFrame | pl.LazyFrame) else pl.DataFrame(entities)
    asked = _asked(frame, time, wanted, moment)
    read = _Reader(lake, asked, snapshots or {})
    histories = [read.history(one, names) for one, names in wanted]
    found = join_as_of(asked, AS_OF, histories, with_times=with_times).drop(asked.columns)
    result = pl.concat([frame, found], how="horizontal")
    return Training(result.to_pandas() if as_pandas else result, read.snapshot_ids)


def chosen(views: Iterable[FeatureView], features: Sequence[str]) -> list[tuple[FeatureView, list[str]]]:
    """The views that `view:feature` and `view` mean, each with its features in the order asked for."""
    known = {view.name: view for view in views}
    wanted: dict[str, list[str]] = {}
    for text in features:
        name, _, feature = text.partition(":")
        if name not in known:
            raise KeyError(f"no feature view {name!r}; there are {', '.join(sorted(known)) or 'none'}")
        there = known[name].features
        if feature and feature not in there:
            raise KeyError(f"no feature {feature!r} in {name}; it has {', '.join(there)}")
        wanted.setdefault(name, []).extend([feature] if feature else there)
        if known[name].deprecated:
            warnings.warn(f"{name} is deprecated: {known[name].deprecated}", DeprecationWarning, stacklevel=3)
    return [(known[name], list(dict.fromkeys(names))) for name, names in wanted.items()]


def _asked(
    frame: pl.DataFrame, time: str, wanted: Sequence[tuple[FeatureView, list[str]]], moment: Moment
) -> pl.DataFrame:
    """The keys, typed as in the views, and the time in UTC."""
    keys = {name: polars_schema(view.contract)[name] for view, _ in wanted for name in view.key}
    if missing := [name for name in [*keys, time] if name not in frame.columns]:
        raise KeyError(f"the entities lack {', '.join(missing)}; they have {', '.join(frame.columns)}")
    typed = [_as_key(frame[name], dtype) for name, dtype in keys.items()]
    rows = pl.DataFrame([*typed, _as_time(frame[time]).alias(AS_OF)])
    return rows if moment == "instant" else rows.with_columns(day_of(AS_OF)).with_columns(end_of(AS_OF))


def _as_key(values: pl.Series, dtype: pl.DataType) -> pl.Series:
    alike = values.dtype == dtype or values.dtype == pl.Null
    alike |= values.dtype.is_integer() and dtype.is_integer()
    alike |= isinstance(values.dtype, pl.Categorical | pl.Enum) and dtype == pl.String
    if not alike:
        raise TypeError(f"key {values.name} of the entities is {values.dtype}; expected {dtype}")
    return values.cast(dtype)


def _as_time(values: pl.Series) -> pl.Series:
    if values.dtype == pl.Null:
        return values.cast(TIME)
    if not isinstance(values.dtype, pl.Datetime | pl.Date):
        raise TypeError(f"{values.name} of the entities is {values.dtype}; expected a time or a date")
    # Finer than a microsecond is cut off downwards: nothing later is seen by it.
    times = values.cast(pl.Datetime("us", getattr(values.dtype, "time_zone", None)))
    zoned = times.dt.replace_time_zone("UTC") if times.dtype == pl.Datetime("us") else times
    return zoned.dt.convert_time_zone("UTC")


@dataclass
class _Reader:
    """Reads what the entities can need of a view, and notes the snapshots."""

    lake: Lake
    asked: pl.DataFrame
    snapshots: Mapping[str, int]
    snapshot_ids: dict[str, int] = field(default_factory=dict)

    def history(self, view: FeatureView, features: Sequence[str]) -> History:
        """The view's rows that may be known at a time asked for and not too old; other files are not opened."""
        table = self._table(view)
        if self.span is None:
            rows = scan_files(table, [])
        else:
            first, last = self.span
            oldest = max(first, BEGINNING)
            oldest -= min(view.ttl, oldest - BEGINNING)
            since = GreaterThanOrEqual("event_ts", oldest.isoformat())
            within = And(since, LessThanOrEqual("event_ts", min(last, END).isoformat()))
            # Files lie in folders by time: in their order the rows of a key are in order too, which the join likes.
            rows = scan_files(table, sorted(planned_files(table, within, self.snapshot_ids[view.history])))
            rows = rows.filter(pl.col("event_ts").is_between(oldest, last), pl.col("known_ts") <= last)
        for name in view.key:
            values = self.asked[name].unique().drop_nulls()
            if len(values) <= FEW_KEYS:
                rows = rows.filter(pl.col(name).is_in(values.implode()))
        return History(view.name, view.key, features, view.ttl, rows)

    @cached_property
    def span(self) -> tuple[datetime, datetime] | None:
        """First and last time asked for, if there is any."""
        first, last = self.asked[AS_OF].min(), self.asked[AS_OF].max()
        return (first, last) if isinstance(first, datetime) and isinstance(last, datetime) else None

    def _table(self, view: FeatureView) -> Table:
        table = self.lake.tables.table(view.history)
        if table is None:
            raise LookupError(f"there is no table {view.history} yet: materialise {view.name} first")
        current = table.current_snapshot()
        snapshot_id = self.snapshots.get(view.history, current.snapshot_id if current else None)
        if snapshot_id is None or table.snapshot_by_id(snapshot_id) is None:
            kept = ", ".join(str(one.snapshot_id) for one in table.snapshots())
            raise LookupError(f"{view.history} has no snapshot {snapshot_id}; it keeps {kept or 'none'}")
        self.snapshot_ids[view.history] = snapshot_id
        return table
