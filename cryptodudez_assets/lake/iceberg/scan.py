"""Read a table: which of its data files may hold what is asked for, and these as Polars frames."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import copy
from datetime import date
from functools import cache, reduce
from typing import Any, Self

import polars as pl
from pyiceberg.conversions import from_bytes
from pyiceberg.expressions import AlwaysTrue, And, BooleanExpression, GreaterThanOrEqual, LessThanOrEqual, literal
from pyiceberg.io.pyarrow import schema_to_pyarrow
from pyiceberg.manifest import DataFile
from pyiceberg.schema import Schema
from pyiceberg.table import Table
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.types import DateType, NestedField

from cryptodudez_assets.lake.iceberg.planning import all_files, planned
from cryptodudez_assets.lake.store import endpoints
from cryptodudez_assets.lake.store.places import path_of

PATH = " path"  # no column's name begins with a blank
MICROSECONDS_A_DAY = 86_400_000_000
# Fewer rows are not worth a task of their own.
SPLIT_ROWS = 250_000
# Of a file that is written anew, so many rows are in memory at a time.
PORTION_ROWS = 1 << 18


class TableAt:
    """A table as it was at one moment. Its files are looked up once, however often a little of it is read.

    Plain data: it can be handed to another process, which then needs no catalog.
    """

    def __init__(self, table: Table, snapshot_id: int | None = None) -> None:
        self._schema, self._properties = table.schema(), endpoints.of_stores(table.io.properties)
        self._files: Sequence[DataFile] = data_files(table, snapshot_id=snapshot_id)

    @classmethod
    def of_files(cls, table: Table, files: Sequence[DataFile]) -> Self:
        """Some data files of a table, as if they were all."""
        made = cls.__new__(cls)
        made._schema, made._properties, made._files = table.schema(), endpoints.of_stores(table.io.properties), files
        return made

    def split(self, parts: int) -> Iterator[Self]:
        """The same in at most so many parts of neighbouring files with about as many rows, none with few rows if there are several."""
        size = max(self.n_rows / parts, SPLIT_ROWS)
        begin, held = 0, 0
        for at, file in enumerate(self._files, 1):
            held += file.record_count
            if held >= size or at == len(self._files):
                part = copy(self)
                part._files = self._files[begin:at]
                yield part
                begin, held = at, 0

    def portions(self) -> Iterator[pl.DataFrame]:
        """All rows, file by file, a bounded number of them in memory at a time."""
        for file in self._files:
            rows = self.scan_files([file.file_path])
            for start in range(0, file.record_count, PORTION_ROWS):
                yield rows.slice(start, PORTION_ROWS).collect()

    @property
    def paths(self) -> list[str]:
        """Its data files."""
        return [file.file_path for file in self._files]

    @property
    def n_rows(self) -> int:
        """How many rows it has."""
        return sum(file.record_count for file in self._files)

    def scan(self, values: pl.Series | None = None) -> pl.LazyFrame:
        """Rows in the files that may hold one of these values in the column of that name (filter again!)."""
        return self.scan_files(self.paths if values is None else [file.file_path for file in self._holding(values)])

    def scan_files(self, paths: Sequence[str], *, with_path: bool = False) -> pl.LazyFrame:
        """Rows of some of its files, if wished with their `PATH`."""
        return _scan_files(self._schema, self._properties, paths, with_path=with_path)

    def days(self, column: str) -> Iterator[tuple[int, int, int]] | None:
        """Of each data file how many rows it has, and the first and the last day (since 1970) of a column; None where one does not say."""
        field = self._schema.find_field(column)
        unit = 1 if isinstance(field.field_type, DateType) else MICROSECONDS_A_DAY
        found = []
        for file in self._files:
            low, high = ((told or {}).get(field.field_id) for told in (file.lower_bounds, file.upper_bounds))
            if low is None or high is None:
                return None
            first, last = (int(from_bytes(field.field_type, told)) // unit for told in (low, high))
            found.append((file.record_count, first, last))
        return iter(found)

    def _holding(self, values: pl.Series) -> Iterator[DataFile]:
        field = self._schema.find_field(values.name)
        low, high = (literal(value).to(field.field_type).value for value in _range_of(values))

        def bound(bounds: Mapping[int, bytes] | None, unknown: Any) -> Any:
            told = (bounds or {}).get(field.field_id)
            return unknown if told is None else from_bytes(field.field_type, told)

        for file in self._files:
            if bound(file.lower_bounds, low) <= high and low <= bound(file.upper_bounds, high):
                yield file


def all_of(parts: Iterable[BooleanExpression]) -> BooleanExpression:
    """True where every part is."""
    return reduce(And, parts, AlwaysTrue())


def within_range_of(values: pl.Series) -> BooleanExpression:
    """True where the column of this name is between the least and the greatest of these values."""
    low, high = _range_of(values)
    return And(GreaterThanOrEqual(values.name, low), LessThanOrEqual(values.name, high))


def _range_of(values: pl.Series) -> Iterator[Any]:
    """Least and greatest, as Iceberg's literals are written."""
    return (value.isoformat() if isinstance(value, date) else value for value in (values.min(), values.max()))


def scan(table: Table, where: BooleanExpression | None = None, snapshot_id: int | None = None) -> pl.LazyFrame:
    """A lazy frame over the table's files that may match `where`."""
    return scan_files(table, planned_files(table, where, snapshot_id))


def planned_files(table: Table, where: BooleanExpression | None = None, snapshot_id: int | None = None) -> list[str]:
    """Paths of the data files that may hold rows matching `where`."""
    return [file.file_path for file in data_files(table, where, snapshot_id)]


def data_files(table: Table, where: BooleanExpression | None = None, snapshot_id: int | None = None) -> list[DataFile]:
    """The data files that may hold rows matching `where`, with their sizes and partitions."""
    if where is None:
        return all_files(table, snapshot_id)
    return [task.file for task in planned(table, where, snapshot_id)]


def scan_files(table: Table, paths: Sequence[str], *, with_path: bool = False) -> pl.LazyFrame:
    """A lazy frame over data files of the table. Columns that were added later are null in older files."""
    return _scan_files(table.schema(), table.io.properties, paths, with_path=with_path)


def _scan_files(
    columns: Schema, properties: Mapping[str, str], paths: Sequence[str], *, with_path: bool = False
) -> pl.LazyFrame:
    schema = _frame_schema(columns.fields)
    if not paths:
        return pl.LazyFrame(schema={**schema, PATH: pl.String} if with_path else schema)
    return pl.scan_parquet(
        [path_of(path) for path in paths],
        schema=schema,
        missing_columns="insert",
        extra_columns="ignore",
        storage_options=endpoints.for_polars(properties, paths[0]),
        hive_partitioning=False,
        glob=False,
        include_file_paths=PATH if with_path else None,
    )


def frame_schema(table: Table | TableMetadata) -> pl.Schema:
    """The table's schema as Polars sees it."""
    return _frame_schema(table.schema().fields)


def in_columns_of(table: Table | TableMetadata, rows: pl.DataFrame) -> pl.DataFrame:
    """The rows with the table's columns; one that the contract no longer has is null from now on."""
    schema = frame_schema(table)
    gone = [pl.lit(None, dtype).alias(name) for name, dtype in schema.items() if name not in rows.columns]
    return rows.with_columns(gone).select(schema.names())


@cache
def _frame_schema(fields: tuple[NestedField, ...]) -> pl.Schema:
    return pl.Schema(pl.from_arrow(schema_to_pyarrow(Schema(*fields)).empty_table()).schema)  # type: ignore[union-attr]


def snapshot_id_of(table: Table) -> int | None:
    """The id of the table's newest snapshot, or None where nothing was ever written."""
    snapshot = table.current_snapshot()
    return snapshot.snapshot_id if snapshot else None
