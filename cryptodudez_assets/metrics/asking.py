"""Asking for a metric: one SELECT made of its declaration, run over the lake's tables as people's SQL is."""

from collections.abc import Mapping, Sequence
from datetime import date

import polars as pl

from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.sql import answer, connect_to
from cryptodudez_assets.metrics.declaration import Joined, Metric

GRAINS = ("day", "week", "month", "quarter", "year")
"""Stretches of time that a metric may be asked by; each is told by its first day, a week by its Monday."""


class NoRows(LookupError):
    """The metric's table is not there yet; the message says so."""


def statement(metric: Metric, by: Sequence[str] = (), *, since: bool = False, until: bool = False) -> str:
    """The SELECT that answers it: what it is asked by, the number (0 of nothing), and that of all statuses where it has one.

    `since`, `until`: whether only days from `$from` on, and up to and with `$to`, count. Raises ValueError where it cannot be asked by
    that, with what it can be asked by.
    """
    asked = _asked_by(metric, by)
    joins = dict.fromkeys(one.join for one in _joined(metric, asked))
    columns = [
        *(f"{_expression(metric, name)} AS {name}" for name in asked),
        *(f"coalesce({measure}, 0) AS {name}" for name, measure in metric.measures.items()),
    ]
    conditions = [
        *([metric.where] if metric.where else []),
        *([f"{metric.day} >= $from::DATE"] if since else []),
        *([f"{metric.day} <= $to::DATE"] if until else []),
    ]
    lines = [
        "SELECT " + ",\n       ".join(columns),
        f"FROM {metric.table} AS fact",
        *joins,
        *(["WHERE " + " AND ".join(conditions)] if conditions else []),
        *(["GROUP BY ALL", "ORDER BY ALL"] if asked else []),
    ]
    return "\n".join(lines)


def ask(
    lake: Lake, metric: Metric, by: Sequence[str] = (), since: date | None = None, until: date | None = None
) -> pl.DataFrame:
    """The metric's numbers on these days, both ends among them. Raises `NoRows`, and ValueError as `statement` does."""
    text = statement(metric, by, since=since is not None, until=until is not None)
    read = [metric.table, *(one.table for one in _joined(metric, _asked_by(metric, by)))]
    tables = {name: rows for name in read if (rows := lake.tables.scan(name)) is not None}
    if missing := [name for name in read if name not in tables]:
        raise NoRows(f"there are no rows in {' and '.join(missing)} yet; land something for it first")
    given = {name: day for name, day in (("from", since), ("to", until)) if day is not None}
    return ask_of(tables, text, given)


def ask_of(tables: Mapping[str, pl.LazyFrame], text: str, given: Mapping[str, date]) -> pl.DataFrame:
    """What the statement says of these tables, each under its name."""
    with connect_to(tables) as connection:
        return answer(connection, text, given)


def _asked_by(metric: Metric, by: Sequence[str]) -> list[str]:
    """What it is asked by, and what it is always told by; each once."""
    there = [*GRAINS, *metric.dimensions]
    if unknown := [name for name in by if name not in there]:
        raise ValueError(f"{metric.name} cannot be asked by {', '.join(unknown)}; it can by {', '.join(there)}")
    return list(dict.fromkeys([*by, *metric.always_by]))


def _joined(metric: Metric, asked: Sequence[str]) -> list[Joined]:
    return [one for name in asked if isinstance(one := metric.dimensions.get(name), Joined)]


def _expression(metric: Metric, name: str) -> str:
    if name == "day":
        return f"{metric.day}::DATE"
    if name in GRAINS:
        return f"date_trunc('{name}', {metric.day})::DATE"
    dimension = metric.dimensions[name]
    return dimension.expression if isinstance(dimension, Joined) else dimension
