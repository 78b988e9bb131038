"""What a feature view declares. One file in this folder holds one `VIEW = FeatureView(…)`; everything else is made from it.

Data and pure functions only: no input or output, no Dagster. What it shares with other derived tables is declared in `derived/`.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import Literal

import pandera.polars as pa
import polars as pl

from cryptodudez_assets.code_hash import hash_of_code
from cryptodudez_assets.contracts.base import Contract, UtcTime, columns_of, polars_schema
from cryptodudez_assets.derived.declaration import Derived, Frames, Input, Reaches, Stored, refuse_text

__all__ = ["FeatureContract", "FeatureView", "Frames", "Input", "refuse_too_early"]

DEFINING = tuple(f"{__name__.partition('.')[0]}.{room}" for room in ("features", "contracts", "ordering"))
"""Where the code lies that a view is made of."""


class FeatureContract(Contract):
    """Base of the contracts of feature tables."""

    event_ts: UtcTime = pa.Field(description="Moment or UTC day (its first instant) that the row describes.")
    known_ts: UtcTime = pa.Field(description="Earliest time at which the row could be known (UTC).")


def refuse_too_early(views: Iterable["FeatureView"], contracts: Mapping[str, type[Contract]]) -> None:
    """Raise ValueError where a view takes a column for known before its contract says so. `contracts` are by table."""
    for view in views:
        for one in view.inputs:
            if one.known == "known_ts" or one.table not in contracts:
                continue  # nothing in a row is known later than `known_ts`
            columns = {column.name: column for column in columns_of(contracts[one.table])}
            wrong = [name for name in one.columns if name in columns and columns[name].known != one.known]
            if wrong:
                raise ValueError(
                    f"{view.name} reads {', '.join(wrong)} of {one.table} as known at {one.known}, but the contract "
                    f"{contracts[one.table].__name__} says that it is known at {columns[wrong[0]].known}: read it by an "
                    f"Input of its own with known={columns[wrong[0]].known!r}, or declare in the contract that it is known earlier"
                )


@dataclass(frozen=True)
class FeatureView(Derived):
    """Features of one kind of thing, and how they come about: a derived table with two times and a time to live.

    `name`: its table is `features.<name>`. `key`: the columns that, with `event_ts`, identify a row; empty for features of the market
    as a whole. `transform`: inputs to rows of the contract. It must be local to its key (rows of one key depend on inputs with that
    key only), unless `key` is empty, so that any engine can split the work by key. An input without the key's columns is shared by
    all keys.
    `window`: how far before its `event_ts` a row may look; None where it looks at everything before. What lies further back need
    not be read to compute it. It is what a change of any input reaches.
    `rows_back`: where `window` is None, how many rows of its own key before it a row looks at, whatever their age. Such a view
    is computed for some keys at a time.
    `ttl`: how old, at most, a row may be (`event_ts` to the time asked for) to be served, offline and online alike.
    `versions`: rows of one key and `event_ts` may become known in several versions (likes are scraped again); the table
    `features.<name>` holds the newest, `features.<name>_versions` all of them, and reads of the past use the latter.
    `made_for`: what a function that makes such views made this one of, where its code alone does not tell.
    """

    contract: type[FeatureContract]
    transform: Callable[[Frames], pl.LazyFrame] = field()  # which takes back that it may be None
    window: timedelta | None
    ttl: timedelta
    versions: bool = False
    rows_back: int | None = None
    made_for: tuple[object, ...] = ()

    def __post_init__(self) -> None:
        refuse_text(self.key)
        missing = {*self.key, "event_ts", "known_ts"} - set(polars_schema(self.contract))
        if missing:
            raise ValueError(f"{self.name}: the contract lacks {sorted(missing)}")

    @property
    def table(self) -> str:
        """The table with the newest version of each row."""
        return f"features.{self.name}"

    @property
    def history(self) -> str:
        """The table that reads of the past use."""
        return f"{self.table}_versions" if self.versions else self.table

    @property
    def stored(self) -> list[Stored]:
        """Its table, and the one with all versions where there are several."""
        order = (*self.key, "event_ts")
        # Where a row looks at rows of its key of any age, files hold keys; elsewhere they hold years.
        parts: tuple[tuple[str, Literal["year"]], ...] = () if self.rows_back is not None else (("event_ts", "year"),)
        if not self.versions:
            return [Stored(self.table, parts, order)]
        return [Stored(self.table, parts, order, "known_ts"), Stored(self.history, parts, (*order, "known_ts"))]

    @property
    def names(self) -> list[str]:
        """What it and its tables are called by those who declare."""
        return [self.name, f"{self.name}_versions"] if self.versions else [self.name]

    @property
    def lock(self) -> str:
        """What is held by whoever computes it."""
        return f"view.{self.name}"

    @property
    def time_column(self) -> str:
        """The column that says when a row happened."""
        return "event_ts"

    @property
    def identity(self) -> list[str]:
        """The columns that identify a row of its table."""
        return [*self.key, "event_ts"]

    @property
    def made_columns(self) -> list[str]:
        """The columns that depend on what is read."""
        return self.features

    @property
    def has_own_types(self) -> bool:
        """Its transform sees to the contract's types."""
        return True

    @property
    def counts_back(self) -> int | None:
        """How many rows of its own key a row looks back; None where that is not counted."""
        return self.rows_back

    def reaches(self, one: Input) -> Reaches:
        """What a change of an input reaches: what looks back at it."""
        return "later" if self.window is None else self.window

    def reads(self, one: Input) -> list[str]:
        """The columns that are read of this input: also its two times."""
        return one.all_columns

    @property
    def features(self) -> list[str]:
        """The columns that are features: neither key nor time."""
        return [name for name in polars_schema(self.contract) if name not in {*self.key, "event_ts", "known_ts"}]

    @property
    def upkeep(self) -> Mapping[str, str]:
        """What a reader may want to know of its upkeep."""
        key = ", ".join(self.key) or "none: one row for the market"
        return {"key": key, "ttl": str(self.ttl), "window": self._window}

    @property
    def _window(self) -> str:
        if self.rows_back is not None:
            return f"{self.rows_back + 1} rows"
        return str(self.window) if self.window else "all of the past"

    @cached_property
    def code_hash(self) -> str:
        """A hash of what defines it: what its transform and its contract say, its window, how many rows back it looks."""
        return hash_of_code(
            self.transform, self.contract, within=DEFINING, more=(self.window, self.rows_back, *self.made_for)
        )
