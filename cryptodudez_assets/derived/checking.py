"""Whether a derived table can be taken as it is declared, beyond what it sees to itself when it is made."""

import re
from collections.abc import Mapping
from datetime import timedelta
from difflib import get_close_matches
from pathlib import Path

import polars as pl

from cryptodudez_assets.contracts.base import Contract, columns_of, polars_schema
from cryptodudez_assets.derived.declaration import Daily, Derived, Input
from cryptodudez_assets.derived.files import Export, Parquet
from cryptodudez_assets.derived.own_checks import TableCheck
from cryptodudez_assets.sources.checking import OURS, OWNER, TABLE

CHECK = re.compile(r"[a-z][a-z0-9_]*")
OF_EVERY_TABLE = ("contract", "intact", "days", "quality", "replaced", "no_look_ahead")
"""Names of checks that tables have without declaring them."""


def problem_of(table: Derived, contracts: Mapping[str, type[Contract]]) -> str | None:
    """What is wrong with it, if something is; whatever it raises is wrong, too. `contracts`: of what it may read, by table."""
    return (
        _problem_with_words(table)
        or problem_with_inputs(table)
        or _problem_with_times(table)
        or _problem_with_adding_up(table)
        or problem_with_exports(table)
        or problem_with_checks(table)
        or _problem_with_quality(table)
        or problem_with_columns(table, contracts)
        or _problem_with_code(table, contracts)
    )


def _problem_with_words(table: Derived) -> str | None:
    if not isinstance(table.name, str) or not TABLE.fullmatch(table.name):
        return f"name={table.name!r}: expected two names with a dot between, such as accounts.fact_user_day"
    if table.group in OURS:
        return f"the table {table.name!r}: {table.group} is kept for the platform's own, use another"
    if not (isinstance(table.contract, type) and issubclass(table.contract, Contract)):
        return f"contract={table.contract!r}: expected a subclass of Contract"
    if not OWNER.fullmatch(table.owner):
        return f"owner={table.owner!r}: expected team:name or an e-mail address"
    if not table.key:
        return f"key={table.key!r}: expected a list of columns"
    return None if table.description else "its contract says nothing: give it a docstring"


def problem_with_inputs(table: Derived) -> str | None:
    """What is wrong with what a table reads, whatever that is."""
    if not table.inputs or not all(isinstance(one, Input) for one in table.inputs):
        return "inputs: expected a list of at least one Input"
    if wrong := [one.table for one in table.inputs if not TABLE.fullmatch(one.table)]:
        return f"inputs name {wrong[0]!r}: expected two names with a dot between, such as market.crypto_prices"
    names = [one.table for one in table.inputs]
    if twice := [name for name in names if names.count(name) > 1]:
        return f"inputs name {twice[0]} twice"
    odd = [
        one
        for one in table.inputs
        if one.reaches not in ("keys", "later", "all") and not isinstance(one.reaches, timedelta)
    ]
    if odd:
        return f"{odd[0].table} reaches={odd[0].reaches!r}: expected 'keys', 'later', 'all' or a timedelta"
    return None


def problem_with_columns(table: Derived, contracts: Mapping[str, type[Contract]]) -> str | None:
    """Which column of an input there is not, or is no time where one must be; of inputs of which nothing is known, none is."""
    for one in table.inputs:
        if one.table not in contracts:
            continue
        schema = polars_schema(contracts[one.table])
        if missing := [name for name in table.reads(one) if name not in schema]:
            alike = get_close_matches(missing[0], schema, n=3) or [*schema]
            also = "; an Input says by time= when its rows happened" if missing[0] not in one.columns else ""
            return f"{one.table} has no column {', '.join(missing)}; it has {', '.join(alike)}{also}"
        if table.is_timed(one) and not isinstance(schema[one.time], pl.Date | pl.Datetime):
            return f"{one.table} is read with time={one.time!r}, a {schema[one.time]}: expected a date or a time"
    return None


def _problem_with_times(table: Derived) -> str | None:
    timed = [one.table for one in table.inputs if table.is_timed(one)]
    name = table.time_column
    if back := [one for one in table.inputs if isinstance(one.reaches, timedelta) and one.reaches < timedelta(0)]:
        return f"{back[0].table} reaches={back[0].reaches!r}: no change reaches days before it, expected 0 or more"
    if timed and name is None:
        return f"a change of {timed[0]} reaches rows by their time: say which column that is, by time= or partitions="
    if table.partitions is not None and not isinstance(table.partitions, Daily):
        return f"partitions={table.partitions!r}: expected Daily('column')"
    for one in {name, table.partitions.column if table.partitions else None} - {None}:
        nullable = {column.name: column.nullable for column in columns_of(table.contract)}
        if nullable.get(str(one), True) or not isinstance(
            polars_schema(table.contract)[str(one)], pl.Date | pl.Datetime
        ):
            return (
                f"{one!r} is to tell the day of a row: the contract needs such a column, a date or a time, never null"
            )
    return None


def _problem_with_adding_up(table: Derived) -> str | None:
    if not table.accumulates:
        return None
    if table.time_column is None or not table.carried_key:
        found = f"found {', '.join(table.key)}"
        return f"accumulates: expected a key of a time and of what adds up, {found} (time= may name a time beside it)"
    if odd := [one for one in table.inputs if one.reaches != "later"]:
        return f"accumulates, and {odd[0].table} reaches={odd[0].reaches!r}: what adds up is reached by all before it, expected 'later'"
    return None


def problem_with_exports(table: Derived) -> str | None:
    """What is wrong with the files that it is to be exported as."""
    schema = polars_schema(table.contract)
    for export in table.exports:
        if not isinstance(export, Export) or not export.ending:
            return f"exports hold {export!r}: expected Csv(…) or Parquet(…)"
        columns = list((export.columns or dict.fromkeys(schema)).items())
        own = [of or name for name, of in columns]
        if missing := [name for name in (*own, *(export.sort_by or ())) if name not in schema]:
            return f"an export names {missing[0]!r}, which the contract does not have"
        if problem := _problem_with_months(export, schema):
            return problem
        if odd := [name for name in own if isinstance(schema[name], export.cannot_hold)]:
            return f"{export.ending} cannot hold {odd[0]}, a {schema[odd[0]]}: leave it out by columns="
    return None


def problem_with_checks(table: Derived) -> str | None:
    """What is wrong with the checks of its own."""
    if wrong := [one for one in table.checks if not isinstance(one, TableCheck) or not callable(one.judge)]:
        return (
            f"checks hold {wrong[0]!r}: expected TableCheck(name, description, judge=a function of rows by table name)"
        )
    names = [one.name for one in table.checks]
    for name in names:
        if not CHECK.fullmatch(name):
            return f"checks name {name!r}: expected small letters, digits and _, such as adds_up"
        if name in OF_EVERY_TABLE or names.count(name) > 1:
            return f"checks name {name!r} twice: each table has the checks {', '.join(OF_EVERY_TABLE)}"
    for one in table.checks:
        if wrong_names := [name for name in one.beside if not TABLE.fullmatch(name) or name == table.table]:
            return f"the check {one.name} looks beside it at {wrong_names[0]!r}: expected the name of another table"
    return None


def _problem_with_months(export: Export, schema: pl.Schema) -> str | None:
    by_month = export.by_month if isinstance(export, Parquet) else None
    if by_month is None or isinstance(schema.get(by_month), pl.Date | pl.Datetime):
        return None
    return f"an export by_month={by_month!r}: expected a column of the contract that is a date or a time"


def _problem_with_quality(table: Derived) -> str | None:
    if table.quality is None:
        return None
    schema = polars_schema(table.contract)
    if not isinstance(schema.get(table.quality.day_of), pl.Date | pl.Datetime):
        return f"quality: day_of={table.quality.day_of!r}: expected a column of the contract that is a date or a time"
    return None


def _problem_with_code(table: Derived, contracts: Mapping[str, type[Contract]]) -> str | None:
    if (table.transform is None) == (table.sql is None):
        return "expected a transform or sql, one of them"
    if table.statement is None:
        if not callable(table.transform):
            return f"transform={table.transform!r}: expected a function"
        return None if table.code_hash else "its code cannot be told"
    from cryptodudez_assets.derived.upkeep.sql import problem_with  # DuckDB takes long to load

    statement = table.statement
    try:
        problem = problem_with(table, statement, contracts)
    except ValueError as error:
        problem = str(error)
    return f"{Path(str(table.sql)).name}: {problem}" if problem else None
