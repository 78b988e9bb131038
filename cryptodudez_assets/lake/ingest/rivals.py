"""Which rows of a table have a key that new rows have, too. Looking for them are tasks; which of them wins is decided in `merge.py`."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import polars as pl
from pyiceberg.expressions import AlwaysFalse, BooleanExpression

from cryptodudez_assets.engines import Say
from cryptodudez_assets.lake.iceberg.scan import PATH, Files, all_of, within_range_of
from cryptodudez_assets.sources.declaration import Source

PLACE = ["file_id", "file_row"]
HASH = " hash"  # no column's name begins with a blank
SLICE_KEYS = 8_000_000
"""Of so many new keys, at most, a task is told: 64 MB. It travels with the task, and Spark by default sends none of more than 128 MiB."""
TOLD = " told"  # a hash of the values that a row tells of its key
Complete = Callable[[pl.DataFrame], pl.DataFrame]


@dataclass(frozen=True)
class NewKeys:
    """The keys of new rows: a hash of each, sorted, and the range of each column. Where hashes agree, keys are compared.

    Of rows with a rival, what decides is kept, and of the values that they tell a hash.
    """

    source: Source
    hashes: pl.Series
    ranges: pl.DataFrame

    @property
    def key(self) -> Sequence[str]:
        """The columns of the key."""
        return self.source.key

    @property
    def narrow(self) -> list[str]:
        """The columns that decide."""
        return list(dict.fromkeys([*self.key, *self.source.newest_columns, *PLACE]))

    @property
    def columns(self) -> list[str]:
        """Those, and the values."""
        return list(dict.fromkeys([*self.narrow, *self.source.values]))

    def rivals(self, files: Files) -> pl.DataFrame:
        """Rows of these data files with a key that is among the new ones, and in `PATH` where each lies."""
        found = [self.none(files)]
        for path in files.paths if len(self.hashes) else ():  # one file in memory at a time
            rows = files.scan_files([path], with_path=True).filter(self._in_range())
            known = self._among(rows.select(hash_of(self.key)).collect().to_series())
            if known.any():
                found.append(self.narrowed(rows.select(*self.columns, PATH).collect().filter(known), PATH))
        return pl.concat(found)

    def slices(self) -> list["NewKeys"]:
        """These keys, each once, divided by their hashes, so that tasks can be told of some of them: what one finds, no other does."""
        once = self.hashes.filter(self.hashes.ne_missing(self.hashes.shift()))
        return [replace(self, hashes=once[at : at + SLICE_KEYS]) for at in range(0, len(once), SLICE_KEYS)]

    def none(self, files: Files) -> pl.DataFrame:
        """The same without rows."""
        return self.narrowed(files.scan_files([], with_path=True).select(*self.columns, PATH).collect(), PATH)

    def may_match(self) -> BooleanExpression:
        """By which files can be told apart that hold no key of these: by the range of each key column.

        So rows of one key meet even where observations of it differ in `event_ts` and lie in different partitions.
        """
        return all_of(within_range_of(self.ranges[name]) for name in self.key) if len(self.hashes) else AlwaysFalse()

    def contested(
        self,
        old: pl.DataFrame,
        parts: Callable[[], Iterable[pl.DataFrame]],
        complete: Complete,
    ) -> pl.DataFrame:
        """New rows whose key is that of another row, new or old."""
        twice = self.hashes.filter(self.hashes == self.hashes.shift())
        wanted = pl.concat([twice, old.select(hash_of(self.key)).to_series()])
        chosen = (part.filter(hash_of(self.key).is_in(wanted.implode())) for part in parts()) if len(wanted) else ()
        return pl.concat([old.clear().drop(PATH), *(self.narrowed(complete(rows)) for rows in chosen)])

    def narrowed(self, rows: pl.DataFrame, *more: str) -> pl.DataFrame:
        """What decides of these rows."""
        told = pl.struct(self.source.values).hash() if self.source.values else pl.lit(0, pl.UInt64)
        return rows.select(*self.narrow, told.alias(TOLD), *more)

    def _among(self, hashes: pl.Series) -> pl.Series:
        at = self.hashes.search_sorted(hashes, "left").clip(upper_bound=len(self.hashes) - 1)
        return self.hashes.gather(at) == hashes

    def _in_range(self) -> pl.Expr:
        first = self.ranges[self.key[0]]
        return pl.col(self.key[0]).is_between(pl.lit(first.min()), pl.lit(first.max()))


@dataclass(frozen=True)
class RivalsTask:
    """Data files of a table in which keys of new rows are looked for."""

    keys: NewKeys
    files: Files


def find_rivals(task: RivalsTask, _say: Say) -> pl.DataFrame:
    """The rows of a task's files with such a key: what decides of them, and their `PATH`."""
    return task.keys.rivals(task.files)


def hash_of(key: Sequence[str]) -> pl.Expr:
    """A hash of a key."""
    return pl.struct(key).hash().alias(HASH)
