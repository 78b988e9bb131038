"""Apply a contract to rows: which rule does each row break? The split between table and quarantine is made from this.

Pandera's own `validate` answers only for whole frames, and skips the data of a LazyFrame without a word; so the checks are
taken from the model and evaluated one by one. `assert_holds` is the post-condition for frames said to be clean.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache, reduce
from operator import or_
from typing import Any

import pandera.polars as pa
import polars as pl
from pandera.api.checks import Check
from pandera.api.polars.types import PolarsData
from pandera.config import ValidationDepth, config_context

from cryptodudez_assets.contracts.base import Contract, polars_schema


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


def breaking(findings: Iterable[Finding], *, warnings: bool = False) -> pl.Series | None:
    """Which rows break a rule that sets them aside (or one that only warns); None where no row does."""
    flags = [finding.broken for finding in findings if finding.is_warning == warnings]
    return reduce(or_, flags) if flags else None


def broken_rules(findings: Iterable[Finding], wrong: pl.Series) -> list[list[str]]:
    """Of each row that is `wrong`, which rules it breaks, but for those that only warn."""
    errors = [finding for finding in findings if not finding.is_warning]
    flags = zip(*(finding.broken.filter(wrong).to_list() for finding in errors), strict=True)
    return [[finding.rule for finding, broken in zip(errors, row, strict=True) if broken] for row in flags]


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
    def holds(rows: pl.LazyFrame) -> pl.LazyFrame:
        # Calling the check itself would compute it at once, each check on its own.
        found = check.get_backend(rows)(check).apply(PolarsData(rows, column or "*"))  # type: ignore[no-untyped-call]
        return pl.LazyFrame({"": [found]}) if isinstance(found, bool) else found

    return holds


@cache
def _schema(contract: type[Contract]) -> pa.DataFrameSchema:
    schema = contract.to_schema()
    if schema.unique or any(column.unique for column in schema.columns.values()):
        raise TypeError(f"{contract.__name__}: uniqueness is no rule for single rows; a source's key sees to it")
    nothing = polars_schema(contract).to_frame().lazy()
    of_columns = [(check, name) for name, column in schema.columns.items() for check in column.checks]
    for check, name in [*of_columns, *((check, None) for check in schema.checks)]:
        check(nothing, name)  # when it is first called, a built-in check finds out how it is done with Polars
    return schema
