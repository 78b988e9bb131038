"""What a feature view declares. One file in this folder holds one `VIEW = FeatureView(…)`; everything else is made from it.

Data and pure functions only: no input or output, no Dagster.
"""

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property

import pandera.polars as pa
import polars as pl

from cryptodudez_assets.code_hash import hash_of_code
from cryptodudez_assets.contracts.base import Contract, UtcTime, columns_of, polars_schema

DEFINING = tuple(f"{__name__.partition('.')[0]}.{room}" for room in ("features", "contracts", "ordering"))
"""Where the code lies that a view is made of."""

Frames = Mapping[str, pl.LazyFrame]
"""Inputs of a transform by table name, each with the columns that its `Input` names."""


class FeatureContract(Contract):
    """Base of the contracts of feature tables."""

    event_ts: UtcTime = pa.Field(description="Moment or UTC day (its first instant) that the row describes.")
    known_ts: UtcTime = pa.Field(description="Earliest time at which the row could be known (UTC).")


@dataclass(frozen=True)
class Input:
    """A table that a transform reads: only these columns, and since when a row of it is known.

    `known` names the column that says when what is read of a row could be known. Text of a tweet is known when it was written,
    its likes only when they were observed: the same table may be two different inputs of two views. The table's contract says
    which columns are known when; `refuse_too_early` holds the views to it.
    """

    table: str
    columns: Sequence[str]
    known: str = "known_ts"
    time: str = "event_ts"

    @property
    def all_columns(self) -> list[str]:
        """What is read: the named columns and the two times."""
        return list(dict.fromkeys([*self.columns, self.time, self.known]))


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
class FeatureView:
    """Features of one kind of thing, and how they come about.

    `key`: the columns that, with `event_ts`, identify a row; empty for features of the market as a whole.
    `transform`: inputs to rows of the contract. It must be local to its key (rows of one key depend on inputs with that key only),
    unless `key` is empty, so that any engine can split the work by key. An input without the key's columns is shared by all keys.
    `window`: how far before its `event_ts` a row may look; None where it looks at everything before. What lies further back need
    not be read to compute it.
    `rows_back`: where `window` is None, how many rows of its own key before it a row looks at, whatever their age. Such a view
    is computed for some keys at a time.
    `ttl`: how old, at most, a row may be (`event_ts` to the time asked for) to be served, offline and online alike.
    `versions`: rows of one key and `event_ts` may become known in several versions (likes are scraped again); the table
    `features.<name>` holds the newest, `features.<name>_versions` all of them, and reads of the past use the latter.
    """

    name: str
    contract: type[FeatureContract]
    owner: str
    key: Sequence[str]
    inputs: Sequence[Input]
    transform: Callable[[Frames], pl.LazyFrame]
    window: timedelta | None
    ttl: timedelta
    versions: bool = False
    rows_back: int | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    deprecated: str | None = None

    def __post_init__(self) -> None:
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
    def features(self) -> list[str]:
        """The columns that are features: neither key nor time."""
        return [name for name in polars_schema(self.contract) if name not in {*self.key, "event_ts", "known_ts"}]

    @property
    def description(self) -> str:
        """What it holds, as its contract says it."""
        return inspect.cleandoc(self.contract.__doc__ or "")

    @cached_property
    def code_hash(self) -> str:
        """A hash of what defines it: what its transform and its contract say, its window, how many rows back it looks."""
        return hash_of_code(self.transform, self.contract, within=DEFINING, more=(self.window, self.rows_back))
