"""Iceberg's catalogs, which record the sums of whatever was written to a table with the commit: here the SQL catalog.

The record is written before the catalog is told of the commit, so there is no commit without one. How sums are taken
is in `hashing.py`, what is done with the record in `checksums.py`. The other catalog is in `rest_catalog.py`.
"""

from collections.abc import Collection, Mapping
from typing import Any

from pyiceberg.catalog import MetastoreCatalog
from pyiceberg.catalog.sql import IcebergTables, SqlCatalog
from pyiceberg.exceptions import NoSuchTableError
from pyiceberg.io import FileIO
from pyiceberg.serializers import FromInputFile
from pyiceberg.table import CommitTableResponse, Table, TableRequirement, TableUpdate
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.typedef import EMPTY_DICT, Identifier, Properties
from sqlalchemy import ColumnElement, delete, insert, select
from sqlalchemy.orm import Session

from cryptodudez_assets.lake.iceberg.checksums import RECORD, record
from cryptodudez_assets.lake.iceberg.hashing import HashingIO, Written
from cryptodudez_assets.lake.iceberg.kept import Kept
from cryptodudez_assets.lake.store.waiting import patient_engine

METADATA = ".metadata.json"
_known: Kept[TableMetadata] = Kept(100)


class Recording:
    """What was written, by any catalog. Writers of one table take turns by a lock: what lies below a table belongs to its next commit."""

    def __init__(self) -> None:
        self._written: Written = {}

    def written_for(self, location: str) -> dict[str, str]:
        """The sums of what was written for the table that lies there and is not committed yet, by path."""
        return {path: digest for path, digest in list(self._written.items()) if path.startswith(f"{location}/")}

    def forget_written(self, location: str) -> None:
        """It was committed."""
        for path in self.written_for(location):
            self._written.pop(path, None)


class RecordingCatalog(Recording, SqlCatalog):  # type: ignore[misc]
    """The catalog in a database."""

    def __init__(self, name: str, **properties: str) -> None:
        Recording.__init__(self)
        # Not SqlCatalog's own: there nobody could say how long to wait for a locked database.
        MetastoreCatalog.__init__(self, name, **properties)
        self.engine = patient_engine(properties["uri"])
        self._init_catalog()

    def _load_file_io(self, properties: Properties = EMPTY_DICT, location: str | None = None) -> FileIO:
        return HashingIO({**self.properties, **properties}, self._written)

    def load_table(self, identifier: str | Identifier) -> Table:
        """As ever; within a pass metadata are not read again: each commit writes others, under a name of their own."""
        name = self.identifier_to_tuple(identifier)
        location = self.metadata_location(".".join(name))
        metadata = _known.get(location, lambda: self._read(location))
        return Table(name, metadata, location, self._load_file_io(metadata.properties, location), self)

    def _read(self, location: str) -> TableMetadata:
        return FromInputFile.table_metadata(self._load_file_io(location=location).new_input(location))

    def _write_metadata(self, metadata: TableMetadata, io: FileIO, metadata_path: str) -> None:
        hashing = self._load_file_io(io.properties, metadata_path)
        super()._write_metadata(metadata, hashing, metadata_path)
        write_record(io, metadata_path, metadata.location, self.written_for(metadata.location))
        _known.put(metadata_path, metadata)

    def create_table(self, *args: Any, **kwargs: Any) -> Table:
        """As ever; what was recorded is forgotten here."""
        table = super().create_table(*args, **kwargs)
        self.forget_written(table.location())
        return table

    def commit_table(
        self, table: Table, requirements: tuple[TableRequirement, ...], updates: tuple[TableUpdate, ...]
    ) -> CommitTableResponse:
        """As ever; what was recorded is forgotten here."""
        # Not before it has gone well: a commit that collides with one of another engine is tried again.
        done = super().commit_table(table, requirements, updates)
        self.forget_written(done.metadata.location)
        return done

    def names(self) -> list[str]:
        """All tables, as `namespace.table`, in one query: the base class makes several for each namespace."""
        asked = select(IcebergTables.table_namespace, IcebergTables.table_name).where(
            IcebergTables.catalog_name == self.name, *self._no_views()
        )
        with Session(self.engine) as session:
            return sorted(f"{space}.{table}" for space, table in session.execute(asked))

    def metadata_location(self, name: str) -> str:
        """Where the metadata of a table lies, without reading it. Raises NoSuchTableError where there is no table."""
        with self.engine.connect() as connection:
            found = connection.scalar(select(IcebergTables.metadata_location).where(*self._is(name)))
        if not found:
            raise NoSuchTableError(f"Table does not exist: {name}")
        return str(found)

    def point(self, locations: Mapping[str, str], instead_of: Collection[str]) -> None:
        """Name other metadata for tables, all at once. What is among `instead_of` only is not there any more."""
        with Session(self.engine) as session:
            for name in instead_of:
                session.execute(delete(IcebergTables).where(*self._is(name)))
            for name, location in locations.items():
                space, _, table = name.rpartition(".")
                session.execute(insert(IcebergTables).values(**self._create_table_row(space, table, location)))
            session.commit()

    def forget(self, names: Collection[str]) -> None:
        """Do not name these tables any more, if they are named."""
        self.point({}, instead_of=names)

    def put(self, table: Table, metadata: TableMetadata, path: str, sums: Mapping[str, str]) -> None:
        """Write metadata of a table where one says, with a record that tells these sums, too. Nothing names it yet."""
        self._written.update(sums)
        self._write_metadata(metadata, table.io, path)
        self.forget_written(metadata.location)

    def _is(self, name: str) -> list[ColumnElement[bool]]:
        space, _, table = name.rpartition(".")
        return [
            IcebergTables.catalog_name == self.name,
            IcebergTables.table_namespace == space,
            IcebergTables.table_name == table,
            *self._no_views(),
        ]

    def _no_views(self) -> list[ColumnElement[bool]]:
        """Java's library keeps views among the tables."""
        told = self._iceberg_type_filter()
        return [] if told is None else [told]


def write_record(io: FileIO, metadata_path: str, location: str, sums: Mapping[str, str]) -> None:
    """Write what is recorded with a metadata file of the table at `location`: the sums of what was written for it, by path."""
    with io.new_output(metadata_path.removesuffix(METADATA) + RECORD).create(overwrite=True) as out:
        out.write(record(location, sums))
