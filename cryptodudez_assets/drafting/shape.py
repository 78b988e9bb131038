"""What a declaration says of its files beside their columns: told by the sample, or by the user."""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl


@dataclass(frozen=True)
class Shape:
    """The format of a sample's records, and where they are.

    `rows`: the path of the list of rows in a JSON document. `names`: those of all columns, where the file tells none.
    `optional`: fields that some records lack, or that a document may. `left`: what is in the file and not read, and why.
    """

    format: str
    rows: str = ""
    names: Sequence[str] = ()
    optional: Sequence[str] = ()
    left: Sequence[str] = ()


Read = tuple[bytes, pl.DataFrame, Shape, bool]
"""What is to be landed of a sample, its records as text, how they are written, and whether the file holds no more."""
