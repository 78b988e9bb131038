"""Data files for a table, written by whoever is told where: plain data go in, plain data come out, and nothing is committed.

A commit takes them over by `TableTransaction.adopt`. No catalog is asked here, so that another process or machine can do it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl
from pyiceberg.manifest import DataFile
from pyiceberg.table.metadata import TableMetadata

from cryptodudez_assets.lake.iceberg.data_files import DataFiles
from cryptodudez_assets.lake.iceberg.hashing import HashingIO
from cryptodudez_assets.lake.iceberg.scan import in_columns_of


@dataclass(frozen=True)
class Target:
    """Where data files of a table are to be written, and how: its columns, partitions, order and folder, and how to get there."""

    metadata: TableMetadata
    properties: Mapping[str, str]

    @classmethod
    def of(cls, metadata: TableMetadata, properties: Mapping[str, str]) -> "Target":
        """Of a table's metadata, without its past, which may be long and which no writer asks for."""
        past: dict[str, Any] = {name: [] for name in ("snapshots", "snapshot_log", "metadata_log")}
        return cls(metadata.model_copy(update={**past, "refs": {}, "current_snapshot_id": None}), properties)

    def fits(self, metadata: TableMetadata) -> bool:
        """Whether data files that were written here are ones of the table that has these metadata: in its folder and partitions, and each
        of their columns, which files know by number, is one of its columns."""
        columns = {(field.field_id, field.name): field.field_type for field in metadata.schema().fields}
        return (
            self.metadata.location == metadata.location
            and self.metadata.spec() == metadata.spec()
            and all(
                columns.get((field.field_id, field.name)) == field.field_type for field in self.metadata.schema().fields
            )
        )


@dataclass(frozen=True)
class WrittenFiles:
    """Data files with their statistics, and the SHA-256 of each by path."""

    files: list[DataFile] = field(default_factory=list)
    sums: Mapping[str, str] = field(default_factory=dict)

    @property
    def n_rows(self) -> int:
        """How many rows they hold."""
        return sum(file.record_count for file in self.files)


class Writer:
    """Writes rows into data files of a table. What it leaves when it dies is an orphan, which upkeep removes."""

    def __init__(self, target: Target) -> None:
        self._metadata, self._sums = target.metadata, dict[str, str]()
        self._files = DataFiles(target.metadata, HashingIO(dict(target.properties), self._sums))

    def add(self, rows: pl.DataFrame) -> None:
        """Add rows. They are collected and written in the table's order: few frames or many make the same few files."""
        if len(rows):
            self._files.add(in_columns_of(self._metadata, rows))

    def close(self) -> WrittenFiles:
        """All that was written."""
        return WrittenFiles(self._files.close(), self._sums)

    def abandon(self) -> None:
        """Let go of unfinished files."""
        self._files.abandon()
