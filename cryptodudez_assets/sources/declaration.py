"""What a source declares. One file in this folder holds one `SOURCE = Source(…)`; everything else is made from it.

Data only: no input or output, no Dagster.
"""

import inspect
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from functools import cached_property
from typing import Literal

import polars as pl

from cryptodudez_assets import contracts
from cryptodudez_assets.code_hash import hash_of_code
from cryptodudez_assets.contracts.base import EXACT, TableContract, of_the_observer, polars_schema
from cryptodudez_assets.contracts.expressions import looks_around, told_by

# As which types raw text is read (a date as 2020-12-31, nothing else); the expressions in `canonical` make the rest of them.
# `pl.Decimal` is `EXACT`: numbers of which no digit may change.
RAW_TYPES = (pl.String, pl.Int64, pl.Float64, pl.Decimal, pl.Date)
# What a layout may say of its files' format: `lake/formats/registry.py` reads them.
FORMATS = ("csv", "jsonl", "json", "parquet")
PATH_IN_DOCUMENT = re.compile(r"\$(\.[^.\s]+)*")
# When the file landed (was found by the lake), as a raw column, for data that say nothing themselves of their time.
CATALOGUED = " catalogued"


class ByFile(Enum):
    """How files, rather than a column of their rows, tell which observation is newer. No text, so that no column is meant."""

    REACH = 1
    LANDING = 2


BY_REACH, BY_LANDING = ByFile.REACH, ByFile.LANDING


@dataclass(frozen=True)
class Layout:
    """One shape in which a source's raw files come, recognised by the names in the header.

    `columns`: the raw columns that are read, with their types; a file that lacks one of them is not of this layout.
    `canonical`: per column of the contract, the expression over the raw columns that gives it. `known_ts` may be left out
    where the data do not tell: what a file says is then known since it landed, which is never too early. An expression that
    looks at more than its own row (it infers a format from the first value, sums, sorts) sees the rows of its file and no
    others; the file must then fit into memory.
    `ignored`: further raw columns that the layout is known to have. Any other column is *added*: it is noted in
    `catalog.schemas`, and where the contract has a text column `extra`, its values are kept there as JSON.
    `names`: the names of all columns in their order, for files that have no header, and for records that are lists (candles of
    an exchange, in JSON). A file is then known by its first record: as many fields, each as its column is read, and among them
    a number or a date. Files with a header are read as others are.
    `optional`: columns that a file, or a record of it, may lack; they are null there.
    `format`: the format of its files, where the names of their columns or fields do not tell what is meant: by default any.
    `rows`: where in a JSON document the rows are, as `$.data`; by default it is a list of rows itself, `$`. What the document
    says beside them is read as columns whose names are paths from its root, such as `$.meta.symbol`.
    Names of fields in fields are paths, such as `user.followers_count`. What is read as text keeps its digits as they are written.
    `path`: a regular expression that the end of a file's path matches. Its named groups are raw text columns, and part of
    what makes a file: the same bytes under a path that says something else are another file.
    """

    name: str
    columns: Mapping[str, type[pl.DataType]]
    canonical: Mapping[str, pl.Expr]
    ignored: Sequence[str] = ()
    path: str = ""
    names: Sequence[str] = ()
    optional: Collection[str] = ()
    format: str = ""
    rows: str = ""

    def __post_init__(self) -> None:
        if both := set(re.compile(self.path).groupindex) & set(self.columns):
            raise ValueError(f"layout {self.name}: {sorted(both)} come from the path and from the header")
        if self.names and (
            unnamed := set(self.columns) - {*self.names, *self.told_beside_rows}
            or len(self.names) > len(set(self.names))
        ):
            told = "a name is there twice" if unnamed is True else f"{sorted(unnamed)} are not among them"
            raise ValueError(f"layout {self.name}: `names` are those of all columns in the file, and {told}")
        if self.format not in ("", *FORMATS):
            raise ValueError(
                f"layout {self.name}: format={self.format!r}, expected one of {', '.join(FORMATS)}, or none"
            )
        if (self.rows or self.told_beside_rows) and self.format not in ("", "json"):
            raise ValueError(
                f"layout {self.name}: `rows`, and columns such as `$.name`, are of JSON documents, not {self.format}"
            )
        if self.rows and not PATH_IN_DOCUMENT.fullmatch(self.rows):
            raise ValueError(f"layout {self.name}: rows={self.rows!r}, expected a path such as $ or $.data.items")
        if unknown := set(self.optional) - set(self.columns):
            raise ValueError(f"layout {self.name}: `optional` names columns that it does not read: {sorted(unknown)}")
        if wrong := {name for name, dtype in self.columns.items() if dtype not in RAW_TYPES}:
            allowed = ", ".join(dtype.__name__ for dtype in RAW_TYPES)
            raise ValueError(f"layout {self.name}: raw columns are read as {allowed}, not so {sorted(wrong)}")

    @property
    def shape(self) -> str:
        """What is declared of the files' form beyond the names in them; nothing where the names say all."""
        told = [*sorted(self.optional), self.format, self.rows]
        return "\0".join(["", "", *told]) if any(told) else ""

    @cached_property
    def told_beside_rows(self) -> list[str]:
        """Columns that a JSON document tells beside its rows, by their paths from the root."""
        return [name for name in self.columns if name.startswith("$.")]

    @property
    def is_headerless(self) -> bool:
        """Whether its files may lack a header."""
        return bool(self.names)

    @cached_property
    def is_dated(self) -> bool:
        """Whether it tells itself when its rows were known."""
        return "known_ts" in self.canonical

    @cached_property
    def reads_catalogued(self) -> bool:
        """Whether a column of its rows is made of `CATALOGUED`."""
        return not self.is_dated or any(self.made_of_catalogued(name) for name in self.canonical)

    def made_of_catalogued(self, name: str) -> bool:
        """Whether this canonical column is."""
        return CATALOGUED in self.canonical[name].meta.root_names()

    @cached_property
    def looks_around(self) -> bool:
        """Whether a canonical column looks at more than its own row. It then sees all rows of its file, and no others."""
        told = [*re.compile(self.path).groupindex]
        read = {name: EXACT if dtype is pl.Decimal else dtype for name, dtype in self.columns.items()}
        raw = {**read, **dict.fromkeys(told, pl.String), CATALOGUED: pl.Datetime("us", "UTC")}
        return any(looks_around(expression, raw) for expression in self.canonical.values())

    def told_by(self, path: str) -> dict[str, str] | None:
        """What the path says: the groups of `path`; None where it does not match."""
        found = re.search(self.path, path)
        return found.groupdict() if found else None

    def tail_of(self, path: str) -> str | None:
        """The end of the path that says it all, such as `stocks/A.csv`."""
        found = re.search(self.path, path) if self.path else None
        return found.group() if found else None

    def missing_from(self, header: Sequence[str]) -> list[str]:
        """The columns it needs that `header` lacks."""
        return [column for column in self.columns if column not in header and column not in self.optional]

    def added_in(self, header: Sequence[str]) -> list[str]:
        """The columns of `header` that it does not know."""
        return [column for column in header if column not in self.columns and column not in self.ignored]


@dataclass(frozen=True)
class Lookup:
    """A column of one source's table that another table tells, by a column which both have.

    `values` makes of the other table one row for each value of `by`, with `column`. Where there is none, the column is null.
    When the other table changes, what is in the source's table already is brought up to date.
    """

    column: str
    by: str
    table: str
    values: Callable[[pl.LazyFrame], pl.LazyFrame]


@dataclass(frozen=True)
class Finding:
    """What a check of a source's own found: in words, and numbers and tables for who looks closer."""

    passed: bool
    told: str
    details: Mapping[str, int | float | str | pl.DataFrame]


@dataclass(frozen=True)
class SourceCheck:
    """A check that only this source has. Where it fails it warns; nothing waits for it.

    `judge` is handed the rows of the table that lie within `looks_back` of the newest, and what `catalog.files` says of the loaded
    files that reach so far. It is asked whenever the table is made, and every hour.
    """

    name: str
    description: str
    looks_back: timedelta
    judge: Callable[[pl.LazyFrame, pl.DataFrame], Finding]


@dataclass(frozen=True)
class Source:
    """An external data set: how its raw files look, and the table that they become.

    `key` identifies a fact. Where a key repeats, the newest observation wins; the losers are counted as duplicates, and
    where `observations` names a table they are kept there, beside the winners. `newest_by` says which one is newer:
    - `BY_LANDING`: that of the file which landed later, for files that are corrected and landed again. Landing is the time of
      discovery, then the store's time of change, then the name.
    - `BY_REACH`: that of the file which reaches further in time (its newest `event_ts`), for scrapes and archives that repeat
      all of the past, whatever the order in which they land.
    - a column, or several: the one with the greatest value in the first, of those in the second, and so on; ties fall to the reach.
      Where they are all that a row tells, the same rows give the same table in whatever order they land.
    At equal reach a later version of the same name wins, otherwise the bytes decide.
    A file with more than `breaker_share` bad rows, if these are more than `breaker_floor`, is set aside whole.
    `partition_by` is a unit of `event_ts`, or None for a table of which every unit would be small.
    `shares_raw_with` names the source in whose raw folder its files lie, where one archive holds the files of several sources.
    `checks` are asked beside those that every source has.
    """

    name: str
    description: str
    owner: str
    table: str
    contract: type[TableContract]
    layouts: Sequence[Layout]
    key: Sequence[str]
    newest_by: str | Sequence[str] | ByFile = BY_LANDING
    observations: str | None = None
    partition_by: Literal["year", "month", "day"] | None = "year"
    sort_by: Sequence[str] = ("event_ts",)
    breaker_share: float = 0.20
    breaker_floor: int = 20
    fresh_within: timedelta = timedelta(days=30)
    lookup: Lookup | None = None
    shares_raw_with: str | None = None
    checks: Sequence[SourceCheck] = ()

    def __post_init__(self) -> None:
        known = set(polars_schema(self.contract))
        filled = {"known_ts", "as_of", "file_id", "file_row", "extra", *([self.lookup.column] if self.lookup else [])}
        for layout in self.layouts:
            wrong = set(layout.canonical) - known or known - set(layout.canonical) - filled
            if wrong:
                raise ValueError(
                    f"{self.name}, layout {layout.name}: canonical columns differ from the contract: {sorted(wrong)}"
                )
        if missing := {*self.key, *self.sort_by, *self.newest_columns} - known:
            raise ValueError(
                f"{self.name}: key, sort order or newest_by name columns that the contract lacks: {sorted(missing)}"
            )

    @cached_property
    def code_hash(self) -> str:
        """Version of the contract and of what the declaration makes of raw rows; quarantined rows carry it."""
        layouts = [
            (
                "\0".join([layout.name + layout.path, *layout.names]) + layout.shape,
                dict(layout.columns),
                {k: told_by(e) for k, e in layout.canonical.items()},
            )
            for layout in self.layouts
        ]
        newest = self.newest_by if isinstance(self.newest_by, str | ByFile) else tuple(self.newest_by)
        told = (layouts, tuple(self.key), newest, self.breaker_share, self.breaker_floor)
        return hash_of_code(self.contract, within=(contracts.__name__,), more=told)

    @property
    def newest_columns(self) -> list[str]:
        """The columns that tell which observation is newer, the first of them first; none where files do."""
        if isinstance(self.newest_by, ByFile):
            return []
        return [self.newest_by] if isinstance(self.newest_by, str) else [*self.newest_by]

    @property
    def values(self) -> list[str]:
        """The columns that a file tells of a fact: those beside its key, its provenance, who looked, and what other tables tell."""
        own = {*self.key, "known_ts", "as_of", "file_id", "file_row", "extra", *of_the_observer(self.contract)}
        looked_up = {self.lookup.column} if self.lookup else set()
        dated = {"event_ts"} if any(layout.made_of_catalogued("event_ts") for layout in self.layouts) else set()
        return [name for name in polars_schema(self.contract) if name not in own | looked_up | dated]

    @property
    def raw(self) -> str:
        """The folder of the raw zone that holds its files."""
        return self.shares_raw_with or self.name

    def tail_of(self, path: str) -> str:
        """The end of a file's path that a layout reads, such as `stocks/A.csv`; nothing where none does."""
        return next((tail for layout in self.layouts if (tail := layout.tail_of(path))), "")

    @property
    def keeps_reach(self) -> bool:
        """Whether rows carry how far their file reaches (a column `as_of` that no layout gives)."""
        given = any("as_of" in layout.canonical for layout in self.layouts)
        return "as_of" in polars_schema(self.contract) and not given

    @property
    def keeps_extra(self) -> bool:
        """Whether values of added columns are kept."""
        return "extra" in polars_schema(self.contract)

    @property
    def table_description(self) -> str:
        """What the table holds, as its contract says it."""
        return inspect.cleandoc(self.contract.__doc__ or "")
