"""People's SQL: DuckDB with a view for every table of the lake, under the table's own name."""

import duckdb
import polars as pl

from cryptodudez_assets.lake.lake import Lake

# Types that Polars, JSON or CSV cannot express; people read them as DuckDB writes them.
SHOWN_AS_TEXT = ("INTERVAL", "BLOB", "BIT", "MAP(", "UNION(", "TIME WITH TIME ZONE", "VARIANT", "GEOMETRY")


def query(lake: Lake, text: str) -> pl.DataFrame:
    """The answer to an SQL question. Raises duckdb.Error with DuckDB's own message."""
    with connect(lake) as connection:
        answer = connection.sql(text)
        return pl.DataFrame() if answer is None else _integers(_expressible(answer).pl())


def connect(lake: Lake) -> duckdb.DuckDBPyConnection:
    """A connection that sees the lake's tables as they are now. Filters and columns are pushed down to the files."""
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    for name in lake.tables.names():
        namespace, table = name.split(".")
        connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{namespace}"')
        connection.register(name, lake.tables.scan(name))  # DuckDB's hints show this name too
        connection.execute(f'CREATE VIEW "{namespace}"."{table}" AS SELECT * FROM temp.main."{name}"')
    return connection


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
