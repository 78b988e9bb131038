"""Merge new rows into a source's table: one row per key, the newest observation wins, whatever came first.

Winning is an order over rows: by the source's columns if it names some, then by the standing of their files (`standing.py`),
then by file and row. So what is read in one batch and what in the next makes no difference.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from math import ceil

import polars as pl
from pyiceberg.expressions import In

from cryptodudez_assets.engines import Engine, Say
from cryptodudez_assets.lake.iceberg.change import TableTransaction
from cryptodudez_assets.lake.iceberg.scan import PATH
from cryptodudez_assets.lake.iceberg.spec import TableSpec
from cryptodudez_assets.lake.iceberg.tables import IcebergTables
from cryptodudez_assets.lake.iceberg.writing import Target, Writer, WrittenFiles
from cryptodudez_assets.lake.ingest.rivals import (
    HASH,
    PLACE,
    TOLD,
    Complete,
    NewKeys,
    RivalsTask,
    find_rivals,
    hash_of,
)
from cryptodudez_assets.sources.declaration import ByFile, Source

# As properties of a table: what its rows were made by (`upgrade.py`).
NEWEST_BY, KNOWN_SINCE, LANDED = "cryptodudez.newest-by", "cryptodudez.known-since", "landing"


def table_spec(source: Source) -> TableSpec:
    """The table of a source."""
    return _spec(source, source.table)


def observations_spec(source: Source) -> TableSpec | None:
    """The table that keeps every observation, for sources that want it."""
    return _spec(source, source.observations) if source.observations else None


def made_by(source: Source) -> dict[str, str]:
    """What a table remembers of how its rows came about."""
    return {NEWEST_BY: rule_of(source), KNOWN_SINCE: LANDED}


def rule_of(source: Source) -> str:
    """How it is told which observation is newer, as text."""
    if isinstance(source.newest_by, ByFile):
        return source.newest_by.name.lower()
    return f"column {', '.join(source.newest_columns)}"


def _spec(source: Source, name: str) -> TableSpec:
    parts = [("event_ts", source.partition_by)] if source.partition_by else []
    return TableSpec(name, source.contract, tuple(parts), tuple(source.sort_by))


@dataclass(frozen=True)
class Merged:
    """Which rows lost: of the new ones, and of those that were in the table (`displaced`), by file.

    `restated`: how many of both told other values than the row that they gave way to.
    """

    duplicates: dict[str, int]
    displaced: dict[str, int]
    restated: dict[str, int] = field(default_factory=dict)


Standing = Callable[[Collection[str]], pl.DataFrame]


@contextmanager
def merging(tables: IcebergTables, source: Source, engine: Engine, say: Say = lambda _: None) -> Iterator["Merging"]:
    """Bring rows into a source's table, in one commit when this ends well. What reads or writes the table's files is up to an engine."""
    with ExitStack() as stack:
        yield Merging(source, lambda: stack.enter_context(tables.changing(table_spec(source))), engine, say)


@dataclass(frozen=True)
class NewRows:
    """Rows that were written for a source's table, and what is to be known of their keys: a hash of each, and their ranges."""

    files: WrittenFiles
    hashes: pl.Series
    ranges: pl.DataFrame


class NewRowsWriter:
    """Writes new rows of a source as they come. Asks nothing of the table but where to write."""

    def __init__(self, source: Source, target: Target) -> None:
        self._key, self._writer = source.key, Writer(target)
        self._hashes: list[pl.Series] = [pl.Series(HASH, [], pl.UInt64)]
        self._ranges = [pl.DataFrame()]

    def add(self, rows: pl.DataFrame) -> None:
        """Add rows of the source's contract."""
        if len(rows):
            key = pl.col(self._key)
            self._hashes.append(rows.select(hash_of(self._key)).to_series())
            self._ranges += [rows.select(key.min()), rows.select(key.max())]
            self._writer.add(rows)

    def close(self) -> NewRows:
        """All rows that were added."""
        return NewRows(self._writer.close(), pl.concat(self._hashes), pl.concat(self._ranges, how="diagonal"))

    def abandon(self) -> None:
        """Let go of them."""
        self._writer.abandon()


class Merging:
    """New rows on their way into the table, where they lie already: they are written again only where some do not stay."""

    def __init__(self, source: Source, begin: Callable[[], TableTransaction], engine: Engine, say: Say) -> None:
        self._source, self._begin, self._engine, self._say = source, begin, engine, say
        self._hashes: list[pl.Series] = [pl.Series(HASH, [], pl.UInt64)]
        self._ranges = [pl.DataFrame()]
        self._begun: TableTransaction | None = None

    @property
    def _change(self) -> TableTransaction:
        if self._begun is None:
            self._begun = self._begin()  # not before there is something to write, for it makes the table
        return self._begun

    def adopt(self, new: NewRows) -> None:
        """Take over rows that were written."""
        if new.files.files:
            self._hashes.append(new.hashes)
            self._ranges.append(new.ranges)
            self._change.adopt(new.files)

    def rows(self) -> Iterator[pl.DataFrame]:
        """All rows that were taken over."""
        return self._begun.added() if self._begun else iter(())

    def finish(
        self,
        note: Callable[[Merged], Mapping[str, str]],
        anew: Collection[str] = (),
        standing: Standing | None = None,
        complete: Complete | None = None,
        remembered: Mapping[str, str] | None = None,
    ) -> Merged:
        """Find out which rows stay, one for each key; `note` goes into the snapshot.

        `anew`: files that were read before; their rows in the table are replaced by what was read now.
        `standing`: for each of these files (`file_id`), columns by which they are sorted by age.
        `complete`: what is still to be done to new rows, such as to leave some out.
        `remembered`: properties that the table has from then on.
        """
        if self._begun is None and not anew:
            return Merged({}, {})
        change, source = self._change, self._source
        if change.snapshot_id is None:
            change.remember(made_by(source))
        change.remember(remembered or {})
        keys = NewKeys(source, pl.concat(self._hashes).sort(), pl.concat(self._ranges, how="diagonal"))
        outdated = _outdated(change, anew).select(*PLACE, PATH).collect() if anew else None
        old = self._rivals(keys)
        if outdated is not None:
            old = old.join(outdated, on=PLACE, how="anti")
        new = keys.contested(old, self.rows, complete or (lambda rows: rows))
        losers = _losers(pl.concat([old.drop(PATH), new]), source, standing)
        displaced, duplicates = old.join(losers, on=PLACE, how="semi"), new.join(losers, on=PLACE, how="semi")
        merged = Merged(_per_file(duplicates), _per_file(displaced), _per_file(losers.filter("restated")))
        change.note(note(merged))
        if complete or len(duplicates):
            change.revise(lambda rows: _without(complete(rows) if complete else rows, duplicates))
        gone = (
            displaced.select(*PLACE, PATH)
            if outdated is None
            else pl.concat([displaced.select(*PLACE, PATH), outdated])
        )
        change.leave_out(gone, PLACE, self._engine, self._say)
        return merged

    def _rivals(self, keys: NewKeys) -> pl.DataFrame:
        files = self._change.files(keys.may_match())
        slices = keys.slices()
        parts = list(files.split(ceil(self._engine.parallel / max(1, len(slices)))))
        tasks = [RivalsTask(some, part) for some in slices for part in parts]
        return pl.concat([keys.none(files), *self._engine.run(find_rivals, tasks, self._say)])


def _outdated(change: TableTransaction, file_ids: Collection[str]) -> pl.LazyFrame:
    ids = list(file_ids)
    return change.rows_with_path(In("file_id", ids)).filter(pl.col("file_id").is_in(ids))


def _without(rows: pl.DataFrame, others: pl.DataFrame) -> pl.DataFrame:
    return rows.join(others, on=PLACE, how="anti", maintain_order="left") if len(others) else rows


def _losers(rows: pl.DataFrame, source: Source, standing: Standing | None) -> pl.DataFrame:
    contested = rows.filter(pl.struct(source.key).is_duplicated())
    order = source.newest_columns
    if standing and len(contested):
        ages = standing(contested["file_id"].unique().to_list())
        contested = contested.join(ages, on="file_id", how="left")
        order = [*order, *ages.columns[1:]]
    winners = contested.sort(*order, *PLACE).unique(subset=source.key, keep="last", maintain_order=True)
    told = winners.select(*source.key, pl.col(TOLD).alias(" winner's"))
    losers = contested.join(winners, on=PLACE, how="anti").join(told, on=source.key, how="left", nulls_equal=True)
    return losers.select(*rows.columns, restated=pl.col(TOLD) != pl.col(" winner's"))


def _per_file(rows: pl.DataFrame) -> dict[str, int]:
    return dict(rows["file_id"].value_counts().iter_rows())
