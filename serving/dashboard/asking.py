"""Tables of pages that are asked of the lake in SQL: the answer with the question, which people can ask themselves.

What a page shows of the registry, or of Dagster, is no question to the lake, and is not here.
"""

import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import polars as pl

from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.sql import answer, connect_to

NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class Asked:
    """An answer of the lake: `sql` with the values of its parameters is what was asked. `name`: of its file, without an ending."""

    name: str
    sql: str
    given: Mapping[str, str]
    rows: pl.DataFrame

    @property
    def command(self) -> str:
        """How a person asks the same."""
        values = "".join(f" --param {shlex.quote(f'{name}={value}')}" for name, value in self.given.items())
        return f"cryptodudez sql {shlex.quote(self.sql)}{values} --format csv"

    @property
    def csv(self) -> str:
        """The answer as a file, lists as text."""
        lists = [name for name, dtype in self.rows.schema.items() if dtype == pl.List(pl.String)]
        return self.rows.with_columns(pl.col(lists).list.join(", ")).write_csv() if lists else self.rows.write_csv()


def has(lake: Lake, *tables: str) -> bool:
    """Whether the lake has all of these tables."""
    return all(lake.tables.table(one) is not None for one in tables)


def ask(lake: Lake, name: str, sql: str, tables: Iterable[str], given: Mapping[str, str] = NOTHING) -> Asked:
    """Ask these tables of the lake, all of which must be there. Raises duckdb.Error where the question is wrong."""
    found = {table: rows for table in tables if (rows := lake.tables.scan(table)) is not None}
    with connect_to(found) as connection:
        return Asked(name, sql, given, answer(connection, sql, given))
