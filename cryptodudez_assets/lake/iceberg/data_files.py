"""Data files in the making: frames become the Parquet files of an Iceberg table, in its order, in bounded memory.

pyiceberg has a writer of its own; it looks for each partition in all rows, and knows no encodings. Here rows are split by
partition once, numbers are encoded by what they are, and files grow by row groups, so that many frames make few files.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import count
from typing import Any, Literal
from uuid import uuid4

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from pyiceberg.io import FileIO, OutputStream
from pyiceberg.io.pyarrow import (
    MetricModeTypes,
    MetricsMode,
    StatisticsCollector,
    compute_statistics_plan,
    data_file_statistics_from_parquet_metadata,
    parquet_path_to_id_mapping,
    schema_to_pyarrow,
)
from pyiceberg.manifest import DataFile, DataFileContent, FileFormat
from pyiceberg.partitioning import PartitionFieldValue, PartitionKey
from pyiceberg.table.locations import load_location_provider
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.transforms import DayTransform, IdentityTransform, MonthTransform, YearTransform
from pyiceberg.transforms import Transform as IcebergTransform
from pyiceberg.typedef import Record
from pyiceberg.types import StringType

from cryptodudez_assets.ordering import in_order

# How much is sorted and written at a time: enough for row groups of a useful size, little enough for a laptop.
WRITE_BYTES = 12 << 20
FILE_BYTES = 64 << 20
ROW_GROUP_ROWS = 1 << 16
# Each open file holds a little memory and, in buckets, a connection.
OPEN_FILES = 64


def _years(column: pl.Expr) -> pl.Expr:
    return column.dt.year().cast(pl.Int32) - 1970


Transform = Literal["identity", "year", "month", "day"]
# What a table is partitioned by: Iceberg's name for it, and the value that it has for a row (years, months, days since 1970).
TRANSFORMS: Mapping[Transform, tuple[IcebergTransform[Any, Any], Callable[[pl.Expr], pl.Expr]]] = {
    "identity": (IdentityTransform(), lambda column: column),
    "year": (YearTransform(), _years),
    "month": (MonthTransform(), lambda column: _years(column) * 12 + column.dt.month().cast(pl.Int32) - 1),
    "day": (DayTransform(), lambda column: column.dt.date().cast(pl.Int32)),
}

COMPRESSION = {"compression": "zstd", "compression_level": 1}
LEAST_RUN = 16  # rows: where runs are shorter, to write each text is as cheap
SAMPLE_ROWS = 1 << 12
NO_TEXT = -1
INTEGERS = {"int64", "date32[day]", "timestamp[us, tz=UTC]"}


class DataFiles:
    """New data files of a table. `add` rows, then `close`; what is written before is seen by nobody until it is committed."""

    def __init__(self, metadata: TableMetadata, io: FileIO) -> None:
        self._metadata, self._io = metadata, io
        self._schema = metadata.schema()
        self._arrow_schema = schema_to_pyarrow(self._schema)
        self._order = [self._column(field.source_id) for field in metadata.sort_order().fields]
        self._partition_by = {
            field.name: TRANSFORMS[str(field.transform)][1](pl.col(self._column(field.source_id)))  # type: ignore[index]
            for field in metadata.spec().fields
        }
        self.held: list[pl.DataFrame] = []
        """What was added and is not yet written."""
        self._held_bytes = 0
        self._open: dict[tuple[Any, ...], _OpenFile] = {}
        self._written: list[DataFile] = []
        self._commit, self._numbers = uuid4(), count()

    def add(self, rows: pl.DataFrame) -> None:
        """Add rows that have the table's columns. A null where the table has none raises ValueError when it is written."""
        if len(rows):
            self.held.append(rows)
            self._held_bytes += int(rows.estimated_size())
            if self._held_bytes >= WRITE_BYTES:
                self._write_held()

    def adopt(self, files: Sequence[DataFile]) -> None:
        """Count files of others among what was written."""
        self._written += files

    def end_files(self) -> list[tuple[str, int]]:
        """End the files that were begun; returns all that there are, and how many rows each has."""
        self._end_all()
        return [(file.file_path, file.record_count) for file in self._written]

    def close(self) -> list[DataFile]:
        """All that was written."""
        self._write_held()
        self._end_all()
        return self._written

    def discard(self) -> None:
        """Remove what was written."""
        for path, _ in self.end_files():
            with suppress(OSError):  # maintenance removes it later
                self._io.delete(path)

    def abandon(self) -> None:
        """Let go of unfinished files; maintenance removes them."""
        for opened in self._open.values():
            opened.abandon()
        self._open = {}

    def _write_held(self) -> None:
        if not self.held:
            return
        rows = in_order(pl.concat(self.held), self._order)
        self.held, self._held_bytes = [], 0
        for partition, part in self._by_partition(rows):
            if partition not in self._open:
                if len(self._open) == OPEN_FILES:  # partitions come in order: the others stay open for the next portion
                    self._end(next(reversed(self._open)))
                self._open[partition] = self._new_file(partition)
            self._open[partition].write(as_arrow(part, self._arrow_schema))
            if self._open[partition].size >= FILE_BYTES:
                self._end(partition)

    def _by_partition(self, rows: pl.DataFrame) -> Iterator[tuple[tuple[Any, ...], pl.DataFrame]]:
        if not self._partition_by:
            yield (), rows
            return
        names = [f" {name}" for name in self._partition_by]  # no column's name begins with a blank
        keyed = rows.with_columns(
            expression.alias(name) for name, expression in zip(names, self._partition_by.values(), strict=True)
        )
        yield from keyed.partition_by(names, maintain_order=True, include_key=False, as_dict=True).items()

    def _new_file(self, partition: tuple[Any, ...]) -> "_OpenFile":
        spec = self._metadata.spec()
        values = [PartitionFieldValue(field, value) for field, value in zip(spec.fields, partition, strict=True)]
        key = PartitionKey(values, spec, self._schema) if values else None
        places = load_location_provider(self._metadata.location, self._metadata.properties)
        path = places.new_data_location(f"00000-{next(self._numbers)}-{self._commit}.parquet", key)
        return _OpenFile(path, self._io.new_output(path).create(overwrite=True), self._arrow_schema, key)

    def _end_all(self) -> None:
        for partition in list(self._open):
            self._end(partition)

    def _end(self, partition: tuple[Any, ...]) -> None:
        opened = self._open.pop(partition)
        found = opened.close()
        self._written.append(
            DataFile.from_args(
                content=DataFileContent.DATA,
                file_path=opened.path,
                file_format=FileFormat.PARQUET,
                partition=opened.key.partition if opened.key else Record(),
                file_size_in_bytes=opened.size,
                sort_order_id=None,  # row groups are sorted, a file of several need not be
                spec_id=self._metadata.default_spec_id,
                equality_ids=None,
                key_metadata=None,
                **self._statistics(found),
            )
        )

    def _statistics(self, found: pq.FileMetaData) -> dict[str, Any]:
        plan = compute_statistics_plan(self._schema, self._metadata.properties)
        try:
            return self._collected(found, plan)
        except UnicodeEncodeError:
            # pyiceberg cuts text off, and has no character behind the last before the surrogates.
            counted = MetricsMode(MetricModeTypes.COUNTS)
            texts = {id_: replace(one, mode=counted) for id_, one in plan.items() if one.iceberg_type == StringType()}
            return self._collected(found, plan | texts)

    def _collected(self, found: pq.FileMetaData, plan: dict[int, StatisticsCollector]) -> dict[str, Any]:
        paths = parquet_path_to_id_mapping(self._schema)
        told: dict[str, Any] = data_file_statistics_from_parquet_metadata(found, plan, paths).to_serialized_dict()
        return told

    def _column(self, source_id: int) -> str:
        return self._schema.find_column_name(source_id) or ""


class _OpenFile:
    """One Parquet file that grows by row groups. Its first rows tell which texts are handed over as dictionaries."""

    def __init__(self, path: str, stream: OutputStream, schema: pa.Schema, key: PartitionKey | None) -> None:
        self.path, self.key, self._stream, self._schema = path, key, stream, schema
        self._footer: list[pq.FileMetaData] = []
        self._opened: pq.ParquetWriter | None = None
        self.size = 0

    def write(self, rows: pa.Table) -> None:
        if self._opened is None:
            self._opened = self._open(rows.schema)
        self._opened.write_table(rows.cast(self._opened.schema), row_group_size=ROW_GROUP_ROWS)
        self.size = self._stream.tell()

    @property
    def _writer(self) -> pq.ParquetWriter:
        return self._opened or self._open(self._schema)

    def _open(self, schema: pa.Schema) -> pq.ParquetWriter:
        return pq.ParquetWriter(
            self._stream,
            schema,
            metadata_collector=self._footer,
            write_page_checksum=True,
            store_schema=False,  # a dictionary is a way to write text, not to be seen by who reads it
            **COMPRESSION,
            **encodings(self._schema),
        )

    def close(self) -> pq.FileMetaData:
        self._writer.close()
        self.size = self._stream.tell()
        self._stream.close()
        return self._footer[0]

    def abandon(self) -> None:
        # A store that fails now has failed before, and that error is told.
        for part in (self._writer, self._stream):
            with suppress(OSError, pa.ArrowException):
                part.close()


def as_arrow(rows: pl.DataFrame, schema: pa.Schema) -> pa.Table:
    """The rows in these columns' types; texts that come in long runs as dictionaries, so that none is looked at for each row.

    Raises ValueError where there is a null that a column may not have.
    """
    runs = _long_runs(rows, [field.name for field in schema if pa.types.is_large_string(field.type)])
    told = {name: _as_dictionary(one) for name, one in runs.items()}
    others = rows.drop(told).to_arrow(compat_level=pl.CompatLevel.oldest())
    columns = [told[field.name] if field.name in told else others[field.name] for field in schema]
    types = [field.with_type(told[field.name].type) if field.name in told else field for field in schema]
    return pa.table(columns, names=schema.names).cast(pa.schema(types))


def _long_runs(rows: pl.DataFrame, texts: Sequence[str]) -> dict[str, pl.DataFrame]:
    """Of these columns, those in which one text mostly follows itself: each run's `len` and `value`."""
    if not texts:
        return {}
    sample = rows.head(SAMPLE_ROWS).select(pl.col(name).rle_id().max() for name in texts)
    likely = [name for name, n in zip(texts, sample.row(0), strict=True) if n is not None and n * LEAST_RUN < len(rows)]
    found = rows.lazy().select(pl.col(name).rle().implode() for name in likely).collect() if likely else pl.DataFrame()
    runs = {name: found[name].explode().struct.unnest() for name in likely}
    return {name: one for name, one in runs.items() if len(one) * LEAST_RUN <= len(rows)}


def _as_dictionary(runs: pl.DataFrame) -> pa.DictionaryArray:
    values = runs["value"].to_arrow(compat_level=pl.CompatLevel.oldest()).cast(pa.large_string()).dictionary_encode()
    numbers = np.repeat(values.indices.fill_null(NO_TEXT).to_numpy(), runs["len"].to_numpy())
    missing = numbers == NO_TEXT if values.null_count else None
    return pa.DictionaryArray.from_arrays(pa.array(numbers, pa.int32(), mask=missing), values.dictionary)


def encodings(schema: pa.Schema) -> Mapping[str, Any]:
    """For `ParquetWriter`: floats by byte, integers and times by difference, text by dictionary.

    Measured on candles, against dictionaries for all: a quarter of the time, half of the size.
    """
    floats = {field.name: "BYTE_STREAM_SPLIT" for field in schema if pa.types.is_floating(field.type)}
    integers = {field.name: "DELTA_BINARY_PACKED" for field in schema if str(field.type) in INTEGERS}
    texts = [field.name for field in schema if pa.types.is_large_string(field.type)]
    lists = [f"{field.name}.list.element" for field in schema if pa.types.is_large_list(field.type)]
    return {"use_dictionary": texts + lists, "column_encoding": floats | integers}
