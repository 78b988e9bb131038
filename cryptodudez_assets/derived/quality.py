"""When a derived table is not replaced, and what tells a poor day of it: what is declared. Who looks is in `derived/upkeep/`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import polars as pl


@dataclass(frozen=True)
class Quality:
    """A table with this is not replaced where what was computed lacks keys, repeats some, or is nothing although its inputs are.

    `made_of`: which rows of an input make any; by default all do. Beyond that its days are looked at: `day_of` names the time (or
    date) by whose UTC day rows are counted. Nulls in columns that `may_be_null` does not name, and far fewer rows than usual, are
    told; the rows are kept.
    """

    day_of: str
    may_be_null: Sequence[str] = ()
    made_of: Callable[[pl.LazyFrame], pl.LazyFrame] = lambda rows: rows
