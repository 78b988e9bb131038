"""Which tables are exported as files: those whose declaration says so, and some of sources. Below `<home>/exports/`, a folder each."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptodudez_assets.code_hash import hash_of_code
from cryptodudez_assets.contracts.base import Contract, polars_schema
from cryptodudez_assets.contracts.stock_market import AS_IN_FILES
from cryptodudez_assets.derived.declaration import Derived
from cryptodudez_assets.derived.files import Export, Parquet
from cryptodudez_assets.lake import exports
from cryptodudez_assets.lake.lake import Lake
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
    """A table and a file that it is exported as. `key`: what its rows are in the order of, unless the export says otherwise."""

    table: str
    contract: type[Contract]
    owner: str
    key: Sequence[str]
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
        return self.export.sort_by or list(self.key) or list(self.columns.values())

    @property
    def description(self) -> str:
        """What it is."""
        return self.export.description or f"All rows of {self.table} as one {self.export.ending} file."

    @property
    def code_hash(self) -> str:
        """A hash of what is written how."""
        return hash_of_code(exports.export, more=(dict(self.columns), list(self.sort_by)))

    def path(self, lake: Lake) -> Path:
        """Where it is written."""
        return lake.settings.home / "exports" / (self.export.folder or self.name) / f"{self.name}.{self.export.ending}"

    def write(self, lake: Lake) -> int:
        """Write it; how many rows there are. Raises LookupError where the table has none yet."""
        return exports.export(lake, self.table, self.columns, self.sort_by, self.path(lake), self.code_hash)


def exports_of(sources: Iterable[Source], tables: Iterable[Derived]) -> Iterator[Exported]:
    """All exports of these sources and derived tables."""
    for source in sources:
        for export in OF_SOURCES.get(source.table, ()):
            yield Exported(source.table, source.contract, source.owner, source.key, export)
    for table in tables:
        for export in table.exports:
            yield Exported(table.table, table.contract, table.owner, table.identity, export)
