"""People's SQL: DuckDB with a view for every table of the lake, under the table's own name.

It reads these tables and nothing else: no file, no network, no extension, no variable of the process that asks.
"""

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from itertools import takewhile
from pathlib import Path
from types import MappingProxyType
from uuid import uuid4

import duckdb
import polars as pl

from cryptodudez_assets.lake.lake import Lake

# Types that Polars, JSON or CSV cannot express; people read them as DuckDB writes them.
SHOWN_AS_TEXT = ("INTERVAL", "BLOB", "BIT", "MAP(", "UNION(", "TIME WITH TIME ZONE", "VARIANT", "GEOMETRY")


LOCKED = (
    "SET enable_external_access = false",
    "SET autoinstall_known_extensions = false",
    "SET autoload_known_extensions = false",
    "SET allow_community_extensions = false",
    "SET lock_configuration = true",  # the last: nothing is set behind it
)
READING = frozenset({"SELECT", "EXPLAIN", "MULTI", "SET", "VARIABLE_SET", "PRAGMA", "CALL", "PREPARE", "EXECUTE"})
"""Kinds of statements that change nothing that outlives them."""


Values = Mapping[str, object]
NOTHING: Values = MappingProxyType({})


class Locked(Exception):
    """It asks for more than the lake's tables; the message says what, and what to do."""


class NotGiven(Exception):
    """It names parameters that have no value: `names`, without the dollar sign."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(f"no value for {', '.join(f'${name}' for name in names)}")
        self.names = names


def query(lake: Lake, text: str, given: Values = NOTHING, *, unsafe: bool = False) -> pl.DataFrame:
    """The answer to an SQL question. Raises duckdb.Error with DuckDB's own message, `Locked` and `NotGiven`.

    `given`: values of its parameters, by their names without the dollar sign; those that it does not name do not count.
    `unsafe` opens files, network and extensions to it, with the rights of the process.
    """
    with connect(lake, unsafe=unsafe) as connection:
        return answer(connection, text, given, unsafe=unsafe)


def answer(
    connection: duckdb.DuckDBPyConnection, text: str, given: Values = NOTHING, *, unsafe: bool = False
) -> pl.DataFrame:
    """What a connection answers; of several statements, what the last one does. Raises as `query` does."""
    statements = duckdb.extract_statements(text)
    if not unsafe:
        _insist_on_reading(statements)
    if missing := sorted({name for one in statements for name in one.named_parameters} - given.keys()):
        raise NotGiven(missing)
    try:
        for one in statements[:-1]:
            connection.execute(one, _named_in(one, given))
        found = connection.sql(statements[-1], params=_named_in(statements[-1], given)) if statements else None
        return pl.DataFrame() if found is None else _integers(_expressible(found).pl())
    except duckdb.PermissionException as error:
        raise Locked(f"{error}\nSQL reads the lake's tables here, and neither files nor network") from None


def parameters_of(text: str) -> set[str]:
    """The parameters that statements name, without the dollar sign."""
    return {name for one in duckdb.extract_statements(text) for name in one.named_parameters}


def _named_in(statement: duckdb.Statement, given: Values) -> dict[str, object] | None:
    """Of these values those that it names; DuckDB refuses others."""
    return {name: given[name] for name in statement.named_parameters} or None


def by_heading(text: str) -> dict[str, str]:
    """The statements of a file, each by the first line of the comment right above it; by its number where there is none.

    Raises ValueError where two have the same heading.
    """
    found: dict[str, str] = {}
    at = 0
    for number, one in enumerate(duckdb.extract_statements(text), start=1):
        at = text.index(one.query, at)
        above = takewhile(lambda line: line.startswith("--"), reversed(text[:at].rstrip().splitlines()))
        heading = ([*above] or [str(number)])[-1].removeprefix("--").strip()
        if heading in found:
            raise ValueError(f"two statements are headed {heading!r}")
        found[heading] = one.query
        at += len(one.query)
    return found


def connect(lake: Lake, *, unsafe: bool = False) -> duckdb.DuckDBPyConnection:
    """A connection that sees the lake's tables as they are now. Filters and columns are pushed down to the files."""
    found = {name: lake.tables.scan(name) for name in lake.tables.names()}
    return connect_to({name: rows for name, rows in found.items() if rows is not None}, unsafe=unsafe)


def connect_to(
    tables: Mapping[str, pl.LazyFrame], *, unsafe: bool = False, threads: int | None = None
) -> duckdb.DuckDBPyConnection:
    """A connection that sees these tables, each under its name."""
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    if threads is not None:
        connection.execute(f"SET threads = {threads}")
    for name, rows in tables.items():
        namespace, table = name.split(".")
        connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{namespace}"')
        connection.register(name, rows)  # DuckDB's hints show this name too
        connection.execute(f'CREATE VIEW "{namespace}"."{table}" AS SELECT * FROM temp.main."{name}"')
    connection.execute("SET python_enable_replacements = false")  # a variable of ours is no table
    if not unsafe:
        # What does not fit into memory goes there, and nobody else's files lie there; DuckDB makes it and takes it away.
        spilled = Path(tempfile.gettempdir(), f"cryptodudez-sql-{uuid4()}")
        connection.execute("SET temp_directory = ?", [str(spilled)])
        for setting in LOCKED:
            connection.execute(setting)
    return connection


def _insist_on_reading(statements: Iterable[duckdb.Statement]) -> None:
    for statement in statements:
        try:
            kind = statement.type.name
        except ValueError:  # one that DuckDB's Python does not know
            kind = "this statement"
        if kind not in READING:
            raise Locked(f"{kind}: SQL reads the lake's tables here, and changes nothing")


def _expressible(answer: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
    odd = {name for name, dtype in zip(answer.columns, answer.types, strict=True) if _is_odd(str(dtype))}
    if not odd:
        return answer
    columns = ((name, duckdb.ColumnExpression(name)) for name in answer.columns)
    return answer.select(*(column.cast("VARCHAR").alias(name) if name in odd else column for name, column in columns))


def _is_odd(dtype: str) -> bool:
    return any(odd in dtype for odd in SHOWN_AS_TEXT)


def _integers(frame: pl.DataFrame) -> pl.DataFrame:
    """DuckDB sums whole numbers as 128 bits wide decimals; people expect numbers."""
    whole = [name for name, dtype in frame.schema.items() if isinstance(dtype, pl.Decimal) and dtype.scale == 0]
    fits = {name: bool((frame[name].abs() < 2**63).all()) for name in whole}
    return frame.with_columns(pl.col(name).cast(pl.Int64 if fits[name] else pl.Int128) for name in whole)
