"""What the narrow tables share: a time, the calendar, their files' columns, and the check that their rows belong together."""

from collections.abc import Callable, Mapping, Sequence

import pandera.polars as pa
import polars as pl

from cryptodudez_assets.contracts.base import Contract, UtcTime, columns_of
from cryptodudez_assets.derived import Finding, Frames, TableCheck

KEY = "id"
SHOWN = 20


class Timed(Contract):
    """Base of the narrow tables: the time by which they are partitioned, and by which changes are followed."""

    event_ts: UtcTime = pa.Field(description="Time of the row (UTC), by which the table is partitioned.")


class Calendar(Timed):
    """Base of the tables of times."""

    year: pl.Int64 = pa.Field(description="Calendar year (UTC).")
    month: pl.Int64 = pa.Field(description="Month, 1 to 12 (UTC).", ge=1, le=12)
    weekday: pl.Int64 = pa.Field(description="Day of the week (UTC): 1 is Monday, 7 Sunday.", ge=1, le=7)
    week_of_year: pl.Int64 = pa.Field(
        description="Week after ISO 8601 (UTC): that of the year's first Thursday is 1; days around New Year may be of a week "
        "of the year beside.",
        ge=1,
        le=53,
    )


def calendar(time: str) -> dict[str, pl.Expr]:
    """The columns of `Calendar` that a time tells."""
    of = pl.col(time).dt
    told = {"year": of.year(), "month": of.month(), "weekday": of.weekday(), "week_of_year": of.week()}
    return {name: value.cast(pl.Int64) for name, value in told.items()}


def listed(contract: type[Contract]) -> dict[str, str]:
    """The columns of a file: the table's without the time, which its folder tells."""
    return {column.name: column.name for column in columns_of(contract) if column.name != "event_ts"}


def as_read(frames: Frames) -> pl.LazyFrame:
    """The transform of a table that is a choice of columns: rows of its only input, of which it reads no other columns."""
    (rows,) = frames.values()
    return rows


def each_once(
    table: str, parent: str, keys_of: Callable[[pl.LazyFrame], pl.LazyFrame] = lambda rows: rows
) -> TableCheck:
    """The check that a table made of `parent` has one row for each row there. `keys_of` gives the parent's rows their key."""
    return TableCheck(
        "one_row_each",
        f"There is exactly one row for each row of {parent} that it is made of, and no other.",
        lambda frames: _compared({table: frames[table], parent: keys_of(frames[parent])}),
    )


def one_in_each_sister(table: str, sisters: Sequence[str]) -> TableCheck:
    """The check that by their key each row of a table and of its sisters finds exactly one row in each of the others.

    One of the sisters has it: a check that waits for others is waited for by what stands on its table, so that two cannot wait for
    each other. What stands on the others waits for `each_once`, which says the same by way of what all three are made of.
    """
    return TableCheck(
        "one_in_each_sister",
        f"By {KEY} each row of {', '.join(sisters)} and {table} finds exactly one row in each of the others.",
        lambda frames: _compared({name: frames[name] for name in (table, *sisters)}),
        beside=sisters,
    )


def _compared(tables: Mapping[str, pl.LazyFrame]) -> Finding:
    """Whether each key that any has is once in each."""
    keys = [
        rows.select(KEY, pl.lit(name).alias("table")) for name, rows in tables.items() if KEY in rows.collect_schema()
    ]
    counts = [(pl.col("table") == name).sum().alias(name) for name in tables]
    by_key = pl.concat(keys).group_by(KEY).agg(counts)
    wrong = by_key.filter(pl.any_horizontal(pl.col(name) != 1 for name in tables)).sort(KEY).collect(engine="streaming")
    told = [
        f"{n:,} {what} in {name}"
        for name in tables
        for what, n in (("lack", (wrong[name] == 0).sum()), ("are several times", (wrong[name] > 1).sum()))
        if n
    ]
    said = f"of the {KEY}s {'; '.join(told)}" if told else f"each {KEY} is once in {' and '.join(tables)}"
    return Finding(not told, said, {"wrong": wrong.head(SHOWN)} if told else {})
