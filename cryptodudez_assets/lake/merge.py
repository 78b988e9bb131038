"""Merge new rows into a source's table: one row per key, the newest observation wins, whatever came first.

Winning is an order over rows (`newest_by`, then file and row), so that any order of landing ends in the same table.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import chain

import polars as pl
from pyiceberg.expressions import And, BooleanExpression, GreaterThanOrEqual, LessThan

from cryptodudez_assets.lake.tables import Change, Lakehouse, TableSpec
from cryptodudez_assets.sources.declaration import Source

# From this many files on, a partition that is written to anyway is rewritten as one: small landings stay fast to read.
MAX_FILES = 12

# How much is written at a time: large enough for files of a useful size, small enough for a laptop.
WRITE_BYTES = 256 << 20

PLACE = ["file_id", "file_row"]


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
    tables: Lakehouse, source: Source, parts: Callable[[], Iterable[pl.DataFrame]], note: Callable[[Merged], Mapping[str, str]]
) -> Merged:
    """Bring rows into the table in one commit. `parts` gives them anew at each call; `note` goes into the snapshot.

    Rows that are in the table already (a step done again) change nothing.
    """
    order = [source.newest_by, *PLACE]
    narrow = list(dict.fromkeys([*source.key, *order, "event_ts"]))
    new = pl.concat([part.select(narrow) for part in parts()] or [pl.DataFrame(schema={})])
    if not len(new):
        return Merged({}, {}, None)
    with tables.changing(table_spec(source)) as change:
        touched = list(_partitions(new["event_ts"], source.partition_by))
        old = pl.concat([change.rows(_within(span)).filter(_is_within(span)).select(narrow) for span in touched]).collect()
        repeated = new.join(old, on=PLACE, how="semi")
        losers = _losers(pl.concat([old, new.join(repeated, on=PLACE, how="anti")]), source.key, order)
        displaced, duplicates = old.join(losers, on=PLACE, how="semi"), new.join(losers, on=PLACE, how="semi")
        unwanted = pl.concat([losers.select(PLACE), repeated.select(PLACE)])
        rewritten = [span for span in touched if _fragmented(change, span) or displaced.filter(_is_within(span)).height]
        kept = [change.rows(_within(span)).filter(_is_within(span)) for span in rewritten]
        merged = Merged(_per_file(duplicates), _per_file(displaced), None)
        change.note(note(merged))
        for span in rewritten:
            change.delete(_within(span))
        survivors = (old_rows.collect().join(losers, on=PLACE, how="anti") for old_rows in kept)
        fresh = (part.join(unwanted, on=PLACE, how="anti") for part in parts())
        for rows in _coalesced(chain(survivors, fresh)):
            change.add(rows)
    return Merged(merged.duplicates, merged.displaced, change.snapshot_id)


def _coalesced(frames: Iterable[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """The same rows in fewer, larger frames: each becomes a file per partition."""
    held: list[pl.DataFrame] = []
    for frame in frames:
        held.append(frame)
        if sum(part.estimated_size() for part in held) >= WRITE_BYTES:
            yield pl.concat(held)
            held = []
    if held:
        yield pl.concat(held)


def _losers(rows: pl.DataFrame, key: Iterable[str], order: list[str]) -> pl.DataFrame:
    contested = rows.filter(pl.struct(key).is_duplicated())
    winners = contested.sort(order).unique(subset=list(key), keep="last", maintain_order=True)
    return contested.join(winners, on=PLACE, how="anti")


def _per_file(rows: pl.DataFrame) -> dict[str, int]:
    return dict(rows["file_id"].value_counts().iter_rows())


Span = tuple[datetime, datetime]


def _partitions(times: pl.Series, unit: str) -> Iterator[Span]:
    """The partitions that rows with these times fall into, as `[start, end)`."""
    every = {"year": "1y", "month": "1mo", "day": "1d"}[unit]
    starts = times.dt.truncate(every).unique().sort()
    yield from zip(starts, starts.dt.offset_by(every), strict=True)


def _within(span: Span) -> BooleanExpression:
    start, end = span
    return And(GreaterThanOrEqual("event_ts", start.isoformat()), LessThan("event_ts", end.isoformat()))


def _is_within(span: Span) -> pl.Expr:
    return pl.col("event_ts").is_between(*map(pl.lit, span), closed="left")


def _fragmented(change: Change, span: Span) -> bool:
    return change.file_count(_within(span)) >= MAX_FILES
