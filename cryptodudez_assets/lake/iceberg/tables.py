"""Iceberg tables: made from contracts, read as Polars frames, changed in one atomic commit at a time.

Writers replace whole files (copy on write), so that a reader needs no merging.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date
from functools import cache, cached_property, reduce
from itertools import chain
from typing import TYPE_CHECKING, Any, Self
from uuid import uuid4

import polars as pl
import pyarrow.compute as pc
from pyiceberg.conversions import from_bytes
from pyiceberg.exceptions import NoSuchTableError, ValidationError
from pyiceberg.expressions import AlwaysTrue, And, BooleanExpression, GreaterThanOrEqual, LessThanOrEqual, Or, literal
from pyiceberg.expressions.visitors import bind, extract_field_ids
from pyiceberg.io import PY_IO_IMPL
from pyiceberg.io.pyarrow import expression_to_pyarrow, schema_to_pyarrow
from pyiceberg.manifest import DataFile
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table import FileScanTask, Table, Transaction
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.table.snapshots import MetadataLogEntry
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
from cryptodudez_assets.lake.iceberg import homes
from cryptodudez_assets.lake.iceberg.catalog_database import CATALOG, Pointer, named
from cryptodudez_assets.lake.iceberg.checksums import ASIDE, Records, insist_on_intact
from cryptodudez_assets.lake.iceberg.data_files import TRANSFORMS, DataFiles, Transform
from cryptodudez_assets.lake.iceberg.provenance import SAME_AS, content_of
from cryptodudez_assets.lake.iceberg.replacing import MIN_MANIFESTS, Replacement
from cryptodudez_assets.lake.store import endpoints
from cryptodudez_assets.lake.store.locks import exclusive
from cryptodudez_assets.lake.store.objects import open_store
from cryptodudez_assets.lake.store.places import key_within, path_of, table_folder, version_of
from cryptodudez_assets.lake.store.private import make_private
from cryptodudez_assets.settings import Settings

if TYPE_CHECKING:
    from cryptodudez_assets.lake.iceberg.recording import RecordingCatalog

PATH = " path"  # no column's name begins with a blank
# Of a file that is rewritten, so many rows are in memory at a time.
REWRITTEN_ROWS = 1 << 18
METADATA_KEPT = 10
FILE_IO = (
    "pyiceberg.io.pyarrow.PyArrowFileIO"  # named, since of a plain path pyiceberg warns that it takes just this one
)
METADATA_FOLDER = "write.metadata.path"
REBUILDING = "lake.rebuilding"
"""The name in the catalog's database of tables that are being made again, until they take the place of the others."""

TABLE_PROPERTIES = {
    # Floats split by byte, as `data_files` writes them, are unknown to older readers of whole columns, such as Spark's.
    "read.parquet.vectorization.enabled": "false",
    # Each commit writes a metadata file; without these they would pile up and slow every later commit down.
    "write.metadata.delete-after-commit.enabled": "true",
    "write.metadata.previous-versions-max": f"{METADATA_KEPT}",
    "commit.manifest-merge.enabled": "true",
    "commit.manifest.min-count-to-merge": f"{MIN_MANIFESTS}",
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

    def __init__(self, settings: Settings, staged: Collection[str] = ()) -> None:
        self.settings = settings
        self._staged = frozenset(staged)
        """Tables that are made again: under these names, what is there is neither seen nor touched."""

    @cached_property
    def catalog(self) -> "RecordingCatalog":
        """Iceberg's catalog, connected to when it is first needed; `homes.Refused` where the home is not whole and its own."""
        return self._connected(CATALOG)

    def _connected(self, name: str) -> "RecordingCatalog":
        homes.own(self.settings)
        if self.settings.catalog.startswith("sqlite"):
            make_private(self.settings.home)
        with exclusive(self.settings, "catalog"):  # two first starts at once would both create its tables
            return open_catalog(self.settings, name)

    @cached_property
    def _staging(self) -> "RecordingCatalog":
        """Where the staged tables are named: nobody else reads it."""
        return self._connected(REBUILDING)

    def _catalog_of(self, name: str) -> "RecordingCatalog":
        return self._staging if name in self._staged else self.catalog

    @cached_property
    def records(self) -> Records:
        """The checksums that were recorded of the tables' files."""
        return Records(open_store(self.settings), self.settings.lake)

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
            table = self._catalog_of(name).load_table(name)
        except FileNotFoundError:
            raise homes.lost(self.settings, name, "is gone") from None
        except (ValidationError, ValueError, KeyError, TypeError) as error:  # whatever a damaged JSON comes to
            said = str(error).partition("\n")[0]
            raise homes.lost(self.settings, name, f"cannot be read ({said})") from None
        homes.insist_on_own(self.settings, name, table.location())
        return table

    def location(self, name: str) -> str:
        """The folder of a table. Asks the catalog's database only: the table's metadata may be lost."""
        return table_folder(self.metadata_location(name))

    def metadata_location(self, name: str) -> str:
        """Where a table's present metadata lies. Raises NoSuchTableError where there is no table."""
        return path_of(self.catalog.metadata_location(name))

    def staged(self, names: Collection[str]) -> "Lakehouse":
        """The same tables, but for these, which are not there yet. What is written to them is seen after `swap_in`."""
        staged = Lakehouse(self.settings, names)
        staged._staging.forget(names)  # somebody may have died over them
        return staged

    def swap_in(self, names: Collection[str]) -> None:
        """Have staged tables take the place of those of their names, all at once, and forget the other staged ones.

        The files of those that were there become orphans; upkeep removes them.
        """
        with ExitStack() as held:
            for name in sorted(names):
                held.enter_context(exclusive(self.settings, f"table.{name}"))
            for name in names:
                self.catalog.create_namespace_if_not_exists(name.split(".")[0])
            settled = {name: self._settled(name) for name in sorted(names)}
            self.catalog.point({name: location for name, location in settled.items() if location}, instead_of=names)
        self._staging.forget(self._staged)

    def _settled(self, name: str) -> str | None:
        """Where the metadata of a staged table lie, written where they will stay: as the newest of that table."""
        table = self.table(name)
        if table is None:
            return None
        location, store = path_of(table.location()), open_store(self.settings)
        listed = (store.uri(found.key) for found in store.list(f"{key_within(location, self.settings.lake)}/metadata"))
        before = sorted((version, path) for path in listed if (version := version_of(path)) is not None)
        log = [
            MetadataLogEntry(metadata_file=path, timestamp_ms=table.metadata.last_updated_ms)
            for _, path in before[-METADATA_KEPT:]
        ]
        properties = {key: value for key, value in table.metadata.properties.items() if key != METADATA_FOLDER}
        metadata = table.metadata.model_copy(update={"properties": properties, "metadata_log": log})
        path = f"{location}/metadata/{before[-1][0] + 1 if before else 1:05d}-{uuid4()}.metadata.json"
        sums = {f"{location}/{name}": digest for name, digest in self.records.of(location, ASIDE).by_name.items()}
        self._staging.put(table, metadata, path, sums)
        return path

    def scan(
        self, name: str, where: BooleanExpression | None = None, snapshot_id: int | None = None
    ) -> pl.LazyFrame | None:
        """Rows of the table in the files that may match `where` (filter again!), or None if there is no table."""
        table = self.table(name)
        return None if table is None else scan(table, where, snapshot_id)

    @contextmanager
    def changing(self, spec: TableSpec) -> Iterator["Change"]:
        """Collect changes to a table under its lock; they are committed together at the end, or not at all."""
        with (
            exclusive(self.settings, f"table.{spec.name}"),
            committed(Change(self._ensure(spec), self.records)) as change,
        ):
            yield change

    @contextmanager
    def rearranging(self, name: str) -> Iterator["Change"]:
        """The same for a table as it is found, whatever contract it was made from: nothing but its layout may change.

        Its snapshots say so, that nothing made from the table counts as out of date.
        """
        with exclusive(self.settings, f"table.{name}"):
            table = self.load(name)
            with committed(Change(table, self.records, same_as=content_of(table))) as change:
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
        schema, partition, order = _layout(spec)
        properties = TABLE_PROPERTIES | {"comment": spec.description}
        location = f"{homes.warehouse(self.settings)}/{spec.name.replace('.', '/')}"
        if (
            spec.name in self._staged
        ):  # it lies where it will stay, but for what would be taken for that table's metadata
            properties[METADATA_FOLDER] = f"{location}/{ASIDE}"
        else:
            homes.insist_on_new(self.settings, open_store(self.settings), spec.name)
        catalog = self._catalog_of(spec.name)
        with exclusive(self.settings, "catalog"):  # first tables of a namespace may be made at the same time
            catalog.create_namespace_if_not_exists(spec.name.split(".")[0])
        return catalog.create_table_if_not_exists(
            spec.name, schema, location, partition_spec=partition, sort_order=order, properties=properties
        )


def open_catalog(settings: Settings, name: str = CATALOG, uri: str | None = None) -> "RecordingCatalog":
    """Iceberg's catalog as it is, made if it is not there. Everybody else asks `Lakehouse.catalog`, which looks at the home first."""
    # Brings SQLAlchemy: loading the graph need not wait for it.
    from cryptodudez_assets.lake.iceberg.recording import RecordingCatalog

    address = uri or settings.catalog.replace("postgresql://", "postgresql+psycopg://")
    properties = {"uri": address, "warehouse": homes.warehouse(settings), PY_IO_IMPL: FILE_IO}
    return RecordingCatalog(name, **properties, **endpoints.for_iceberg(settings))


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

    def __init__(self, table: Table, records: Records, same_as: int | None = None) -> None:
        self.table = table
        self.snapshot_id = _snapshot_id(table)
        self._records = records
        self._transaction = _Transaction(table)
        self._properties = {} if same_as is None else {SAME_AS: str(same_as)}
        self._added = DataFiles(table.metadata, table.io)
        self._deleted: list[BooleanExpression] = []
        self._dropped: dict[str, DataFile] = {}
        self._changed = False
        self._is_result = False

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
        self._deleted.append(where)
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
                self._rewrite(file, keep)
        return self

    def _rewrite(self, file: DataFile, keep: Callable[[pl.DataFrame], pl.DataFrame]) -> None:
        self._insist_on_intact([file])
        self.drop([file])
        for rows in self._portions(file.file_path, file.record_count):
            self.add(keep(rows))

    def read(self, files: Sequence[DataFile]) -> pl.DataFrame:
        """The rows of these data files, to be written anew. Raises `Damaged` where a file is not what was written."""
        self._insist_on_intact(files)
        return scan_files(self.table, [file.file_path for file in files]).collect()

    def _insist_on_intact(self, files: Sequence[DataFile]) -> None:
        """What was damaged would pass for good once it is in a file of its own."""
        paths = [file.file_path for file in files]
        insist_on_intact(
            ".".join(self.table.name()), path_of(self.table.location()), self.table.io, self._records, paths
        )

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
        """Properties for the summary of the snapshot that this change makes."""
        self._properties |= properties
        return self

    def as_result(self) -> Self:
        """Make the table's first snapshot even where there are no rows: that there are none is a result, too."""
        self._is_result = True
        return self

    def _carry_out_deletions(self) -> None:
        if not self._deleted:
            return
        where = reduce(Or, self._deleted)
        bound = bind(self.table.schema(), where, case_sensitive=True)
        # Where a null makes that unknown, a row does not match.
        stays = ~pc.coalesce(expression_to_pyarrow(bound, self.table.schema()), pc.scalar(False))

        def keep(rows: pl.DataFrame) -> pl.DataFrame:
            kept = rows.to_arrow(compat_level=pl.CompatLevel.oldest()).filter(stays)
            return pl.DataFrame(pl.from_arrow(kept), schema=rows.schema)

        columns = [self.table.schema().find_column_name(number) for number in sorted(extract_field_ids(bound))]
        for task in _tasks(self.table, where):
            file = task.file
            if task.residual == AlwaysTrue():  # all of its rows match, as its partition tells
                self.drop([file])
            elif any(
                len(keep(rows)) < len(rows) for rows in self._portions(file.file_path, file.record_count, columns)
            ):
                self._rewrite(file, keep)
        self._deleted = []

    def _portions(self, path: str, n_rows: int, columns: Sequence[str] | None = None) -> Iterator[pl.DataFrame]:
        rows = scan_files(self.table, [path])
        for start in range(0, n_rows, REWRITTEN_ROWS):
            yield (rows if columns is None else rows.select(columns)).slice(start, REWRITTEN_ROWS).collect()

    def _columns_of_table(self, rows: pl.DataFrame) -> pl.DataFrame:
        """The rows with the table's columns; one that the contract no longer has is null from now on."""
        schema = frame_schema(self.table)
        gone = [pl.lit(None, dtype).alias(name) for name, dtype in schema.items() if name not in rows.columns]
        return rows.with_columns(gone).select(schema.names())

    def commit(self) -> None:
        """Make everything visible at once."""
        self._carry_out_deletions()
        added = self._added.close()
        if added or self._dropped or (self._is_result and self.snapshot_id is None):
            with self._new_snapshot() as snapshot:
                for old in self._dropped.values():
                    snapshot.delete_data_file(old)
                for new in added:
                    snapshot.append_data_file(new)
            self._changed = True
        if self._changed:
            self._transaction.commit_transaction()
            self.snapshot_id = _snapshot_id(self.table)

    def _new_snapshot(self) -> Any:
        if self._dropped:
            return Replacement(self._transaction, self._properties)
        return self._transaction.update_snapshot(snapshot_properties=self._properties).merge_append()

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
    return [task.file for task in _tasks(table, where or AlwaysTrue(), snapshot_id)]


def _tasks(table: Table, where: BooleanExpression, snapshot_id: int | None = None) -> list[FileScanTask]:
    tasks = list(table.scan(where, snapshot_id=snapshot_id).plan_files())
    if any(task.delete_files for task in tasks):
        raise ValueError(
            f"{'.'.join(table.name())} has delete files, written by another engine: compact it there first"
        )
    return tasks


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
