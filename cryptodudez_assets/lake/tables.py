"""Iceberg tables: made from contracts, read as Polars frames, changed in one atomic commit at a time.

Writers replace whole files (copy on write), so that a reader needs no merging.
"""

import warnings
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import cache, cached_property, reduce
from itertools import chain
from typing import TYPE_CHECKING, Any, Self

import polars as pl
from pyiceberg.conversions import from_bytes
from pyiceberg.exceptions import NoSuchTableError
from pyiceberg.expressions import AlwaysTrue, And, BooleanExpression, GreaterThanOrEqual, LessThanOrEqual, literal
from pyiceberg.io.pyarrow import schema_to_pyarrow
from pyiceberg.manifest import DataFile
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table import Table, Transaction
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.table.sorting import SortField, SortOrder
from pyiceberg.table.update.snapshot import ExpireSnapshots, ManageSnapshots
from pyiceberg.transforms import IdentityTransform
from pyiceberg.types import (
    BooleanType,
    DateType,
    DoubleType,
    IcebergType,
    ListType,
    LongType,
    NestedField,
    StringType,
    TimestamptzType,
)

from cryptodudez_assets.contracts.base import Contract, columns_of, summary_of
from cryptodudez_assets.lake import endpoints, homes
from cryptodudez_assets.lake.catalog_database import CATALOG, Pointer, named
from cryptodudez_assets.lake.data_files import TRANSFORMS, DataFiles, Transform
from cryptodudez_assets.lake.locks import exclusive
from cryptodudez_assets.lake.objects import open_store
from cryptodudez_assets.lake.places import path_of
from cryptodudez_assets.settings import Settings

if TYPE_CHECKING:
    from pyiceberg.catalog.sql import SqlCatalog

PATH = " path"  # no column's name begins with a blank
# Of a file that is rewritten, so many rows are in memory at a time.
REWRITTEN_ROWS = 1 << 18

TABLE_PROPERTIES = {
    # Floats split by byte, as `data_files` writes them, are unknown to older readers of whole columns, such as Spark's.
    "read.parquet.vectorization.enabled": "false",
    # Where a deletion leaves rows of a file, pyiceberg writes them.
    "write.parquet.compression-codec": "zstd",
    "write.parquet.compression-level": "1",
    # Each commit writes a metadata file; without these they would pile up and slow every later commit down.
    "write.metadata.delete-after-commit.enabled": "true",
    "write.metadata.previous-versions-max": "10",
    "commit.manifest-merge.enabled": "true",
    "commit.manifest.min-count-to-merge": "4",
    # Our own writers take turns by a lock; retries are for engines that do not know it.
    "commit.retry.num-retries": "20",
}


@dataclass(frozen=True)
class TableSpec:
    """A table to be: its name, the contract that says what it holds, how it is laid out."""

    name: str
    contract: type[Contract]
    partition_by: Sequence[tuple[str, Transform]]
    sort_by: Sequence[str]

    @property
    def description(self) -> str:
        """What the table holds."""
        return summary_of(self.contract)


class Lakehouse:
    """The Iceberg tables of one catalog and lake."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @cached_property
    def catalog(self) -> "SqlCatalog":
        """Iceberg's catalog, connected to when it is first needed; `homes.Refused` where the home is not whole and its own."""
        homes.own(self.settings)
        if self.settings.catalog.startswith("sqlite"):
            self.settings.home.mkdir(parents=True, exist_ok=True)
        with exclusive(self.settings, "catalog"):  # two first starts at once would both create its tables
            return open_catalog(self.settings)

    def names(self) -> list[str]:
        """All tables, as `namespace.table`."""
        spaces = sorted(self.catalog.list_namespaces())
        return [".".join(name) for space in spaces for name in sorted(self.catalog.list_tables(space))]

    def pointers(self) -> list[Pointer]:
        """All tables, with the metadata file of each."""
        found = named(self.settings)
        return found.pointers if found else []

    def table(self, name: str) -> Table | None:
        """The table as it is now, or None if nothing was ever written to it."""
        try:
            return self.load(name)
        except NoSuchTableError:
            return None

    def load(self, name: str) -> Table:
        """The same of a table that must be there. One that lies outside of the lake is refused."""
        try:
            table = self.catalog.load_table(name)
        except FileNotFoundError:
            raise homes.lost(self.settings, name) from None
        homes.insist_on_own(self.settings, name, table.location())
        return table

    def scan(
        self, name: str, where: BooleanExpression | None = None, snapshot_id: int | None = None
    ) -> pl.LazyFrame | None:
        """Rows of the table in the files that may match `where` (filter again!), or None if there is no table."""
        table = self.table(name)
        return None if table is None else scan(table, where, snapshot_id)

    @contextmanager
    def changing(self, spec: TableSpec) -> Iterator["Change"]:
        """Collect changes to a table under its lock; they are committed together at the end, or not at all."""
        with exclusive(self.settings, f"table.{spec.name}"), committed(Change(self._ensure(spec))) as change:
            yield change

    @contextmanager
    def rearranging(self, name: str) -> Iterator["Change"]:
        """The same for a table as it is found, whatever contract it was made from: nothing but its layout may change."""
        with exclusive(self.settings, f"table.{name}"), committed(Change(self.load(name))) as change:
            yield change

    def keep(self, name: str, snapshot_id: int | None = None) -> None:
        """Tag a snapshot (by default the newest), so that upkeep never forgets it."""
        with self.rearranging(name) as change:
            wanted = snapshot_id or change.snapshot_id
            if wanted is not None:
                change.tag(wanted)

    def _ensure(self, spec: TableSpec) -> Table:
        if (table := self.table(spec.name)) is not None:
            return _with_new_columns(table, spec)
        homes.insist_on_new(self.settings, open_store(self.settings), spec.name)
        schema, partition, order = _layout(spec)
        with exclusive(self.settings, "catalog"):  # first tables of a namespace may be made at the same time
            self.catalog.create_namespace_if_not_exists(spec.name.split(".")[0])
        properties = TABLE_PROPERTIES | {"comment": spec.description}
        return self.catalog.create_table_if_not_exists(
            spec.name, schema, partition_spec=partition, sort_order=order, properties=properties
        )


def open_catalog(settings: Settings, name: str = CATALOG, uri: str | None = None) -> "SqlCatalog":
    """Iceberg's catalog as it is, made if it is not there. Everybody else asks `Lakehouse.catalog`, which looks at the home first."""
    from pyiceberg.catalog.sql import SqlCatalog  # brings SQLAlchemy: loading the graph need not wait for it

    address = uri or settings.catalog.replace("postgresql://", "postgresql+psycopg://")
    properties = {"uri": address, "warehouse": homes.warehouse(settings), "pool_pre_ping": "true"}
    return SqlCatalog(name, **properties, **endpoints.for_iceberg(settings))


class _Transaction(Transaction):  # type: ignore[misc]
    """A transaction that applies its updates once, not at every look: pyiceberg copies all of the metadata each time."""

    _applied: tuple[object, object, TableMetadata] | None = None

    @property
    def table_metadata(self) -> TableMetadata:
        base = self._table.metadata
        if not self._updates:
            return base
        if self._applied is None or self._applied[0] is not base or self._applied[1] is not self._updates:
            self._applied = base, self._updates, super().table_metadata
        return self._applied[2]


class Change:
    """One commit in the making. Data files are written at once, and become visible together when the change ends well.

    What is deleted or dropped concerns rows as they were before the change.
    """

    def __init__(self, table: Table) -> None:
        self.table = table
        self.snapshot_id = _snapshot_id(table)
        self._transaction = _Transaction(table)
        self._properties: dict[str, str] = {}
        self._added = DataFiles(table.metadata, table.io)
        self._dropped: dict[str, DataFile] = {}
        self._changed = False

    def rows(self, where: BooleanExpression | None = None) -> pl.LazyFrame:
        """Rows as they were before the change, in the files that may match `where`."""
        return scan(self.table, where)

    def rows_with_path(self, where: BooleanExpression) -> pl.LazyFrame:
        """The same, and in `PATH` the data file that holds the row."""
        return scan_files(self.table, planned_files(self.table, where), with_path=True)

    def paths(self, where: BooleanExpression) -> list[str]:
        """The data files that may hold rows matching `where`."""
        return planned_files(self.table, where)

    def rows_of(self, path: str) -> pl.LazyFrame:
        """Rows of one data file, with their `PATH`."""
        return scan_files(self.table, [path], with_path=True)

    def delete(self, where: BooleanExpression) -> Self:
        """Drop the rows that match."""
        with self._writing() as properties, warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Delete operation did not match any records")
            self._transaction.delete(where, snapshot_properties=properties)
        return self

    def drop(self, files: Iterable[DataFile]) -> Self:
        """Drop whole data files; all others stay as they are. What is to stay of them must be added."""
        for file in files:
            if file.file_path in self._dropped:
                raise ValueError(f"{file.file_path} is dropped twice in one change")
            self._dropped[file.file_path] = file
        return self

    def add(self, rows: pl.DataFrame) -> Self:
        """Add rows. They are collected, and written in the table's order: few frames or many make the same few files."""
        if len(rows):
            self._added.add(self._columns_of_table(rows))
        return self

    def added(self) -> Iterator[pl.DataFrame]:
        """The rows added so far."""
        added = self._added
        written = added.end_files()
        return chain(*(self._portions(path, n_rows) for path, n_rows in written), added.held)

    def revise(self, fix: Callable[[pl.DataFrame], pl.DataFrame]) -> Self:
        """Add other rows in the place of those added so far."""
        parts, before = self.added(), self._added
        self._added = DataFiles(self.table.metadata, self.table.io)
        for rows in parts:
            self.add(fix(rows))
        before.discard()
        return self

    def rewrite(self, paths: Collection[str], keep: Callable[[pl.DataFrame], pl.DataFrame]) -> Self:
        """Of these data files, keep only some rows, or others in their place."""
        chosen = {path_of(path) for path in paths}
        for file in data_files(self.table) if chosen else ():
            if path_of(file.file_path) in chosen:
                self.drop([file])
                for rows in self._portions(file.file_path, file.record_count):
                    self.add(keep(rows))
        return self

    def replace(self, files: Iterable[DataFile], parts: Iterable[pl.DataFrame]) -> Self:
        """Put other rows in the place of these data files, each part in files of its own."""
        self.drop(files)
        for rows in parts:
            self.add(rows)
            self._added.finish()
        return self

    def expire(self, snapshot_ids: Sequence[int]) -> Self:
        """Forget old snapshots. Their files stay until maintenance removes what no snapshot refers to."""
        if snapshot_ids:
            ExpireSnapshots(self._transaction).by_ids(list(snapshot_ids)).commit()
            self._changed = True
        return self

    def tag(self, snapshot_id: int) -> Self:
        """Keep a snapshot for good, under a tag of its own."""
        name = f"kept-{snapshot_id}"
        if name not in self.table.metadata.refs:
            ManageSnapshots(self._transaction).create_tag(snapshot_id, name).commit()
            self._changed = True
        return self

    def remember(self, properties: Mapping[str, str]) -> Self:
        """Properties of the table itself."""
        self._transaction.set_properties(dict(properties))
        self._changed = True
        return self

    def note(self, properties: Mapping[str, str]) -> Self:
        """Properties for the summary of the next snapshot: of one only, since all of a change become visible together."""
        self._properties |= properties
        return self

    @contextmanager
    def _writing(self) -> Iterator[dict[str, str]]:
        before = len(self._transaction._updates)
        yield self._properties
        self._changed = True
        if len(self._transaction._updates) > before:
            self._properties = {}

    def _portions(self, path: str, n_rows: int) -> Iterator[pl.DataFrame]:
        for start in range(0, n_rows, REWRITTEN_ROWS):
            yield scan_files(self.table, [path]).slice(start, REWRITTEN_ROWS).collect()

    def _columns_of_table(self, rows: pl.DataFrame) -> pl.DataFrame:
        """The rows with the table's columns; one that the contract no longer has is null from now on."""
        schema = frame_schema(self.table)
        gone = [pl.lit(None, dtype).alias(name) for name, dtype in schema.items() if name not in rows.columns]
        return rows.with_columns(gone).select(schema.names())

    def commit(self) -> None:
        """Make everything visible at once."""
        added = self._added.close()
        if added or self._dropped:
            with self._writing() as properties:
                update = self._transaction.update_snapshot(snapshot_properties=properties)
                with update.overwrite() if self._dropped else update.merge_append() as snapshot:
                    for old in self._dropped.values():
                        snapshot.delete_data_file(old)
                    for new in added:
                        snapshot.append_data_file(new)
        if self._changed:
            self._transaction.commit_transaction()
            self.snapshot_id = _snapshot_id(self.table)

    def abandon(self) -> None:
        """Leave everything as it was."""
        self._added.abandon()


@contextmanager
def committed(change: Change) -> Iterator[Change]:
    """The change to be filled, which is then made; where filling it fails, nothing is."""
    try:
        yield change
        change.commit()
    except BaseException:
        change.abandon()
        raise


def _with_new_columns(table: Table, spec: TableSpec) -> Table:
    """The table with the columns that its contract has gained since; older rows have null there."""
    schema, _, _ = _layout(spec)
    known = {field.name for field in table.schema().fields}
    added = [field for field in schema.fields if field.name not in known]
    if added:
        with table.update_schema() as update:
            for field in added:
                update.add_column(field.name, field.field_type, field.doc)
    return table


class Snapshot:
    """A table as it was at one moment. Its files are looked up once, however often a little of it is read."""

    def __init__(self, table: Table, snapshot_id: int | None = None) -> None:
        self._table, self._files = table, data_files(table, snapshot_id=snapshot_id)

    @property
    def paths(self) -> list[str]:
        """Its data files."""
        return [file.file_path for file in self._files]

    def scan(self, values: pl.Series | None = None) -> pl.LazyFrame:
        """Rows in the files that may hold one of these values in the column of that name (filter again!)."""
        return self.scan_files(self.paths if values is None else [file.file_path for file in self._holding(values)])

    def scan_files(self, paths: Sequence[str]) -> pl.LazyFrame:
        """Rows of some of its files."""
        return scan_files(self._table, paths)

    def _holding(self, values: pl.Series) -> Iterator[DataFile]:
        field = self._table.schema().find_field(values.name)
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
    tasks = list(table.scan(where or AlwaysTrue(), snapshot_id=snapshot_id).plan_files())
    if any(task.delete_files for task in tasks):
        raise ValueError(
            f"{'.'.join(table.name())} has delete files, written by another engine: compact it there first"
        )
    return [task.file for task in tasks]


def scan_files(table: Table, paths: Sequence[str], *, with_path: bool = False) -> pl.LazyFrame:
    """A lazy frame over data files of the table. Columns that were added later are null in older files."""
    schema = frame_schema(table)
    if not paths:
        return pl.LazyFrame(schema={**schema, PATH: pl.String} if with_path else schema)
    return pl.scan_parquet(
        [path_of(path) for path in paths],
        schema=schema,
        missing_columns="insert",
        extra_columns="ignore",
        storage_options=endpoints.for_polars(table.io.properties, paths[0]),
        hive_partitioning=False,
        glob=False,
        include_file_paths=PATH if with_path else None,
    )


def frame_schema(table: Table) -> pl.Schema:
    """The table's schema as Polars sees it."""
    return _frame_schema(table.schema().fields)


@cache
def _frame_schema(fields: tuple[NestedField, ...]) -> pl.Schema:
    return pl.Schema(pl.from_arrow(schema_to_pyarrow(Schema(*fields)).empty_table()).schema)  # type: ignore[union-attr]


def _snapshot_id(table: Table) -> int | None:
    snapshot = table.current_snapshot()
    return snapshot.snapshot_id if snapshot else None


@cache
def _layout(spec: TableSpec) -> tuple[Schema, PartitionSpec, SortOrder]:
    fields = [
        NestedField(
            number,
            column.name,
            _iceberg_type(column.dtype, number),
            required=not column.nullable,
            doc=column.description,
        )
        for number, column in enumerate(columns_of(spec.contract), 1)
    ]
    schema = Schema(*fields)
    partition = PartitionSpec(
        *(
            PartitionField(
                schema.find_field(name).field_id, 1000 + i, TRANSFORMS[transform][0], _partition_name(name, transform)
            )
            for i, (name, transform) in enumerate(spec.partition_by)
        )
    )
    order = SortOrder(
        *(SortField(schema.find_field(name).field_id, transform=IdentityTransform()) for name in spec.sort_by)
    )
    return schema, partition, order


def _partition_name(column: str, transform: Transform) -> str:
    return column if transform == "identity" else f"{column}_{transform}"


def _iceberg_type(dtype: Any, number: int) -> IcebergType:
    if dtype == pl.List(pl.String):
        return ListType(element_id=10_000 + number, element_type=StringType(), element_required=False)
    simple: dict[Any, IcebergType] = {
        pl.String: StringType(),
        pl.Int64: LongType(),
        pl.Float64: DoubleType(),
        pl.Boolean: BooleanType(),
        pl.Date: DateType(),
        pl.Datetime: TimestamptzType(),
    }
    return simple[dtype.base_type() if isinstance(dtype, pl.DataType) else dtype]
