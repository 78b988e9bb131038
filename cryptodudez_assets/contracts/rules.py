"""Apply a contract to rows: which rule does each row break? The split between table and quarantine is made from this.

Pandera's own `validate` answers only for whole frames, and skips the data of a LazyFrame without a word; so the expressions
are taken from the model's checks and evaluated together. `assert_holds` is the post-condition for frames said to be clean.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, reduce
from operator import or_
from typing import Any, NamedTuple

import polars as pl
from pandera.api.checks import Check
from pandera.api.polars.types import PolarsData
from pandera.config import ValidationDepth, config_context

from cryptodudez_assets.contracts.base import Contract, polars_schema
from cryptodudez_assets.contracts.expressions import looks_around


@dataclass(frozen=True)
class RuleResult:
    """One rule and the rows that break it."""

    rule: str
    is_warning: bool
    broken: pl.Series


def evaluate_rules(contract: type[Contract], frame: pl.DataFrame) -> Iterator[RuleResult]:
    """Every rule of the contract that at least one row of `frame` breaks.

    A null breaks only the rule that forbids it: other rules hold where they cannot be decided.
    """
    rules = _rules(contract)
    held = frame.select(rule.holds.all(ignore_nulls=True).alias(str(number)) for number, rule in enumerate(rules))
    broken = [rule for rule, holds in zip(rules, held.row(0), strict=True) if not holds]
    flags = frame.select((~rule.holds).fill_null(value=False).alias(str(number)) for number, rule in enumerate(broken))
    yield from (RuleResult(rule.name, rule.is_warning, rows) for rule, rows in zip(broken, flags, strict=True))


def rules_of(contract: type[Contract]) -> Iterator[tuple[str, pl.Expr]]:
    """Every rule of the contract by name, as an expression that says of each row whether it holds."""
    yield from ((rule.name, rule.holds) for rule in _rules(contract))


def breaking(findings: Iterable[RuleResult], *, warnings: bool = False) -> pl.Series | None:
    """Which rows break a rule that sets them aside (or one that only warns); None where no row does."""
    flags = [finding.broken for finding in findings if finding.is_warning == warnings]
    return reduce(or_, flags) if flags else None


def broken_rules(findings: Iterable[RuleResult], wrong: pl.Series) -> list[list[str]]:
    """Of each row that is `wrong`, which rules it breaks, but for those that only warn."""
    errors = [finding for finding in findings if not finding.is_warning]
    flags = zip(*(finding.broken.filter(wrong).to_list() for finding in errors), strict=True)
    return [[finding.rule for finding, broken in zip(errors, row, strict=True) if broken] for row in flags]


def assert_holds(contract: type[Contract], frame: pl.DataFrame) -> None:
    """Raise Pandera's SchemaErrors unless the frame has the contract's columns, types and data."""
    with config_context(validation_depth=ValidationDepth.SCHEMA_AND_DATA):
        contract.validate(frame, lazy=True)


class _Rule(NamedTuple):
    """A rule as an expression that says of each row whether it holds."""

    name: str
    is_warning: bool
    holds: pl.Expr


@cache
def _rules(contract: type[Contract]) -> list[_Rule]:
    schema = contract.to_schema()
    if schema.unique or any(column.unique for column in schema.columns.values()):
        raise TypeError(f"{contract.__name__}: uniqueness is no rule for single rows; a source's key sees to it")
    nothing = polars_schema(contract).to_frame()
    of_columns = [(check, name) for name, column in schema.columns.items() for check in column.checks]
    for check, name in [*of_columns, *((check, None) for check in schema.checks)]:
        check(nothing.lazy(), name)  # when it is first called, a built-in check finds out how it is done with Polars
    rules = [rule for name, column in schema.columns.items() for rule in _column_rules(name, column)]
    rules += [_rule(str(check.name), check, "*") for check in schema.checks]
    for rule in rules:
        if len(nothing.select(rule.holds)):
            raise TypeError(
                f"{contract.__name__}: {rule.name} gives one answer for all rows; a rule must judge each row"
            )
        if looks_around(rule.holds, nothing.schema):
            raise TypeError(
                f"{contract.__name__}: {rule.name} looks at other rows; a rule must judge each row by itself"
            )
    return rules


def _column_rules(name: str, column: Any) -> Iterator[_Rule]:
    if not column.nullable:
        yield _Rule(f"{name}:missing", False, pl.col(name).is_not_null())
    if column.dtype.type.is_float():
        yield _Rule(f"{name}:not_finite", False, pl.col(name).is_finite())
    yield from (_rule(f"{name}:{check.name}", check, name) for check in column.checks)


def _rule(name: str, check: Check, column: str) -> _Rule:
    try:
        holds = check._check_fn(PolarsData(_Selected(), column), **check._check_kwargs)  # type: ignore[arg-type]
    except (AttributeError, TypeError) as error:
        raise TypeError(f"check {check.name}: must be one expression, as in data.lazyframe.select(…)") from error
    return _Rule(name, bool(check.raise_warning), holds)


class _Selected:
    """Stands in a check for the rows, to learn its expression: evaluated together, expressions share what they have in
    common, and cost a sixth of as many queries."""

    def select(self, holds: pl.Expr) -> pl.Expr:
        return holds
