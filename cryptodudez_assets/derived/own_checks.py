"""Checks that one derived table has of its own, as it declares them. Asking them is in `derived/upkeep/looking.py`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from cryptodudez_assets.sources.declaration import Finding

__all__ = ["Finding", "TableCheck"]


@dataclass(frozen=True)
class TableCheck:
    """A check that only this table has. Where it fails, what stands on the table waits.

    `judge` is handed rows by table name: those of the table itself, those of its inputs as they were when it was made, and those of
    the tables `beside` as they are now (none where there is no such table yet). It says what it found in words, and shows the first
    of what is wrong. In one run it is asked once the tables beside it are made, so none of them may stand on this one's soundness:
    on a table that reads this one no check of this one can wait.
    """

    name: str
    description: str
    judge: Callable[[Mapping[str, pl.LazyFrame]], Finding]
    beside: Sequence[str] = ()
