"""Apply a contract to rows: which rule does each row break? The split between table and quarantine is made from this.

Pandera's own `validate` answers only for whole frames, and skips the data of a LazyFrame without a word; so the checks are
taken from the model and evaluated one by one. `assert_holds` is the post-condition for frames said to be clean.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import pandera.polars as pa
import polars as pl
from pandera.api.checks import Check
from pandera.config import ValidationDepth, config_context

from cryptodudez_assets.contracts.base import Contract

RULES, WARNINGS = "rules", "warnings"


@dataclass(frozen=True)
class Finding:
    """One rule and the rows that break it."""

    rule: str
    is_warning: bool
    broken: pl.Series


def judge(contract: type[Contract], frame: pl.DataFrame) -> Iterator[Finding]:
    """Every rule of the contract that at least one row of `frame` breaks.

    A null breaks only the rule that forbids it: other rules hold where they cannot be decided.
    """
    rules = [rule for name, column in _schema(contract).columns.items() for rule in _column_rules(name, column)]
    rules += [(str(check.name), bool(check.raise_warning), _holds(check, None)) for check in _schema(contract).checks]
    rows = frame.lazy()
    for (rule, is_warning, _), passed in zip(
        rules, pl.collect_all([holds(rows) for _, _, holds in rules]), strict=True
    ):
        if len(passed) != len(frame):
            raise TypeError(
                f"{contract.__name__}: {rule} gives {len(passed)} answers for {len(frame)} rows; a rule must judge each row"
            )
        broken = ~passed[:, 0].fill_null(True)
        if broken.any():
            yield Finding(rule, is_warning, broken)


def broken_rules(findings: list[Finding], *, warnings: bool = False) -> pl.Series | None:
    """Per row the list of errors (or warnings) that it breaks, or None when there are none at all."""
    chosen = [finding for finding in findings if finding.is_warning == warnings]
    if not chosen:
        return None
    flags = pl.DataFrame({str(i): finding.broken for i, finding in enumerate(chosen)})
    names = [pl.when(str(i)).then(pl.lit(finding.rule)) for i, finding in enumerate(chosen)]
    return flags.select(pl.concat_list(names).list.drop_nulls())[:, 0].alias(WARNINGS if warnings else RULES)


def assert_holds(contract: type[Contract], frame: pl.DataFrame) -> None:
    """Raise Pandera's SchemaErrors unless the frame has the contract's columns, types and data."""
    with config_context(validation_depth=ValidationDepth.SCHEMA_AND_DATA):
        contract.validate(frame, lazy=True)


Holds = Callable[[pl.LazyFrame], pl.LazyFrame]


def _column_rules(name: str, column: Any) -> Iterator[tuple[str, bool, Holds]]:
    if not column.nullable:
        yield f"{name}:missing", False, lambda rows: rows.select(pl.col(name).is_not_null())
    if column.dtype.type.is_float():
        yield f"{name}:not_finite", False, lambda rows: rows.select(pl.col(name).is_finite())
    for check in column.checks:
        yield f"{name}:{check.name}", bool(check.raise_warning), _holds(check, name)


def _holds(check: Check, column: str | None) -> Holds:
    return lambda rows: check(rows, column).check_output


@cache
def _schema(contract: type[Contract]) -> pa.DataFrameSchema:
    schema = contract.to_schema()
    if schema.unique or any(column.unique for column in schema.columns.values()):
        raise TypeError(f"{contract.__name__}: uniqueness is no rule for single rows; a source's key sees to it")
    return schema
