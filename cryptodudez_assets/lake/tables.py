"""Iceberg tables: made from contracts, read as Polars frames, changed in one atomic commit at a time.

The only module that talks to pyiceberg. Writers replace whole files (copy on write), so that a reader needs no merging.
"""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, Literal, Self

import polars as pl
import pyarrow as pa
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.exceptions import NamespaceAlreadyExistsError, NoSuchTableError, TableAlreadyExistsError
from pyiceberg.expressions import AlwaysTrue, BooleanExpression
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table import Table
from pyiceberg.table.sorting import SortField, SortOrder
from pyiceberg.transforms import DayTransform, IdentityTransform, MonthTransform, YearTransform
from pyiceberg.types import BooleanType, DateType, DoubleType, IcebergType, ListType, LongType, NestedField, StringType, TimestamptzType

from cryptodudez_assets.contracts.base import Contract, columns_of, polars_schema, summary_of
from cryptodudez_assets.lake.locks import exclusive
from cryptodudez_assets.settings import Settings

Transform = Literal["identity", "year", "month", "day"]
TRANSFORMS = {"identity": IdentityTransform, "year": YearTransform, "month": MonthTransform, "day": DayTransform}

TABLE_PROPERTIES = {
    "write.parquet.compression-codec": "zstd",
    "write.parquet.compression-level": "1",
    "write.parquet.row-group-limit": "131072",
    # Each commit writes a metadata file; without these they would pile up and slow every later commit down.
    "write.metadata.delete-after-commit.enabled": "true",
    "write.metadata.previous-versions-max": "10",
    "commit.manifest-merge.enabled": "true",
    "commit.manifest.min-count-to-merge": "16",
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
        return summary_of(self.contract)


class Lakehouse:
    """The Iceberg tables of one catalog and lake."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @cached_property
    def catalog(self) -> SqlCatalog:
        if self.settings.catalog.startswith("sqlite"):
            self.settings.home.mkdir(parents=True, exist_ok=True)
        uri = self.settings.catalog.replace("postgresql://", "postgresql+psycopg://")
        properties = {"uri": uri, "warehouse": self.warehouse, "pool_pre_ping": "true"}
        if self.settings.s3_endpoint:
            properties |= {"s3.endpoint": self.settings.s3_endpoint, "s3.region": self.settings.s3_region}
        with exclusive(self.settings, "catalog"):  # two first starts at once would both create its tables
            return SqlCatalog("lake", **properties)

    @property
    def warehouse(self) -> str:
        """Root of the tables' files."""
        lake = self.settings.lake
        return f"file://{lake}/tables" if self.settings.lake_is_local else f"{lake}/tables"

    def names(self) -> list[str]:
        """All tables, as `namespace.table`."""
        spaces = sorted(self.catalog.list_namespaces())
        return [".".join(name) for space in spaces for name in sorted(self.catalog.list_tables(space))]

    def table(self, name: str) -> Table | None:
        """The table as it is now, or None if nothing was ever written to it."""
        try:
            return self.catalog.load_table(name)
        except NoSuchTableError:
            return None

    def scan(self, name: str, where: BooleanExpression | None = None, snapshot_id: int | None = None) -> pl.LazyFrame | None:
        """Rows of the table in the files that may match `where` (filter again!), or None if there is no table."""
        table = self.table(name)
        return None if table is None else scan(table, where, snapshot_id)

    @contextmanager
    def changing(self, spec: TableSpec) -> Iterator["Change"]:
        """Collect changes to a table under its lock; they are committed together at the end, or not at all."""
        with exclusive(self.settings, f"table.{spec.name}"):
            change = Change(spec, self._ensure(spec))
            yield change
            change.commit()

    def _ensure(self, spec: TableSpec) -> Table:
        if (table := self.table(spec.name)) is not None:
            return table
        schema, partition, order = _layout(spec)
        try:
            self.catalog.create_namespace(spec.name.split(".")[0])
        except NamespaceAlreadyExistsError:
            pass  # another table made it
        try:
            return self.catalog.create_table(
                spec.name, schema, partition_spec=partition, sort_order=order, properties=TABLE_PROPERTIES | {"comment": spec.description}
            )
        except TableAlreadyExistsError:
            return self.catalog.load_table(spec.name)


class Change:
    """One commit in the making. Data files are written at once, and become visible together when the change ends well."""

    def __init__(self, spec: TableSpec, table: Table) -> None:
        self.spec, self.table = spec, table
        self.snapshot_id = _snapshot_id(table)
        self._transaction = table.transaction()
        self._properties: dict[str, str] = {}
        self._changed = False

    def rows(self, where: BooleanExpression | None = None) -> pl.LazyFrame:
        """Rows as they were before the change, in the files that may match `where`."""
        return scan(self.table, where)

    def file_count(self, where: BooleanExpression) -> int:
        """How many data files may hold rows that match."""
        return len(planned_files(self.table, where))

    def delete(self, where: BooleanExpression) -> Self:
        """Drop the rows that match, also those added before: delete first."""
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Delete operation did not match any records")
            self._transaction.delete(where, snapshot_properties=self._properties)
        self._changed = True
        return self

    def add(self, rows: pl.DataFrame) -> Self:
        """Write rows, in the table's order."""
        if len(rows):
            ordered = rows.select(polars_schema(self.spec.contract).names()).sort(self.spec.sort_by)
            self._transaction.append(_arrow(ordered, self.table.schema()), snapshot_properties=self._properties)
            self._changed = True
        return self

    def note(self, properties: Mapping[str, str]) -> Self:
        """Properties for the summaries of the snapshots that follow."""
        self._properties |= properties
        return self

    def commit(self) -> None:
        if self._changed:
            self._transaction.commit_transaction()
            self.snapshot_id = _snapshot_id(self.table)


def scan(table: Table, where: BooleanExpression | None = None, snapshot_id: int | None = None) -> pl.LazyFrame:
    """A lazy frame over the table's files that may match `where`."""
    return scan_files(table, planned_files(table, where, snapshot_id))


def planned_files(table: Table, where: BooleanExpression | None = None, snapshot_id: int | None = None) -> list[str]:
    """Paths of the data files that may hold rows matching `where`."""
    tasks = list(table.scan(where or AlwaysTrue(), snapshot_id=snapshot_id).plan_files())
    if any(task.delete_files for task in tasks):
        raise ValueError(f"{'.'.join(table.name())} has delete files, written by another engine: compact it there first")
    return [task.file.file_path for task in tasks]


def scan_files(table: Table, paths: Sequence[str]) -> pl.LazyFrame:
    """A lazy frame over data files of the table. Columns that were added later are null in older files."""
    schema = frame_schema(table)
    if not paths:
        return pl.LazyFrame(schema=schema)
    return pl.scan_parquet(
        list(paths),
        schema=schema,
        missing_columns="insert",
        extra_columns="ignore",
        storage_options=_storage_options(table) if "://" in paths[0] and not paths[0].startswith("file:") else None,
        hive_partitioning=False,
        glob=False,
    )


def frame_schema(table: Table) -> pl.Schema:
    """The table's schema as Polars sees it."""
    return pl.Schema(pl.from_arrow(_arrow_schema(table.schema()).empty_table()).schema)  # type: ignore[union-attr]


def _storage_options(table: Table) -> dict[str, str]:
    names = {"s3.endpoint": "aws_endpoint_url", "s3.region": "aws_region"}
    options = {names[key]: value for key, value in table.io.properties.items() if key in names}
    return options | ({"aws_allow_http": "true"} if options.get("aws_endpoint_url", "").startswith("http:") else {})


def _snapshot_id(table: Table) -> int | None:
    snapshot = table.current_snapshot()
    return snapshot.snapshot_id if snapshot else None


def _arrow_schema(schema: Schema) -> pa.Schema:
    return pa.schema([pa.field(field.name, _ARROW[str(field.field_type)], not field.required) for field in schema.fields])


def _arrow(rows: pl.DataFrame, schema: Schema) -> pa.Table:
    # Polars hands out all-nullable large types; Iceberg insists on the table's own.
    return rows.to_arrow().cast(_arrow_schema(schema))


@cache
def _layout(spec: TableSpec) -> tuple[Schema, PartitionSpec, SortOrder]:
    fields = [
        NestedField(number, column.name, _iceberg_type(column.dtype, number), required=not column.nullable, doc=column.description)
        for number, column in enumerate(columns_of(spec.contract), 1)
    ]
    schema = Schema(*fields)
    partition = PartitionSpec(
        *(
            PartitionField(schema.find_field(name).field_id, 1000 + i, TRANSFORMS[transform](), _partition_name(name, transform))
            for i, (name, transform) in enumerate(spec.partition_by)
        )
    )
    order = SortOrder(*(SortField(schema.find_field(name).field_id, transform=IdentityTransform()) for name in spec.sort_by))
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


_ARROW = {
    "string": pa.string(),
    "long": pa.int64(),
    "double": pa.float64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "timestamptz": pa.timestamp("us", tz="UTC"),
    "list<string>": pa.list_(pa.field("element", pa.string())),
}
