"""Merge new rows into a source's table: one row per key, the newest observation wins, whatever came first.

Winning is an order over rows: by the source's columns if it names some, then by the standing of their files (`standing.py`),
then by file and row. So what is read in one batch and what in the next makes no difference.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import polars as pl
from pyiceberg.expressions import AlwaysFalse, BooleanExpression, In

from cryptodudez_assets.lake.iceberg.change import TableTransaction
from cryptodudez_assets.lake.iceberg.scan import PATH, all_of, within_range_of
from cryptodudez_assets.lake.iceberg.spec import TableSpec
from cryptodudez_assets.lake.iceberg.tables import IcebergTables
from cryptodudez_assets.lake.iceberg.writing import Target, Writer, WrittenFiles
from cryptodudez_assets.sources.declaration import ByFile, Source

PLACE = ["file_id", "file_row"]
HASH = " hash"  # no column's name begins with a blank
# As properties of a table: what its rows were made by (`upgrade.py`).
NEWEST_BY, KNOWN_SINCE, LANDED = "cryptodudez.newest-by", "cryptodudez.known-since", "landing"
TOLD = " told"  # a hash of the values that a row tells of its key


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


Complete = Callable[[pl.DataFrame], pl.DataFrame]
Standing = Callable[[Collection[str]], pl.DataFrame]


@contextmanager
def merging(tables: IcebergTables, source: Source) -> Iterator["Merging"]:
    """Bring rows into a source's table, in one commit when this ends well."""
    with ExitStack() as stack:
        yield Merging(source, lambda: stack.enter_context(tables.changing(table_spec(source))))


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
            self._hashes.append(rows.select(_hash(self._key)).to_series())
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

    def __init__(self, source: Source, begin: Callable[[], TableTransaction]) -> None:
        self._source, self._begin = source, begin
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
    ) -> Merged:
        """Find out which rows stay, one for each key; `note` goes into the snapshot.

        `anew`: files that were read before; their rows in the table are replaced by what was read now.
        `standing`: for each of these files (`file_id`), columns by which they are sorted by age.
        `complete`: what is still to be done to new rows, such as to leave some out.
        """
        if self._begun is None and not anew:
            return Merged({}, {})
        change, source = self._change, self._source
        if change.snapshot_id is None:
            change.remember(made_by(source))
        keys = _Keys(source, pl.concat(self._hashes).sort(), pl.concat(self._ranges, how="diagonal"))
        outdated = _outdated(change, anew).select(*PLACE, PATH).collect()
        old = keys.rivals(change).join(outdated, on=PLACE, how="anti")
        new = keys.contested(old, self.rows, complete or (lambda rows: rows))
        losers = _losers(pl.concat([old.drop(PATH), new]), source, standing)
        displaced, duplicates = old.join(losers, on=PLACE, how="semi"), new.join(losers, on=PLACE, how="semi")
        merged = Merged(_per_file(duplicates), _per_file(displaced), _per_file(losers.filter("restated")))
        change.note(note(merged))
        if complete or len(duplicates):
            change.revise(lambda rows: _without(complete(rows) if complete else rows, duplicates))
        gone = pl.concat([displaced.select(*PLACE, PATH), outdated])
        change.rewrite(set(gone[PATH]), lambda rows: _without(rows, gone))
        return merged


@dataclass(frozen=True)
class _Keys:
    """The keys of new rows: a hash of each, sorted, and the range of each column. Where hashes agree, keys are compared.

    Of rows with a rival, what decides is kept, and of the values that they tell a hash.
    """

    source: Source
    hashes: pl.Series
    ranges: pl.DataFrame

    @property
    def key(self) -> Sequence[str]:
        return self.source.key

    @property
    def narrow(self) -> list[str]:
        """The columns that decide."""
        return list(dict.fromkeys([*self.key, *self.source.newest_columns, *PLACE]))

    @property
    def columns(self) -> list[str]:
        """Those, and the values."""
        return list(dict.fromkeys([*self.narrow, *self.source.values]))

    def rivals(self, change: TableTransaction) -> pl.DataFrame:
        """Rows of the table with a key that is among the new ones.

        They are looked for by the range of each key column, so that rows of one key meet even where observations of it
        differ in `event_ts` and lie in different partitions.
        """
        found = [self._narrowed(change.rows_with_path(AlwaysFalse()).select(*self.columns, PATH).collect(), PATH)]
        for path in change.paths(self._may_match()) if len(self.hashes) else ():  # one file in memory at a time
            rows = change.rows_of(path).filter(self._in_range())
            known = self._among(rows.select(_hash(self.key)).collect().to_series())
            if known.any():
                found.append(self._narrowed(rows.select(*self.columns, PATH).collect().filter(known), PATH))
        return pl.concat(found)

    def contested(
        self,
        old: pl.DataFrame,
        parts: Callable[[], Iterable[pl.DataFrame]],
        complete: Complete,
    ) -> pl.DataFrame:
        """New rows whose key is that of another row, new or old."""
        twice = self.hashes.filter(self.hashes == self.hashes.shift())
        wanted = pl.concat([twice, old.select(_hash(self.key)).to_series()])
        chosen = (part.filter(_hash(self.key).is_in(wanted.implode())) for part in parts()) if len(wanted) else ()
        return pl.concat([old.clear().drop(PATH), *(self._narrowed(complete(rows)) for rows in chosen)])

    def _narrowed(self, rows: pl.DataFrame, *more: str) -> pl.DataFrame:
        told = pl.struct(self.source.values).hash() if self.source.values else pl.lit(0, pl.UInt64)
        return rows.select(*self.narrow, told.alias(TOLD), *more)

    def _among(self, hashes: pl.Series) -> pl.Series:
        at = self.hashes.search_sorted(hashes, "left").clip(upper_bound=len(self.hashes) - 1)
        return self.hashes.gather(at) == hashes

    def _may_match(self) -> BooleanExpression:
        return all_of(within_range_of(self.ranges[name]) for name in self.key)

    def _in_range(self) -> pl.Expr:
        first = self.ranges[self.key[0]]
        return pl.col(self.key[0]).is_between(pl.lit(first.min()), pl.lit(first.max()))


def _hash(key: Sequence[str]) -> pl.Expr:
    return pl.struct(key).hash().alias(HASH)


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
