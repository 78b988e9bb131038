"""What of a derived table is computed at a time, so that it fits into memory and can be handed out. Computes no rows of it.

A table is divided by what its declaration says a change reaches: by days, where rows look back only so long or add up; by ranges of
its key, where they depend on their key's rows; by keys, and within a large one by days, where rows are counted back.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise

import polars as pl

from cryptodudez_assets.derived.declaration import Derived
from cryptodudez_assets.derived.upkeep import stretches
from cryptodudez_assets.derived.upkeep.key_ranges import (
    KeyRange,
    dividing_columns,
    key_ranges,
    parts_by_keys,
    parts_by_rows,
)
from cryptodudez_assets.derived.upkeep.portions import NEAR
from cryptodudez_assets.derived.upkeep.reach import DAY, EARLIEST, AffectedRange
from cryptodudez_assets.derived.upkeep.stretches import EPOCH, cuts, stretches_of
from cryptodudez_assets.lake.iceberg.scan import TableAt

# Of tables that look so many rows back, keys with about so many rows are computed at a time.
PORTION_ROWS = 50_000


@dataclass(frozen=True)
class Division:
    """How a table is computed.

    `chains`: what is computed at a time (None: everything); those of a chain one after the other, since they may add up on each other.
    `replaced`: whose rows go (None: all).
    """

    chains: Sequence[Sequence[AffectedRange | None]]
    replaced: Sequence[AffectedRange] | None


def divide(
    inputs: Mapping[str, TableAt],
    table: Derived,
    changes: pl.DataFrame | None,
    reaches: Sequence[AffectedRange] | None,
) -> Division:
    """What is computed at a time of what a change reaches (None: everything), so that it fits into memory however much there is."""
    if table.counts_back is not None:
        return _by_rows_of_keys(inputs, table, changes, reaches)
    whole: Sequence[AffectedRange | None] = [None] if reaches is None else reaches
    return Division([chain for reach in whole for chain in _chains(inputs, table, reach)], reaches)


def told_of_division(table: Derived) -> str:
    """By what a table can be computed in parts, in words."""
    columns = ", ".join(dividing_columns(table))
    if table.counts_back is not None:
        return f"by {', '.join(table.key)}, and large ones by days"
    if table.is_cut_by_time:
        return f"by days, and {columns} where days are large" if columns else "by days"
    return f"by {columns}" if columns else "not divided: no column of its key is in all that it reads"


def _chains(
    inputs: Mapping[str, TableAt], table: Derived, reach: AffectedRange | None
) -> list[list[AffectedRange | None]]:
    n_keys = None if reach is None or reach.keys is None else len(reach.keys)
    if not table.is_cut_by_time:
        parts = key_ranges(inputs, table, parts_by_rows(inputs, table, n_keys, stretches.STRETCH_ROWS))
        return [_each_within([reach], part) for part in parts]
    in_days = stretches_of(inputs, table, reach)
    if not table.accumulates:
        # What little is late is no large day.
        many = 1 if reach else parts_by_rows(inputs, table, None, len(in_days) * stretches.STRETCH_ROWS)
        parts = key_ranges(inputs, table, many)
        return [[one] for part in parts for one in _each_within(in_days, part)]
    if len(in_days) == 1:
        return [list(in_days)]
    parts = key_ranges(inputs, table, parts_by_keys(inputs, table, n_keys, stretches.STRETCH_ROWS))
    if len(parts) > 1:  # of each a stretch has as many rows less
        in_days = stretches_of(inputs, table, reach, len(parts) * stretches.STRETCH_ROWS)
    return [_each_within(in_days, part) for part in parts]


def _each_within(reaches: Sequence[AffectedRange | None], part: KeyRange | None) -> list[AffectedRange | None]:
    if part is None:
        return list(reaches)
    whole = [one or AffectedRange(None, None, None) for one in reaches]
    keys = whole[0].keys  # all have the same, as one object, by which those that follow each other are told
    if keys is not None and set(part.columns) <= set(keys.columns):
        keys = part.of(keys.lazy()).collect()
    return [replace(one, keys=keys, part=part) for one in whole]


def _by_rows_of_keys(
    inputs: Mapping[str, TableAt],
    table: Derived,
    changes: pl.DataFrame | None,
    reaches: Sequence[AffectedRange] | None,
) -> Division:
    """Of a table whose rows look so many rows back: keys with about so many rows, and of a key with very many so many days."""
    start = EARLIEST if reaches is None else reaches[0].start or EARLIEST
    sizes = _rows_per_key(inputs, table, start if start == EARLIEST else start - NEAR)
    if changes is None:
        firsts = sizes.select(table.key).with_columns(event_ts=pl.lit(EARLIEST))
    else:
        firsts = changes.select(*table.key, event_ts=pl.col("first").fill_null(EARLIEST))
    # Those that begin together are computed together, and neighbours, since they lie in the same files.
    sized = firsts.join(sizes, on=table.key, how="left", nulls_equal=True).sort("event_ts", *table.key)
    n_rows = pl.col("len").fill_null(0)
    is_large = n_rows > stretches.STRETCH_ROWS
    numbered = sized.filter(~is_large).with_columns(((n_rows.cum_sum() - n_rows) // PORTION_ROWS).alias(" part"))
    small = [_reach(part, table) for part in numbered.partition_by(" part", maintain_order=True)]
    large = [_reach(key, table) for key in sized.filter(is_large).iter_slices(1)]
    chains: list[list[AffectedRange | None]] = [[reach] for reach in small]
    chains += [[stretch] for reach in large for stretch in _days_of_key(inputs, table, reach)]
    return Division(chains, None if reaches is None else [*small, *large])


def _reach(keys: pl.DataFrame, table: Derived) -> AffectedRange:
    """These keys, from where the first of them begins."""
    return AffectedRange(keys.select(table.key), keys["event_ts"][0], None)


def _days_of_key(inputs: Mapping[str, TableAt], table: Derived, reach: AffectedRange) -> list[AffectedRange]:
    """The rows of a key in stretches of whole days. Each looks back at the rows before it by itself."""
    days: list[tuple[int, int, int]] = []
    for one in (one for one in table.inputs if one.table in inputs):
        rows = reach.of(inputs[one.table].scan(reach.values), one.time).select(day=pl.col(one.time).dt.date())
        counted = rows.group_by("day").len().collect()
        days += [(n_rows, (day - EPOCH.date()).days, (day - EPOCH.date()).days) for day, n_rows in counted.iter_rows()]
    bounds = [reach.start, *(EPOCH + DAY * day for day in cuts(days, None, None)), None]
    return [AffectedRange(reach.keys, since, until) for since, until in pairwise(bounds)]


def _rows_per_key(inputs: Mapping[str, TableAt], table: Derived, since: datetime) -> pl.DataFrame:
    counts = []
    for one in (one for one in table.inputs if one.table in inputs):
        rows_of = inputs[one.table]
        for paths in ([], *([path] for path in rows_of.paths)):  # one at a time
            rows = rows_of.scan_files(paths).filter(pl.col(one.time) >= pl.lit(since))
            counts.append(rows.group_by(table.key).len().collect())
    return pl.concat(counts).group_by(table.key).agg(pl.col("len").sum())
