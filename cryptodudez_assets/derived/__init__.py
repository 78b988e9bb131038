"""Derived tables: every module of these packages that holds a `DERIVED` (of `features/` a `VIEW`) is one. Adding a file adds a table."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from graphlib import CycleError, TopologicalSorter
from importlib import import_module
from typing import Any

from cryptodudez_assets.contracts.base import Contract
from cryptodudez_assets.declarations import Declarations, LeftOut, declared_in, folders_of_own, pickled_by_name
from cryptodudez_assets.derived.checking import problem_of
from cryptodudez_assets.derived.declaration import Daily, Derived, Frames, Input
from cryptodudez_assets.derived.files import Csv, Parquet
from cryptodudez_assets.derived.own_checks import Finding, TableCheck
from cryptodudez_assets.derived.quality import Quality
from cryptodudez_assets.sources import all_sources

__all__ = [
    "Csv",
    "Daily",
    "Declares",
    "Derived",
    "Finding",
    "Frames",
    "Input",
    "Parquet",
    "Quality",
    "TableCheck",
    "all_derived",
    "left_out_derived",
    "topological",
]

__path__ += folders_of_own("derived")

PACKAGES = [
    f"cryptodudez_assets.{room}" for room in ("accounts", "candles", "derived", "features", "posts_and_candles")
]
"""Where derived tables are declared. A room with tables of its own adds its name."""


@dataclass(frozen=True)
class Declares:
    """How the modules of a package declare: as what attribute, of what type, and what can be wrong with one.

    A package that declares something else than derived tables says so in its `DECLARES`.
    """

    attribute: str
    kind: str
    of: type[Any]
    problem_of: Callable[[Any, Mapping[str, type[Contract]]], str | None]
    called: str
    add_others: Callable[[Declarations[Any]], None] = lambda _: None
    """Adds what follows from other declarations."""


DECLARES = Declares("DERIVED", "derived table", Derived, problem_of, "the table")


@cache
def all_derived() -> dict[str, Derived]:
    """Every derived table that is declared, feature views among them, by the table's name. What cannot be taken is left out."""
    return {one.value.table: one.value for one in sorted(look().taken, key=lambda one: one.value.table)}


pickled_by_name(Derived, all_derived, lambda table: table.table)


def left_out_derived() -> list[LeftOut]:
    """The files of derived tables that are left out, each with its reason."""
    return sorted(look().left_out)


def topological(tables: Iterable[Derived]) -> list[Any]:
    """The tables, each behind those that it reads."""
    named = {table.table: table for table in tables}
    of = {stored.name: name for name, table in named.items() for stored in table.stored}
    graph = {name: {of[one.table] for one in table.inputs if one.table in of} for name, table in named.items()}
    return [named[name] for name in TopologicalSorter(graph).static_order()]


def look() -> Declarations[Derived]:
    """What the packages declare now: tables that are taken, and those that are left out."""
    all_of_them, kinds = Declarations[Derived]("derived table"), []
    for name in PACKAGES:
        package = import_module(name)
        declares: Declares = getattr(package, "DECLARES", DECLARES)
        found = declared_in(name, package.__path__, declares.attribute, declares.kind, declares.of)
        declares.add_others(found)
        all_of_them.add(found)
        kinds.append(declares)
    # A table is judged as the most special kind that it is of.
    kinds.sort(key=lambda one: len(one.of.__mro__), reverse=True)

    def kind_of(table: Derived) -> Declares:
        return next(one for one in kinds if isinstance(table, one.of))

    contracts = _contracts(all_of_them)
    of_sources = {name for source in all_sources().values() for name in (source.table, source.observations)}

    def problem(table: Derived) -> str | None:
        if table.table in of_sources:
            return f"the table {table.table!r} is a source's, too: each needs one of its own"
        return kind_of(table).problem_of(table, contracts)

    all_of_them.keep(problem)
    for called in dict.fromkeys(one.called for one in kinds):

        def names(table: Derived, called: str = called) -> list[str]:
            return table.names if kind_of(table).called == called else []

        all_of_them.leave_out_shared(names, called)
    all_of_them.leave_out_shared(
        lambda table: [f"{table.short_name}{one.suffix}" for one in table.exports], "the export"
    )
    _leave_out_circles(all_of_them)
    return all_of_them


def _contracts(found: Declarations[Derived]) -> dict[str, type[Contract]]:
    """The contract of each table that a source or a derived table has: none where several declare one table."""
    derived: dict[str, list[type[Contract]]] = {}
    for one in found.taken:
        try:
            for stored in one.value.stored:
                derived.setdefault(stored.name, []).append(one.value.contract)
        except Exception:  # noqa: S112  what is wrong with it is told where it is checked
            continue
    of_sources = {
        name: source.contract
        for source in all_sources().values()
        for name in (source.table, source.observations)
        if name
    }
    return {name: contracts[0] for name, contracts in derived.items() if len(contracts) == 1} | of_sources


def _leave_out_circles(found: Declarations[Derived]) -> None:
    """Tables that read each other in a circle can never be made."""
    while True:
        try:
            topological(one.value for one in found.taken)
        except CycleError as error:
            circle = error.args[1]
            for one in [one for one in found.taken if one.value.table in circle]:
                found.leave_out(one, f"it reads what is made from itself: {' from '.join(circle)}")
        else:
            return
