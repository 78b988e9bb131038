"""Read a table: which of its data files may hold what is asked for, and these as Polars frames."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from functools import cache, reduce
from typing import Any

import polars as pl
from pyiceberg.conversions import from_bytes
from pyiceberg.expressions import AlwaysTrue, And, BooleanExpression, GreaterThanOrEqual, LessThanOrEqual, literal
from pyiceberg.io import PY_IO_IMPL, FileIO, load_file_io
from pyiceberg.io.pyarrow import schema_to_pyarrow
from pyiceberg.manifest import DataFile
from pyiceberg.schema import Schema
from pyiceberg.table import Table
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.types import DateType, NestedField

from cryptodudez_assets.lake.iceberg.manifests import FILES, bounds, files_in
from cryptodudez_assets.lake.iceberg.planning import all_files, all_paths, data_manifests, planned, planned_sizes
from cryptodudez_assets.lake.store import endpoints
from cryptodudez_assets.lake.store.places import path_of

FILE_IO = (
    "pyiceberg.io.pyarrow.PyArrowFileIO"  # named, since of a plain path pyiceberg warns that it takes just this one
)
PATH = " path"  # no column's name begins with a blank
MICROSECONDS_A_DAY = 86_400_000_000
# Fewer rows are not worth a task of their own.
SPLIT_ROWS = 250_000
# Of a file that is written anew, so many rows are in memory at a time.
PORTION_ROWS = 1 << 18


class Files:
    """Some data files of a table. Plain data: they can be handed to another process, which then needs no catalog."""

    def __init__(self, schema: Schema, properties: Mapping[str, str], files: pl.DataFrame) -> None:
        self._schema, self._properties, self._files = schema, properties, files

    @classmethod
    def of(cls, table: Table, sizes: Iterable[tuple[str, int]]) -> "Files":
        """Those of a table at these paths, with so many rows."""
        told = pl.DataFrame(list(sizes), FILES, orient="row")
        return Files(table.schema(), endpoints.of_stores(table.io.properties), told)

    @property
    def paths(self) -> list[str]:
        """Where they lie."""
        return self._files["path"].to_list()

    @property
    def n_rows(self) -> int:
        """How many rows they have."""
        return int(self._files["n_rows"].sum())

    def scan_files(self, paths: Sequence[str], *, with_path: bool = False) -> pl.LazyFrame:
        """Rows of some of them, if wished with their `PATH`."""
        return _scan_files(self._schema, self._properties, paths, with_path=with_path)

    def split(self, parts: int) -> Iterator["Files"]:
        """The same in at most so many parts of neighbouring files with about as many rows, none with few rows if there are several."""
        size = max(self.n_rows / parts, SPLIT_ROWS)
        begin = held = 0
        for at, n_rows in enumerate(self._files["n_rows"], 1):
            held += n_rows
            if held >= size or at == len(self._files):
                yield Files(self._schema, self._properties, self._files[begin:at])
                begin, held = at, 0

    def portions(self) -> Iterator[pl.DataFrame]:
        """All rows, file by file, a bounded number of them in memory at a time."""
        for path, n_rows in self._files.iter_rows():
            yield from portions(self.scan_files([path]), n_rows)


class TableAt(Files):
    """A table as it was at one moment. Its files are looked up once, however often a little of it is read."""

    def __init__(self, table: Table, snapshot_id: int | None = None) -> None:
        self._manifests = data_manifests(table, snapshot_id)
        files = pl.concat([pl.DataFrame(schema=FILES), *(files_in(table.io, one) for one in self._manifests)])
        super().__init__(table.schema(), endpoints.of_stores(table.io.properties), files)
        self._bounds: dict[str, pl.DataFrame] = {}

    @property
    def _io(self) -> FileIO:
        return load_file_io({**self._properties, PY_IO_IMPL: FILE_IO})

    def scan(self, values: pl.Series | None = None) -> pl.LazyFrame:
        """Rows in the files that may hold one of these values in the column of that name (filter again!)."""
        return self.scan_files(self.paths if values is None else self._holding(values))

    def days(self, column: str) -> Iterator[tuple[int, int, int]] | None:
        """Of each data file how many rows it has, and the first and the last day (since 1970) of a column; None where one does not say."""
        field = self._schema.find_field(column)
        unit = 1 if isinstance(field.field_type, DateType) else MICROSECONDS_A_DAY
        told = self._told_of(column)
        if told.null_count().transpose().sum().item():
            return None
        days = (
            pl.Series([int(from_bytes(field.field_type, one)) // unit for one in told[side]], dtype=pl.Int64)
            for side in ("low", "high")
        )
        return iter(zip(self._files["n_rows"], *days, strict=True))

    def _told_of(self, column: str) -> pl.DataFrame:
        """Bounds of a column in each file, read when they are first asked for."""
        if column not in self._bounds:
            field = self._schema.find_field(column)
            self._bounds[column] = bounds(self._io, self._manifests, field.field_id)
        return self._bounds[column]

    def _holding(self, values: pl.Series) -> list[str]:
        field = self._schema.find_field(values.name)
        low, high = (literal(value).to(field.field_type).value for value in _range_of(values))

        def bound(told: bytes | None, unknown: Any) -> Any:
            return unknown if told is None else from_bytes(field.field_type, told)

        return [
            path
            for path, first, last in zip(self._files["path"], *self._told_of(values.name), strict=True)
            if bound(first, low) <= high and low <= bound(last, high)
        ]


def portions(rows: pl.LazyFrame, n_rows: int) -> Iterator[pl.DataFrame]:
    """So many rows of one data file, a bounded number of them in memory at a time."""
    for start in range(0, n_rows, PORTION_ROWS):
        yield rows.slice(start, PORTION_ROWS).collect()


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
    if where is None:
        return all_paths(table, snapshot_id)
    return [path for path, _ in planned_sizes(table, where, snapshot_id)]


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
