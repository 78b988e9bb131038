"""Iceberg tables: made from contracts, read as Polars frames, changed in one atomic commit at a time.

Writers replace whole files (copy on write), so that a reader needs no merging.
"""

from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import polars as pl
from pyiceberg.exceptions import NoSuchTableError, ValidationError
from pyiceberg.expressions import BooleanExpression
from pyiceberg.io import PY_IO_IMPL
from pyiceberg.table import Table
from pyiceberg.table.metadata import new_table_metadata
from pyiceberg.table.snapshots import MetadataLogEntry
from pyiceberg.types import IcebergType, ListType, NestedField

from cryptodudez_assets.lake.iceberg import homes
from cryptodudez_assets.lake.iceberg.catalog_database import CATALOG, Pointer, named
from cryptodudez_assets.lake.iceberg.change import TableTransaction, committed
from cryptodudez_assets.lake.iceberg.checksums import ASIDE, Records
from cryptodudez_assets.lake.iceberg.provenance import content_of
from cryptodudez_assets.lake.iceberg.scan import FILE_IO, scan
from cryptodudez_assets.lake.iceberg.spec import METADATA_KEPT, TABLE_PROPERTIES, TableSpec, layout_of
from cryptodudez_assets.lake.iceberg.writing import Target
from cryptodudez_assets.lake.store import endpoints
from cryptodudez_assets.lake.store.locks import exclusive
from cryptodudez_assets.lake.store.objects import looks_of, open_store
from cryptodudez_assets.lake.store.places import key_within, path_of, table_folder, version_of
from cryptodudez_assets.lake.store.private import make_private
from cryptodudez_assets.settings import Settings

if TYPE_CHECKING:
    from cryptodudez_assets.lake.iceberg.recording import RecordingCatalog
    from cryptodudez_assets.lake.iceberg.rest_catalog import RestRecordingCatalog

METADATA_FOLDER = "write.metadata.path"
REBUILDING = "lake.rebuilding"
"""The name in the catalog's database of tables that are being made again, until they take the place of the others."""


class IcebergTables:
    """The Iceberg tables of one catalog and lake."""

    def __init__(self, settings: Settings, staged: Collection[str] = ()) -> None:
        self.settings = settings
        self._staged = frozenset(staged)
        """Tables that are made again: under these names, what is there is neither seen nor touched."""

    @cached_property
    def catalog(self) -> "RecordingCatalog | RestRecordingCatalog":
        """Iceberg's catalog, connected to when it is first needed; `homes.HomeRefused` where the home is not whole and its own."""
        return self._connected(CATALOG)

    def _connected(self, name: str) -> "RecordingCatalog | RestRecordingCatalog":
        homes.own(self.settings)
        if self.settings.catalog_is_rest:
            from cryptodudez_assets.lake.iceberg.rest_catalog import opened

            return opened(self.settings, name)
        if self.settings.catalog.startswith("sqlite"):
            make_private(self.settings.home)
        with exclusive(self.settings, "catalog"):  # two first starts at once would both create its tables
            return open_catalog(self.settings, name)

    @cached_property
    def _staging(self) -> "RecordingCatalog | RestRecordingCatalog":
        """Where the staged tables are named: nobody else reads it."""
        return self._connected(REBUILDING)

    def _catalog_of(self, name: str) -> "RecordingCatalog | RestRecordingCatalog":
        return self._staging if name in self._staged else self.catalog

    @cached_property
    def records(self) -> Records:
        """The checksums that were recorded of the tables' files."""
        return Records(open_store(self.settings), self.settings.lake)

    def names(self) -> list[str]:
        """All tables, as `namespace.table`."""
        return self.catalog.names()

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

    def insist_on_staging(self, names: Collection[str]) -> None:
        """Raise HomeRefused with a REST catalog, which names no tables aside."""
        homes.insist_on_sql(
            self.settings,
            "making tables again",
            f"drop {', '.join(sorted(names))} there, remove what lies in the folders, and run `cryptodudez run`",
        )

    def staged(self, names: Collection[str]) -> "IcebergTables":
        """The same tables, but for these, which are not there yet. What is written to them is seen after `swap_in`."""
        self.insist_on_staging(names)
        staged = IcebergTables(self.settings, names)
        staged._staging.forget(names)  # somebody may have died over them
        return staged

    def swap_in(self, names: Collection[str]) -> None:
        """Have staged tables take the place of those of their names, all at once, and forget the other staged ones.

        The files of those that were there become orphans; upkeep removes them.
        """
        with ExitStack() as held:
            for name in sorted(names):
                held.enter_context(self.alone(name))
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
    def alone(self, name: str) -> Iterator[None]:
        """Hold the lock of a table: who changes it takes turns. Whoever moves the lake takes it, too, once all who look know that: so one
        look under it is enough.

        Where it was taken from a holder who may be alive, the table first gets another snapshot, which says the same: a commit of that
        holder's demands the one before, and is refused, also if it is on its way already. Of a table without a snapshot the first is told
        from another by the same demand.
        """
        with exclusive(self.settings, f"table.{name}") as taken_over:
            looks_of(self.settings).insist_on_staying()
            table = self.table(name) if taken_over else None
            if table is not None and table.current_snapshot() is not None:
                with committed(TableTransaction(table, self.records, same_as=content_of(table))) as change:
                    change.as_fence()
            yield

    @contextmanager
    def changing(self, spec: TableSpec) -> Iterator["TableTransaction"]:
        """Collect changes to a table under its lock; they are committed together at the end, or not at all."""
        with (
            self.alone(spec.name),
            committed(TableTransaction(self._ensure(spec), self.records)) as change,
        ):
            yield change

    @contextmanager
    def rearranging(self, name: str) -> Iterator["TableTransaction"]:
        """The same for a table as it is found, whatever contract it was made from: nothing but its layout may change.

        Its snapshots say so, that nothing made from the table counts as out of date.
        """
        with self.alone(name):
            table = self.load(name)
            with committed(TableTransaction(table, self.records, same_as=content_of(table))) as change:
                yield change

    def keep(self, name: str, snapshot_id: int | None = None) -> None:
        """Tag a snapshot (by default the newest), so that upkeep never forgets it."""
        with self.rearranging(name) as change:
            wanted = snapshot_id or change.snapshot_id
            if wanted is not None:
                change.tag(wanted)

    def target(self, spec: TableSpec, table: Table | None = None) -> Target:
        """Where others may write data files of a table, whether it is there already or is made by the commit that adopts them.

        `table`: as it was found a moment ago. Where it has all columns, that is all there is to know.
        """
        if table is not None and is_as(table, spec):
            return Target.of(table.metadata, endpoints.for_iceberg(self.settings))
        with self.alone(spec.name):
            table = self.table(spec.name)
            known = (
                with_new_columns(table, spec).metadata if table is not None else new_table_metadata(**self._new(spec))
            )
        return Target.of(known, endpoints.for_iceberg(self.settings))

    def takes(self, spec: TableSpec, target: Target) -> bool:
        """Whether data files that were written for this target are still files of the table, which may have been made again since."""
        table = self.table(spec.name)
        return target.fits(table.metadata if table is not None else new_table_metadata(**self._new(spec)))

    def _ensure(self, spec: TableSpec) -> Table:
        if (table := self.table(spec.name)) is not None:
            return with_new_columns(table, spec)
        if spec.name not in self._staged:
            homes.insist_on_new(self.settings, open_store(self.settings), spec.name)
        catalog = self._catalog_of(spec.name)
        # First tables of a namespace may be made at the same time, and whoever moves the lake holds this lock: it may have left meanwhile.
        with exclusive(self.settings, "catalog"):
            looks_of(self.settings).insist_on_staying()
            catalog.create_namespace_if_not_exists(spec.name.split(".")[0])
            return catalog.create_table_if_not_exists(spec.name, **self._new(spec))

    def _new(self, spec: TableSpec) -> dict[str, Any]:
        """What a table is made of that is not there yet."""
        schema, partition, order = layout_of(spec)
        properties = TABLE_PROPERTIES | {"comment": spec.description}
        location = f"{homes.warehouse(self.settings)}/{spec.name.replace('.', '/')}"
        if (
            spec.name in self._staged
        ):  # it lies where it will stay, but for what would be taken for that table's metadata
            properties[METADATA_FOLDER] = f"{location}/{ASIDE}"
        return {
            "schema": schema,
            "location": location,
            "partition_spec": partition,
            "sort_order": order,
            "properties": properties,
        }


def open_catalog(settings: Settings, name: str = CATALOG, uri: str | None = None) -> "RecordingCatalog":
    """Iceberg's catalog as it is, made if it is not there. Everybody else asks `IcebergTables.catalog`, which looks at the home first."""
    # Brings SQLAlchemy: loading the graph need not wait for it.
    from cryptodudez_assets.lake.iceberg.recording import RecordingCatalog

    address = uri or settings.catalog.replace("postgresql://", "postgresql+psycopg://")
    properties = {"uri": address, "warehouse": homes.warehouse(settings), PY_IO_IMPL: FILE_IO}
    return RecordingCatalog(name, **properties, **endpoints.for_iceberg(settings))


def _kind(type_: IcebergType) -> str:
    """The type without the numbers that tell parts of it apart."""
    return f"list of {type_.element_type}" if isinstance(type_, ListType) else str(type_)


def is_as(table: Table, spec: TableSpec) -> bool:
    """Whether a table has the contract's columns already, as the contract says them."""
    added, relaxed = _differing(table, spec)
    return not added and not relaxed


def with_new_columns(table: Table, spec: TableSpec) -> Table:
    """The table with the columns that its contract has gained since; older rows have null there. What may be null now may be.

    Raises HomeRefused where the contract gives a column another type than the table has.
    """
    added, relaxed = _differing(table, spec)
    if added or relaxed:
        with table.update_schema() as update:
            for field in added:
                update.add_column(field.name, field.field_type, field.doc)
            for field in relaxed:
                update.update_column(field.name, required=False)
    return table


def _differing(table: Table, spec: TableSpec) -> tuple[list[NestedField], list[NestedField]]:
    """Columns that the table lacks, and those that may be null now: of what is made of other tables also such as the contract no
    longer has. Raises HomeRefused where one is of another type.
    """
    schema, _, _ = layout_of(spec)
    known = {field.name: field.field_type for field in table.schema().fields}
    added = [field for field in schema.fields if field.name not in known]
    for field in schema.fields:
        there = known.get(field.name, field.field_type)
        if _kind(there) != _kind(field.field_type):
            raise homes.HomeRefused(
                f"{spec.name}: the contract {spec.contract.__name__} says that {field.name} is {field.field_type}, the table "
                f"has it as {there}. Rows of both types cannot be in one table: make it again with "
                f"`cryptodudez rebuild {spec.name}`, or give the column another name"
            )
    declared = {field.name: field.required for field in schema.fields}
    relaxed = [
        field for field in table.schema().fields if field.required and not declared.get(field.name, not spec.is_derived)
    ]
    return added, relaxed
