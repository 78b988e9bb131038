"""People's SQL: DuckDB with a view for every table of the lake, under the table's own name."""

import duckdb
import polars as pl

from cryptodudez_assets.lake.lake import Lake


def query(lake: Lake, text: str) -> pl.DataFrame:
    """The answer to an SQL question. Raises duckdb.Error with DuckDB's own message."""
    with connect(lake) as connection:
        answer = connection.sql(text)
        return pl.DataFrame() if answer is None else _integers(answer.pl())


def connect(lake: Lake) -> duckdb.DuckDBPyConnection:
    """A connection that sees the lake's tables as they are now. Filters and columns are pushed down to the files."""
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    for name in lake.tables.names():
        namespace, table = name.split(".")
        connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{namespace}"')
        connection.register(f"scan of {name}", lake.tables.scan(name))
        connection.execute(f'CREATE VIEW "{namespace}"."{table}" AS SELECT * FROM "scan of {name}"')
    return connection


def _integers(frame: pl.DataFrame) -> pl.DataFrame:
    """DuckDB sums whole numbers as 128 bits wide decimals; people expect numbers."""
    whole = [name for name, dtype in frame.schema.items() if isinstance(dtype, pl.Decimal) and dtype.scale == 0]
    fits = [name for name in whole if (frame[name].abs() < 2**63).all()]
    return frame.with_columns(pl.col(fits).cast(pl.Int64))
