"""Files that a table is exported as: what is declared. How they are written is in `lake/exports.py`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import polars as pl


@dataclass(frozen=True)
class Export:
    """A table as one file below `<home>/exports/<folder>/`, whole or not at all. Days are written as YYYY-MM-DD.

    `folder`: by default the table's name without its namespace. One that is named has files that are read together: while its table is
    not there, such a file is written without rows, as soon as any table of the namespace is. `columns`: the file's columns, each with
    the table's that it is of; by default all, as they are. `sort_by`: columns of the table, by default its key. `description`: for the
    data's users.
    """

    folder: str | None = None
    columns: Mapping[str, str] | None = None
    sort_by: Sequence[str] | None = None
    description: str | None = None

    ending: ClassVar[str] = ""
    suffix: ClassVar[str] = ""
    """Tells the formats of one table apart, among products."""
    cannot_hold: ClassVar[tuple[type[pl.DataType], ...]] = ()


@dataclass(frozen=True)
class Parquet(Export):
    """As Parquet.

    `by_month`: a date or time of the table. There is a file for each of its months (UTC) then, in folders as in an object store,
    `<folder>/year=2021/month=7/<table>.parquet`; all of them are replaced together.
    """

    by_month: str | None = None

    ending: ClassVar[str] = "parquet"


@dataclass(frozen=True)
class Csv(Export):
    """As CSV (UTF-8, a header, RFC 4180), to be read again without loss: nothing stands for null, "" for empty text; times are UTC."""

    ending: ClassVar[str] = "csv"
    suffix: ClassVar[str] = "_csv"
    cannot_hold: ClassVar[tuple[type[pl.DataType], ...]] = (pl.List, pl.Array, pl.Struct, pl.Binary, pl.Object)
