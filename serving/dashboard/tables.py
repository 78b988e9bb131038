"""Tables of pages: what is shown is what is in the file, and beside it stands how a person asks the same.

Most are asked of the lake in SQL; of what the registry or Dagster tells, another command does. How cells are written is here, where
a table stands is in the templates.
"""

import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from types import MappingProxyType

import polars as pl

from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.sql import answer, connect_to

NOTHING: Mapping[str, str] = MappingProxyType({})
SHOWN_ROWS = 20
LONG = 28


@dataclass(frozen=True)
class Table:
    """A table of a page. `name`: of its file, without an ending; `command`: how a person asks the same; `sql`: by which question."""

    name: str
    title: str
    rows: pl.DataFrame
    command: str
    sql: str = ""

    @property
    def csv(self) -> str:
        """All rows as a file, lists as text."""
        return self.rows.with_columns(pl.col(pl.List(pl.String)).list.join(", ")).write_csv()

    @property
    def head(self) -> list[dict[str, str]]:
        """The first rows, each cell as it is read."""
        return [{name: cell(value) for name, value in row.items()} for row in self.rows.head(SHOWN_ROWS).to_dicts()]

    @property
    def prose(self) -> set[str]:
        """The columns of which a cell is long, and may be broken into lines."""
        return {name for row in self.head for name, value in row.items() if len(value) > LONG}

    @property
    def words(self) -> set[str]:
        """The columns that are read from the left: those of no numbers and times."""
        return {name for name, dtype in self.rows.schema.items() if dtype in (pl.String, pl.List(pl.String))}

    @property
    def left_out(self) -> int:
        """How many rows are in the file only."""
        return max(len(self.rows) - SHOWN_ROWS, 0)


def cell(value: object) -> str:
    """A value as it stands in a table."""
    match value:
        case None:
            return "–"
        case bool():
            return "yes" if value else "no"
        case datetime():
            return f"{value:%Y-%m-%d %H:%M}"
        case date():
            return value.isoformat()
        case int():
            return f"{value:,}"
        case float():
            digits = ",.0f" if abs(value) >= 1e6 else ",.2f" if abs(value) >= 100 else ".4g"
            return format(value or 0.0, digits)  # no zero has a sign
        case list():
            return ", ".join(map(str, value))
    return str(value)


def has(lake: Lake, *tables: str) -> bool:
    """Whether the lake has all of these tables."""
    return all(lake.tables.table(one) is not None for one in tables)


def ask(
    lake: Lake, name: str, title: str, sql: str, tables: Iterable[str], given: Mapping[str, str] = NOTHING
) -> Table:
    """Ask these tables of the lake, all of which must be there. Raises duckdb.Error where the question is wrong."""
    scanned = {table: lake.tables.scan(table) for table in tables}
    with connect_to({table: one for table, one in scanned.items() if one is not None}) as connection:
        rows = answer(connection, sql, given)
    values = "".join(f" --param {shlex.quote(f'{name}={value}')}" for name, value in given.items())
    return Table(name, title, rows, f"cryptodudez sql {shlex.quote(sql)}{values} --format csv", sql)
