"""How far data files reach in some columns, as their statistics tell: whether two can hold a row with the same key."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import and_
from typing import Any

import polars as pl
from pyiceberg.conversions import from_bytes
from pyiceberg.manifest import DataFile
from pyiceberg.table import Table
from pyiceberg.types import DoubleType, NestedField

from cryptodudez_assets.lake.iceberg.scan import frame_schema

Bounds = tuple[Any, Any]
NOT_TOLD: Bounds = (None, None)


@dataclass(frozen=True)
class Range:
    """Least and greatest value of each column, as Iceberg has them: of long texts no more than bounds. None: not told."""

    bounds: Mapping[str, Bounds]
    schema: pl.Schema

    def meets(self, other: "Range") -> bool:
        """Whether a row in the one may have the same values as a row in the other."""
        return all(_overlap(bounds, other.bounds[name]) for name, bounds in self.bounds.items())

    @property
    def holds(self) -> pl.Expr:
        """True of the rows that lie within."""
        return reduce(and_, (part for name in self.bounds for part in self._parts(name)), pl.lit(value=True))

    def _parts(self, name: str) -> list[pl.Expr]:
        low, high = self.bounds[name]
        column, dtype = pl.col(name), self.schema[name]  # Iceberg counts days and microseconds, as Polars does
        at_least = [] if low is None else [column >= pl.lit(low).cast(dtype)]
        return at_least + ([] if high is None else [column <= pl.lit(high).cast(dtype)])


def range_of(table: Table, file: DataFile, columns: Sequence[str]) -> Range:
    """How far a data file reaches in these columns."""
    fields = [table.schema().find_field(name) for name in columns]
    return Range({field.name: _bounds(file, field) for field in fields}, frame_schema(table))


def _bounds(file: DataFile, field: NestedField) -> Bounds:
    # Statistics leave out nulls and, of floats, what is no number: these would meet their like wherever they are.
    if isinstance(field.field_type, DoubleType) or (file.null_value_counts or {}).get(field.field_id, 1):
        return NOT_TOLD
    low, high = ((side or {}).get(field.field_id) for side in (file.lower_bounds, file.upper_bounds))
    return (
        None if low is None else from_bytes(field.field_type, low),
        None if high is None else from_bytes(field.field_type, high),
    )


def _overlap(one: Bounds, other: Bounds) -> bool:
    (low, high), (least, greatest) = one, other
    return (low is None or greatest is None or low <= greatest) and (least is None or high is None or least <= high)
