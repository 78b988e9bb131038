"""What a derived table declares. One file holds one `DERIVED = Derived(…)`; everything else is made from it.

Data and pure functions only: no input or output, no Dagster. A feature view is a derived table with more to say (`features/`).
"""

import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import polars as pl

from cryptodudez_assets.code_hash import hash_of_code
from cryptodudez_assets.contracts.base import Contract, polars_schema
from cryptodudez_assets.derived.files import Export
from cryptodudez_assets.derived.own_checks import TableCheck
from cryptodudez_assets.derived.quality import Quality
from cryptodudez_assets.derived.statement import Statement

PACKAGE = __name__.partition(".")[0]
SHARED = tuple(f"{PACKAGE}.{room}" for room in ("derived", "features", "contracts", "ordering"))
"""Where code lies that several tables are made of."""

Frames = Mapping[str, pl.LazyFrame]
"""Inputs of a transform by table name, each with the columns that its `Input` names."""

Reaches = Literal["keys", "later", "all"] | timedelta
"""Which rows a change of an input row reaches: those with its values of the key's columns; of these only such as lie on its UTC day
or up to so long after it, or at any time after it (a time in the key is no such value then); or all rows there are."""


@dataclass(frozen=True)
class Input:
    """A table that a transform reads: only these columns.

    `time` names the column that says when a row happened, and `known` the one that says when what is read of it could be known.
    Text of a tweet is known when it was written, its likes only when they were observed: the same table may be two different inputs
    of two feature views. `reaches`: what a change of it reaches; of a feature view the view itself says so. `absent`: its contract,
    if it is read as a table without rows until it is there; otherwise what reads it waits. Nothing is made of no input at all.
    """

    table: str
    columns: Sequence[str]
    known: str = "known_ts"
    time: str = "event_ts"
    reaches: Reaches = "keys"
    absent: type[Contract] | None = None

    @property
    def all_columns(self) -> list[str]:
        """The named columns and the two times."""
        return list(dict.fromkeys([*self.columns, self.time, self.known]))


@dataclass(frozen=True)
class Daily:
    """Days as handles for people and backfills: `column` is the UTC day (or a time on it) of a row; `start` the first with a handle.

    Where tables begin apart, Dagster shows handles from the earliest of their days on; a day before a table's own has no rows to compute.
    """

    column: str
    start: date = date(2010, 1, 1)


@dataclass(frozen=True)
class Stored:
    """A table as it is kept: how it is laid out, and what identifies a row. Of several with one `key`, the newest by `newest_by`."""

    name: str
    partition_by: Sequence[tuple[str, Literal["identity", "year", "month", "day"]]]
    sort_by: Sequence[str]
    newest_by: str | None = None


@dataclass(frozen=True)
class Derived:
    """A table that is computed of others, and how.

    `name`: the table's, such as `accounts.fact_user_day`. `key`: the columns that identify a row.
    `transform`: inputs to rows of the contract. Or `sql`: the name of a file beside the declaration, with one SELECT over the inputs
    under their tables' names. Either must be local to the key's columns that an input has (rows depend on inputs with the same
    values), unless that input says `reaches="all"`, and must give the same whatever order rows come in.
    `accumulates`: a row adds up on the one of its key before it. The transform is handed, under the table's own name, each key's last
    row before the days that are computed, and of inputs only what happened on these days or later; its rows are those of these days.
    What of the key is no time is what adds up; without a time in it there is one row of each. Every input reaches `later`.
    `time`: the column that inputs which reach so long, or `later`, refer to; by default the one of `partitions`.
    `partitions`: days that people can have computed again. `exports`: files that are written of it. `checks` are asked beside those
    that every table has, and what stands on it waits for them. `quality`: what must hold for it to be replaced, and what tells a
    poor day.
    """

    name: str
    contract: type[Contract]
    owner: str
    key: Sequence[str]
    inputs: Sequence[Input]
    transform: Callable[[Frames], pl.LazyFrame] | None = None
    sql: str | Path | None = field(default=None, kw_only=True)
    accumulates: bool = field(default=False, kw_only=True)
    time: str | None = field(default=None, kw_only=True)
    partitions: Daily | None = field(default=None, kw_only=True)
    exports: Sequence[Export] = field(default=(), kw_only=True)
    checks: Sequence[TableCheck] = field(default=(), kw_only=True)
    quality: Quality | None = field(default=None, kw_only=True)
    tags: Mapping[str, str] = field(default_factory=dict, kw_only=True)
    deprecated: str | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        if self.sql is not None and not Path(self.sql).is_absolute():
            object.__setattr__(self, "sql", _folder_of_caller() / self.sql)
        refuse_text(self.key)
        if missing := set(self.key) - set(polars_schema(self.contract)):
            raise ValueError(f"{self.name}: the contract lacks {sorted(missing)}")

    @property
    def table(self) -> str:
        """The table's name."""
        return self.name

    @property
    def short_name(self) -> str:
        """Its name within its namespace."""
        return self.table.partition(".")[2]

    @property
    def group(self) -> str:
        """What it stands with."""
        return self.table.partition(".")[0]

    @property
    def time_column(self) -> str | None:
        """The column that says when a row happened."""
        return self.time or (self.partitions.column if self.partitions else None)

    @property
    def identity(self) -> list[str]:
        """The columns that identify a row."""
        return list(self.key)

    @property
    def stored(self) -> list[Stored]:
        """Its table, and others that are computed with it."""
        time = self.time_column
        parts: list[tuple[str, Literal["month"]]] = [(time, "month")] if time else []
        return [Stored(self.table, tuple(parts), tuple(self.key))]

    @property
    def names(self) -> list[str]:
        """What it and its tables are called by those who declare."""
        return [stored.name for stored in self.stored]

    @property
    def made_columns(self) -> list[str]:
        """The columns that depend on what is read."""
        return polars_schema(self.contract).names()

    @property
    def description(self) -> str:
        """What it holds, as its contract says it."""
        return inspect.cleandoc(self.contract.__doc__ or "")

    @property
    def upkeep(self) -> Mapping[str, str]:
        """What a reader may want to know of its upkeep."""
        reach = ", ".join(f"{one.table}: {one.reaches}" for one in self.inputs)
        return {"key": ", ".join(self.key), "a change reaches": reach}

    @property
    def has_own_types(self) -> bool:
        """Whether the transform itself sees to the contract's types."""
        return False

    @property
    def counts_back(self) -> int | None:
        """How many rows of its own key a row looks back; None where that is not counted."""
        return None

    @property
    def carried_key(self) -> list[str]:
        """Of a table that accumulates, the columns whose rows add up: its key without the time."""
        return [name for name in self.key if name != self.time_column]

    @property
    def is_cut_by_time(self) -> bool:
        """Whether its days can be computed one after the other: inputs reach so long, or what rows add up on is handed on."""
        spans = all(isinstance(self.reaches(one), timedelta) for one in self.inputs)
        return self.counts_back is None and (self.accumulates or spans)

    def reaches(self, one: Input) -> Reaches:
        """What a change of this input reaches."""
        return one.reaches

    def is_timed(self, one: Input) -> bool:
        """Whether time bounds what a change of this input reaches."""
        return self.reaches(one) not in ("keys", "all")

    def needs(self, there: Callable[[str], bool]) -> list[str]:
        """The inputs that it is made from, by which of them are there: without those that may be absent, unless all are."""
        found = [one.table for one in self.inputs if one.absent is None or there(one.table)]
        return found if any(map(there, found)) else [one.table for one in self.inputs]

    def shared_key(self, one: Input) -> list[str]:
        """The key's columns by which a change of this input reaches rows. No time where time bounds it: another time is reached, too."""
        times = (one.time, self.time_column) if self.is_timed(one) else ()
        return [name for name in self.key if name in one.columns and name not in times]

    def reads(self, one: Input) -> list[str]:
        """The columns that are read of this input."""
        return list(dict.fromkeys([*one.columns, *([one.time] if self.is_timed(one) else [])]))

    @property
    def statement(self) -> Statement | None:
        """What its SQL says."""
        if self.sql is None:
            return None
        try:
            return Statement(Path(self.sql).read_text("utf-8"))
        except FileNotFoundError:
            raise ValueError(f"sql={Path(self.sql).name!r}: there is no such file beside the declaration") from None

    @cached_property
    def code_hash(self) -> str:
        """A hash of what defines it: what transform, SQL and contract say, what is read, what a change reaches."""
        more: Any = [*self.key], self.time_column, [(one.table, self.reads(one), one.reaches) for one in self.inputs]
        more += ("accumulates",) * self.accumulates
        if self.statement is not None:
            return hash_of_code(self.contract, within=SHARED, more=(*more, self.statement.meaning))
        home = str(getattr(self.transform, "__module__", "")).rpartition(".")[0]
        return hash_of_code(self.transform, self.contract, within=(*SHARED, home), more=more)


def refuse_text(key: object) -> None:
    """Raise ValueError where a key is one text, which is a sequence of letters."""
    if isinstance(key, str):
        raise ValueError(f"key={key!r}: expected a list of columns")


def _folder_of_caller() -> Path:
    """Where the module lies that declares: the first caller that is not this one."""
    frame: Any = sys._getframe(1)
    while frame.f_globals.get("__name__") in (__name__, "dataclasses") or frame.f_code.co_name in (
        "__init__",
        "__post_init__",
    ):
        frame = frame.f_back
    return Path(frame.f_code.co_filename).parent
