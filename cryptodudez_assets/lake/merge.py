"""Merge new rows into a source's table: one row per key, the newest observation wins, whatever came first.

Winning is an order over rows (`newest_by`, then how far the file reaches in time, then file and row), so that any order of
landing ends in the same table.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from itertools import chain

import polars as pl
from pyiceberg.expressions import And, BooleanExpression, GreaterThanOrEqual, In, LessThan, LessThanOrEqual

from cryptodudez_assets.contracts.base import polars_schema
from cryptodudez_assets.lake.tables import Change, Lakehouse, TableSpec, all_of, any_of
from cryptodudez_assets.sources.declaration import Source

PLACE = ["file_id", "file_row"]
AS_OF = "as_of"


def table_spec(source: Source) -> TableSpec:
    """The table of a source."""
    return TableSpec(source.table, source.contract, (("event_ts", source.partition_by),), tuple(source.sort_by))


def observations_spec(source: Source) -> TableSpec | None:
    """The table that keeps every observation, for sources that want it."""
    if source.observations is None:
        return None
    return TableSpec(source.observations, source.contract, (("event_ts", source.partition_by),), tuple(source.sort_by))


@dataclass(frozen=True)
class Merged:
    """Which rows lost: of the new ones, and of those that were in the table (`displaced`), by file."""

    duplicates: dict[str, int]
    displaced: dict[str, int]
    snapshot_id: int | None


def merge(
    tables: Lakehouse,
    source: Source,
    parts: Callable[[], Iterable[pl.DataFrame]],
    note: Callable[[Merged], Mapping[str, str]],
    anew: Collection[str] = (),
    as_of: Callable[[Collection[str]], pl.DataFrame] | None = None,
) -> Merged:
    """Bring rows into the table in one commit. `parts` gives them anew at each call; `note` goes into the snapshot.

    `anew`: files that were read before; their rows in the table are replaced by what was read now.
    `as_of`: how far each of these files (`file_id`) reaches in time. Among rows that are equally new, the one from the file
    that reaches further wins.
    """
    order = [source.newest_by, *PLACE]
    narrow = list(dict.fromkeys([*source.key, *order, "event_ts"]))
    new = pl.concat([part.select(narrow) for part in parts()] or [pl.DataFrame(schema=_narrow_schema(source, narrow))])
    if not len(new) and not anew:
        return Merged({}, {}, None)
    with tables.changing(table_spec(source)) as change:
        outdated = (
            change.rows(In("file_id", list(anew))).filter(pl.col("file_id").is_in(list(anew))).select(narrow).collect()
        )
        old = _rivals(change, source, new, narrow).join(outdated, on=PLACE, how="anti")
        losers = _losers(pl.concat([old, new]), source.key, order, as_of)
        displaced, duplicates = old.join(losers, on=PLACE, how="semi"), new.join(losers, on=PLACE, how="semi")
        gone = pl.concat([displaced, outdated])
        rewritten = list(partitions(gone["event_ts"], source.partition_by))
        kept = [change.rows(within(span)).filter(is_within(span)) for span in rewritten]
        merged = Merged(_per_file(duplicates), _per_file(displaced), None)
        change.note(note(merged))
        if rewritten:
            change.delete(any_of(within(span) for span in rewritten))
        survivors = (rows.collect().join(gone, on=PLACE, how="anti") for rows in kept)
        fresh = (part.join(duplicates, on=PLACE, how="anti") for part in parts())
        for rows in chain(survivors, fresh):
            change.add(rows)
    return Merged(merged.duplicates, merged.displaced, change.snapshot_id)


def _narrow_schema(source: Source, narrow: list[str]) -> dict[str, pl.DataType]:
    schema = polars_schema(source.contract)
    return {name: schema[name] for name in narrow}


def _rivals(change: Change, source: Source, new: pl.DataFrame, narrow: list[str]) -> pl.DataFrame:
    """Rows of the table with a key that is among the new ones.

    They are looked for by the range of each key column, so that rows of one key meet even where observations of it differ
    in `event_ts` and lie in different partitions.
    """
    if not len(new):
        return new
    ranges = [_range(name, new[name]) for name in source.key]
    keys = new.select(source.key).unique().lazy()
    return change.rows(all_of(ranges)).select(narrow).join(keys, on=list(source.key), how="semi").collect()


def _range(name: str, values: pl.Series) -> BooleanExpression:
    low, high = (value.isoformat() if isinstance(value, date) else value for value in (values.min(), values.max()))
    return And(GreaterThanOrEqual(name, low), LessThanOrEqual(name, high))


def _losers(
    rows: pl.DataFrame,
    key: Iterable[str],
    order: list[str],
    as_of: Callable[[Collection[str]], pl.DataFrame] | None,
) -> pl.DataFrame:
    contested = rows.filter(pl.struct(key).is_duplicated())
    if as_of and len(contested):
        newest_by, *place = order
        ages = as_of(contested["file_id"].unique().to_list()).select("file_id", AS_OF)
        contested, order = contested.join(ages, on="file_id", how="left"), [newest_by, AS_OF, *place]
    winners = contested.sort(order).unique(subset=list(key), keep="last", maintain_order=True)
    return contested.join(winners, on=PLACE, how="anti").select(rows.columns)


def _per_file(rows: pl.DataFrame) -> dict[str, int]:
    return dict(rows["file_id"].value_counts().iter_rows())


Span = tuple[datetime, datetime]


def partitions(times: pl.Series, unit: str) -> Iterator[Span]:
    """The partitions that rows with these times fall into, as `[start, end)`."""
    every = {"year": "1y", "month": "1mo", "day": "1d"}[unit]
    starts = times.dt.truncate(every).unique().sort()
    yield from zip(starts, starts.dt.offset_by(every), strict=True)


def within(span: Span) -> BooleanExpression:
    """The partition, to choose files by."""
    start, end = span
    return And(GreaterThanOrEqual("event_ts", start.isoformat()), LessThan("event_ts", end.isoformat()))


def is_within(span: Span) -> pl.Expr:
    """The partition, to choose rows by."""
    start, end = span
    return pl.col("event_ts").is_between(pl.lit(start), pl.lit(end), closed="left")
