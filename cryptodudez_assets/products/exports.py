"""Which tables are exported as files: those whose declaration says so, and some of sources. Below `<lake>/exports/`, a folder each."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from cryptodudez_assets.code_hash import hash_of_code
from cryptodudez_assets.contracts.base import Contract, polars_schema
from cryptodudez_assets.contracts.stock_market import AS_IN_FILES
from cryptodudez_assets.derived.declaration import Derived
from cryptodudez_assets.derived.files import Export, Parquet
from cryptodudez_assets.lake import exports, month_folders
from cryptodudez_assets.lake.iceberg.provenance import MadeFrom
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.store.stored import StoredObject
from cryptodudez_assets.sources.declaration import Source

OF_SOURCES: Mapping[str, Sequence[Export]] = {
    "market.stock_market": [
        Parquet(
            columns=AS_IN_FILES,
            sort_by=["symbol", "date"],
            description="The candles of stocks and ETFs as one Parquet file.",
        )
    ],
}


@dataclass(frozen=True)
class Exported:
    """A table and a file that it is exported as. `identity`: what its rows are in the order of, unless the export says otherwise."""

    table: str
    contract: type[Contract]
    owner: str
    identity: Sequence[str]
    export: Export

    @property
    def name(self) -> str:
        """The name of the file, and of the asset."""
        return self.table.split(".")[1]

    @property
    def product(self) -> str:
        """Its name among all products."""
        return f"exports.{self.name}{self.export.suffix}"

    @property
    def columns(self) -> Mapping[str, str]:
        """The file's columns, each with the table's that it is of."""
        schema = polars_schema(self.contract)
        return self.export.columns if self.export.columns is not None else dict(zip(schema, schema, strict=True))

    @property
    def sort_by(self) -> Sequence[str]:
        """Columns of the table that its rows are in the order of."""
        return self.export.sort_by or list(self.identity) or list(self.columns.values())

    @property
    def description(self) -> str:
        """What it is."""
        if self.export.description:
            return self.export.description
        files = "a file for each month" if self.by_month else f"one {self.export.ending} file"
        return f"All rows of {self.table} as {files}."

    @property
    def by_month(self) -> str | None:
        """The column by whose months there are files; None where there is one file."""
        return self.export.by_month if isinstance(self.export, Parquet) else None

    @property
    def code_hash(self) -> str:
        """A hash of what is written how."""
        if self.by_month:
            told = (dict(self.columns), list(self.sort_by), self.by_month)
            return hash_of_code(month_folders.export_by_month, within=(exports.__name__,), more=told)
        return hash_of_code(exports.export, more=(dict(self.columns), list(self.sort_by)))

    @property
    def key(self) -> str:
        """Its place in the lake: of a file, or of the folder with those of all months."""
        folder = f"{exports.FOLDER}/{self.export.folder or self.name}"
        if self.by_month:
            return f"{folder}/{self.name}" if self.export.folder else folder
        return f"{folder}/{self.name}.{self.export.ending}"

    def place(self, lake: Lake) -> str:
        """Where it is written, as people see it."""
        return lake.store.uri(self.key)

    def is_there(self, lake: Lake) -> bool:
        """Whether anything of it is there."""
        return any(self._files(lake))

    def made_from(self, lake: Lake) -> MadeFrom | None:
        """What it was made from; None where it is not there, or not whole."""
        told = month_folders.exported_by_month_from if self.by_month else exports.exported_from
        return told(lake.store, self.key)

    def size(self, lake: Lake) -> int:
        """How many bytes it has."""
        return sum(one.size for one in self._files(lake))

    def _files(self, lake: Lake) -> Iterable[StoredObject]:
        if self.by_month:
            return lake.store.list(self.key)
        found = lake.store.stat(self.key)
        return [found] if found else []

    def is_one_of_several(self, tables: Iterable[str]) -> bool:
        """Whether it is of files that are read together, and any table of its namespace is there: it is written without rows then, while
        its own table is not."""
        namespace = self.table.partition(".")[0]
        is_file = self.export.folder is not None and not self.by_month
        return is_file and any(name.partition(".")[0] == namespace for name in tables)

    def write(self, lake: Lake) -> int:
        """Write it; how many rows there are. Raises LookupError where the table has none yet, unless it `is_one_of_several`."""
        where = self.key, self.code_hash
        if self.by_month:
            told = self.table, self.columns, self.sort_by, self.by_month
            return month_folders.export_by_month(lake, *told, *where)
        absent = self.contract if self.is_one_of_several(lake.tables.names()) else None
        return exports.export(lake, self.table, self.columns, self.sort_by, *where, absent)


def exports_of(sources: Iterable[Source], tables: Iterable[Derived]) -> Iterator[Exported]:
    """All exports of these sources and derived tables."""
    for source in sources:
        for export in OF_SOURCES.get(source.table, ()):
            yield Exported(source.table, source.contract, source.owner, source.key, export)
    for table in tables:
        for export in table.exports:
            yield Exported(table.table, table.contract, table.owner, table.identity, export)
