"""Whether a source can be taken as it is declared, beyond what its parts see to themselves when they are made."""

import re

import polars as pl

from cryptodudez_assets.contracts.base import TableContract
from cryptodudez_assets.sources.declaration import Layout, Source, SourceCheck

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
TABLE = re.compile(rf"{NAME.pattern}\.{NAME.pattern}")
OWNER = re.compile(r"team:[A-Za-z0-9_-]+|[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,7}")
OF_EVERY_TABLE = frozenset({"contract", "intact", "conservation", "fresh"})
"""Checks that a source's table has anyhow."""
OURS = frozenset({"catalog", "quarantine", "features", "studies", "ml", "online", "exports", "raw"})
"""Where tables and products of the platform's own have their names."""


def problem_of(source: Source) -> str | None:
    """What is wrong with it, if something is; whatever it raises is wrong, too."""
    if not isinstance(source.name, str) or not NAME.fullmatch(source.name):
        return f"name={source.name!r}: expected letters, digits and _, as it names a folder"
    for table in filter(None, (source.table, source.observations)):
        if not TABLE.fullmatch(table):
            return f"the table {table!r}: expected two names with a dot between, such as market.{source.name}"
        if table.partition(".")[0] in OURS:
            return f"the table {table!r}: {table.partition('.')[0]} is kept for the platform's own, use another such as market"
    if source.table == source.observations:
        return f"table and observations are both {source.table!r}"
    problem = _problem_with_words(source) or _problem_with_layouts(source) or _problem_with_checks(source)
    return problem or _problem_when_used(source)


def _problem_with_words(source: Source) -> str | None:
    if not isinstance(source.description, str):
        return f"description={source.description!r}: expected a text"
    if not OWNER.fullmatch(source.owner):
        return f"owner={source.owner!r}: expected team:name or an e-mail address"
    if not (isinstance(source.contract, type) and issubclass(source.contract, TableContract)):
        return f"contract={source.contract!r}: expected a subclass of TableContract"
    if not source.key or isinstance(source.key, str):
        return f"key={source.key!r}: expected a list of columns"
    return None


def _problem_with_layouts(source: Source) -> str | None:
    if not source.layouts or not all(isinstance(layout, Layout) for layout in source.layouts):
        return "layouts: expected a list of at least one Layout"
    for layout in source.layouts:
        for name, expression in layout.canonical.items():
            if not isinstance(expression, pl.Expr):
                return f"layout {layout.name}: {name} is {expression!r}, expected an expression such as pl.col(…)"
    return None


def _problem_with_checks(source: Source) -> str | None:
    names: list[str] = []
    for check in source.checks:
        if not isinstance(check, SourceCheck):
            return f"checks: {check!r} is a {type(check).__name__}, expected a SourceCheck"
        if not NAME.fullmatch(check.name) or check.name in OF_EVERY_TABLE or check.name in names:
            return f"checks: the name {check.name!r} is taken, or has other signs than letters, digits and _"
        names.append(check.name)
    return None


def _problem_when_used(source: Source) -> str | None:
    """What reading files asks of a declaration raises here what it would raise there."""
    names = [layout.name for layout in source.layouts]
    if len(set(names)) < len(names):
        return f"layouts: two have one name among {names}"
    asked = (
        source.code_hash,
        source.values,
        source.keeps_reach,
        source.table_description,
        *map(_reads, source.layouts),
    )
    return None if all(told is not None for told in asked) else "its contract says nothing"


def _reads(layout: Layout) -> bool:
    return layout.is_dated or layout.reads_catalogued
