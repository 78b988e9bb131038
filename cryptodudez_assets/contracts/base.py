"""What every contract shares: times, provenance, and the facts derived from a Pandera model (columns, units, version).

A contract is the only statement of a table's schema and rules. Rules are Pandera checks: a check fails its row into
quarantine, one with `raise_warning=True` keeps the row and is counted.
"""

import inspect
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Annotated, Any

import pandera.polars as pa
import polars as pl

# A time outside is a slip of the pen (`20210-01-01`), and partitions, Python and other engines cannot hold some of those.
PLAUSIBLE = {"min_value": datetime(1700, 1, 1, tzinfo=UTC), "max_value": datetime(2200, 1, 1, tzinfo=UTC)}

PLACE = {"place": True}
"""Metadata of a column that says where in the lake something lies: it is written anew where a lake moves."""

OF_THE_OBSERVER = {"tells": "observer"}
"""Metadata of a column that says who looked and how, not what was there: observations that differ in it alone tell the same."""

UtcTime = Annotated[pl.Datetime, "us", "UTC"]

EXACT = pl.Decimal(38, 18)
"""Numbers of which no digit may change: up to 20 before the point and 18 behind it."""
Exact = Annotated[pl.Decimal, 38, 18]
"""The same as the type of a contract's column."""


class Contract(pa.DataFrameModel):
    """Base of all contracts: these columns and no others."""

    class Config:
        strict = True


class TableContract(Contract):
    """Base of the contracts of source tables: when a fact happened, when it could be known, and where it was read.

    A column is known at the row's `known_ts`, unless its metadata say otherwise (`{"known": "event_ts"}`): what a tweet says is
    known when it is written, how it was liked when somebody looked.
    """

    event_ts: UtcTime = pa.Field(
        description="When it happened (UTC).", in_range=PLAUSIBLE, metadata={"unit": "UTC", "known": "event_ts"}
    )
    known_ts: UtcTime = pa.Field(
        description="Earliest time at which it could be known (UTC).", in_range=PLAUSIBLE, metadata={"unit": "UTC"}
    )
    file_id: str = pa.Field(description="The raw file it was read from (`catalog.files.file_id`).")
    file_row: pl.Int64 = pa.Field(description="Which record of that file, the first after the header being 1.")


@dataclass(frozen=True)
class Column:
    """One column of a contract, as documentation, Iceberg and Dagster need it."""

    name: str
    dtype: pl.DataType
    nullable: bool
    description: str
    unit: str | None
    known: str
    """The column that says when it was known."""
    rules: tuple[str, ...]


def columns_of(contract: type[Contract]) -> list[Column]:
    """The contract's columns in table order: its own first, those that it shares with others behind them."""
    columns = contract.to_schema().columns
    declared = _declared(contract)
    own = [name for name in columns if name in declared]
    order = own + [name for name in columns if name not in own]
    return [
        Column(
            name=name,
            dtype=polars_dtype(column),
            nullable=column.nullable,
            description=column.description or "",
            unit=(column.metadata or {}).get("unit"),
            known=(column.metadata or {}).get("known", "known_ts"),
            rules=tuple(str(check.error or check.name) for check in column.checks),
        )
        for name, column in ((name, columns[name]) for name in order)
    ]


def _declared(contract: type[Contract]) -> set[str]:
    """Columns that are its own, of a source's table also those that its kind declares, as that of deposits and withdrawals."""
    line = contract.__mro__
    kinds = line[: line.index(TableContract)] if TableContract in line else line[:1]
    return {name for kind in kinds for name in kind.__annotations__}


def table_rules(contract: type[Contract]) -> list[tuple[str, bool]]:
    """Rules over whole rows: what each is called, and whether it only warns."""
    return [(str(check.name), bool(check.raise_warning)) for check in contract.to_schema().checks]


def places_of(contract: type[Contract]) -> list[str]:
    """Columns that say where in the lake something lies."""
    columns = contract.to_schema().columns
    return [name for name, column in columns.items() if (column.metadata or {}).get("place")]


def of_the_observer(contract: type[Contract]) -> list[str]:
    """Columns that say who looked and how."""
    columns = contract.to_schema().columns
    return [name for name, column in columns.items() if (column.metadata or {}).get("tells") == "observer"]


def personal_of(contract: type[Contract]) -> dict[str, str]:
    """Columns that say who somebody is, each with the kind of identity (metadata `{"personal": "account"}`)."""
    told = {name: (column.metadata or {}).get("personal") for name, column in contract.to_schema().columns.items()}
    return {name: kind for name, kind in told.items() if kind}


@cache
def polars_schema(contract: type[Contract]) -> pl.Schema:
    """The contract as a Polars schema."""
    return pl.Schema({column.name: column.dtype for column in columns_of(contract)})


def summary_of(contract: type[Contract]) -> str:
    """First paragraph of the contract's docstring: the table's description wherever it is shown."""
    return inspect.cleandoc(contract.__doc__ or "").split("\n\n")[0].replace("\n", " ")


def polars_dtype(column: Any) -> pl.DataType:
    """The Polars type behind a Pandera column."""
    dtype: pl.DataType = column.dtype.type
    return dtype
