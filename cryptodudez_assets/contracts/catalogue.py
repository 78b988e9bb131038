"""Contracts of the metastore: `catalog.files` and `catalog.schemas`."""

from enum import StrEnum

import pandera.polars as pa
import polars as pl

from cryptodudez_assets.contracts.base import PLACE, Contract, UtcTime


class Status(StrEnum):
    """What has become of a raw file."""

    PENDING = "pending"  # catalogued, to be ingested
    CLAIMED = "claimed"  # part of a batch that is being ingested, or was when the process died
    LOADED = "loaded"
    QUARANTINED = "quarantined"  # set aside whole
    DUPLICATE = "duplicate"  # the same bytes are known under another name, or landed again later
    IGNORED = "ignored"  # junk that is never parsed
    EXPANDED = "expanded"  # an archive; its members have rows of their own
    UNREADABLE = "unreadable"  # the store refuses it for now; tried again


# What still needs work. `catalog.files` is partitioned by it, so that looking for work costs what there is to do.
OPEN = frozenset({Status.PENDING, Status.CLAIMED, Status.UNREADABLE})


# Of a file that is ignored: if the same version is there again, it is found anew.
REPLACED = "it was overwritten or removed before it was read"


class Files(Contract):
    """The metastore's files: one row per raw object version and archive member, with what is known and what became of it."""

    entry_id: str = pa.Field(
        description="Identity of this row: hash of uri, generation and member as they were when it was catalogued."
    )
    source: str = pa.Field(description="Source in whose raw folder it lies.")
    uri: str = pa.Field(description="Location of the raw object.", metadata=PLACE)
    member: str = pa.Field(description="Name within the archive; null for the object itself.", nullable=True)
    generation: str = pa.Field(
        description="Version of the object: etag and time of writing, or time of change and size."
    )
    file_id: str = pa.Field(
        description="Identity of the file: a hash of its bytes, and of what its path tells where the layout reads that.",
        nullable=True,
    )
    sha256: str = pa.Field(description="SHA-256 of the bytes; null where they were not read.", nullable=True)
    size: pl.Int64 = pa.Field(description="Size, unpacked for members.", ge=0, metadata={"unit": "bytes"})
    format: str = pa.Field(
        description="What its bytes are, by content: gz, zip, or a format of records.", nullable=True
    )
    record_format: str = pa.Field(
        description="Format of the records in it, packed or not: csv, jsonl, json and so on; null where none were "
        "recognised, and in rows of earlier versions, of which each is csv.",
        nullable=True,
    )
    encoding: str = pa.Field(description="Text encoding.", nullable=True)
    delimiter: str = pa.Field(description="Field delimiter.", nullable=True)
    quote: str = pa.Field(description="Quote character.", nullable=True)
    line_end: str = pa.Field(description="lf or crlf.", nullable=True)
    header: pl.List(pl.String) = pa.Field(  # type: ignore[valid-type]
        description="Names of its columns or fields; those of fields in fields by path.", nullable=True
    )
    layout: str = pa.Field(description="Declared layout that it follows.", nullable=True)
    schema_version: pl.Int64 = pa.Field(description="Version in `catalog.schemas`.", nullable=True)
    status: str = pa.Field(description="What became of it.", isin=[str(status) for status in Status])
    open: pl.Boolean = pa.Field(description="Whether work is left to do.")
    reason: str = pa.Field(description="Why it is not loaded.", nullable=True)
    rows_read: pl.Int64 = pa.Field(description="Records in it.", nullable=True, ge=0, metadata={"unit": "rows"})
    rows_valid: pl.Int64 = pa.Field(
        description="Its rows in the table now.", nullable=True, ge=0, metadata={"unit": "rows"}
    )
    rows_quarantined: pl.Int64 = pa.Field(description="Set aside.", nullable=True, ge=0, metadata={"unit": "rows"})
    rows_duplicate: pl.Int64 = pa.Field(
        description="Valid, but a newer observation of the same key is in the table.",
        nullable=True,
        ge=0,
        metadata={"unit": "rows"},
    )
    rows_restated: pl.Int64 = pa.Field(
        description="Of the duplicates: told other values than the row that they gave way to.",
        nullable=True,
        ge=0,
        metadata={"unit": "rows"},
    )
    rows_warned: pl.Int64 = pa.Field(description="Kept with a warning.", nullable=True, ge=0, metadata={"unit": "rows"})
    as_of: UtcTime = pa.Field(
        description="How far it reaches: the newest `event_ts` in it.", nullable=True, metadata={"unit": "UTC"}
    )
    contract_version: str = pa.Field(description="Version of contract and declaration that judged it.", nullable=True)
    batch_id: str = pa.Field(description="Batch that ingested it.", nullable=True)
    run_id: str = pa.Field(description="Run that wrote this row.", nullable=True)
    modified_at: UtcTime = pa.Field(
        description="When the store says that the object was changed last.", nullable=True, metadata={"unit": "UTC"}
    )
    discovered_at: UtcTime = pa.Field(
        description="When it landed: when the look began that found it; one time for all that one look found.",
        metadata={"unit": "UTC"},
    )
    updated_at: UtcTime = pa.Field(description="When this row last changed.", metadata={"unit": "UTC"})


class Schemas(Contract):
    """The metastore's schemas: every version of every layout that raw files had, with inferred types and what changed."""

    source: str = pa.Field(description="Source of the files.")
    layout: str = pa.Field(description="Declared layout; null where none fits.", nullable=True)
    version: pl.Int64 = pa.Field(description="1 for the first schema of that layout.", ge=1)
    fingerprint: str = pa.Field(description="Identity of the schema: its column names and what is wrong with them.")
    names: pl.List(pl.String) = pa.Field(description="Names of columns or fields, as in `catalog.files.header`.")  # type: ignore[valid-type]
    types: pl.List(pl.String) = pa.Field(description="Inferred types, in the same order.")  # type: ignore[valid-type]
    added: pl.List(pl.String) = pa.Field(description="Columns that the layout does not know.")  # type: ignore[valid-type]
    problem: str = pa.Field(description="Why files of this schema cannot be loaded.", nullable=True)
    first_uri: str = pa.Field(description="First file that had it.", metadata=PLACE)
    run_id: str = pa.Field(description="Run that saw it first.", nullable=True)
    seen_at: UtcTime = pa.Field(description="When it was first seen.", metadata={"unit": "UTC"})


class Tables(Contract):
    """The metastore's tables: where each lies, which columns it has, how large and how fresh it is."""

    name: str = pa.Field(description="Name, as in SQL and as an asset.")
    location: str = pa.Field(description="Where its files lie.", metadata=PLACE)
    columns: pl.List(pl.String) = pa.Field(description="Columns with their Iceberg types.")  # type: ignore[valid-type]
    rows: pl.Int64 = pa.Field(description="Rows.", ge=0, metadata={"unit": "rows"})
    files: pl.Int64 = pa.Field(description="Data files.", ge=0, metadata={"unit": "files"})
    bytes: pl.Int64 = pa.Field(description="Size of the data files.", ge=0, metadata={"unit": "bytes"})
    snapshots: pl.Int64 = pa.Field(description="Versions that can still be read.", ge=0)
    snapshot_id: str = pa.Field(description="Present version; null before the first write.", nullable=True)
    written_at: UtcTime = pa.Field(
        description="When the present version was written.", nullable=True, metadata={"unit": "UTC"}
    )
    seen_at: UtcTime = pa.Field(description="When this was written down.", metadata={"unit": "UTC"})
