"""SQL as a transform: one SELECT, run by a locked-down DuckDB that sees the declared inputs and nothing else.

Inputs come sorted, and one thread adds up, so that sums do not depend on how rows lie in files.
"""

from collections.abc import Mapping

import duckdb
import polars as pl

from cryptodudez_assets.contracts.base import Contract, polars_schema
from cryptodudez_assets.derived.declaration import Derived, Frames
from cryptodudez_assets.derived.statement import Statement
from cryptodudez_assets.derived.upkeep.shape import conform, difference
from cryptodudez_assets.lake.sql import Locked, connect_to


def run(table: Derived, statement: Statement, frames: Frames) -> pl.LazyFrame:
    """The rows that the statement makes of these inputs, with the contract's types. Raises ValueError in words."""
    return conform(table, _answer(statement, {name: _sorted(rows) for name, rows in frames.items()})).lazy()


def problem_with(table: Derived, statement: Statement, contracts: Mapping[str, type[Contract]]) -> str | None:
    """Why the statement cannot make the table of its inputs, whose contracts are given; None where it can, or where an input's
    contract is not known, so that only running it can tell."""
    if statement.problem:
        return statement.problem
    if any(one.table not in contracts for one in table.inputs):
        return None
    frames = {}
    for one in table.inputs:
        schema = polars_schema(contracts[one.table])
        frames[one.table] = pl.DataFrame(schema={name: schema[name] for name in table.reads(one)}).lazy()
    if table.accumulates:
        frames[table.table] = pl.LazyFrame(schema=polars_schema(table.contract))
    try:
        return difference(table, _answer(statement, frames).schema)
    except ValueError as error:
        return str(error)


def _answer(statement: Statement, frames: Frames) -> pl.DataFrame:
    reads = ", ".join(frames)
    try:
        with connect_to(frames, threads=1) as connection:
            answer: pl.DataFrame = connection.sql(statement.text).pl()
            return answer
    except (duckdb.CatalogException, duckdb.BinderException) as error:
        raise ValueError(f"{str(error).partition(chr(10))[0]} (it sees its inputs only: {reads})") from None
    except (duckdb.PermissionException, Locked) as error:
        said = str(error).partition("\n")[0]
        raise ValueError(f"{said} (it sees its inputs, and neither files nor network)") from None
    except duckdb.Error as error:
        raise ValueError(str(error).partition("\n\n")[0]) from None


def _sorted(rows: pl.LazyFrame) -> pl.LazyFrame:
    return rows.sort(rows.collect_schema().names()).collect().lazy()
