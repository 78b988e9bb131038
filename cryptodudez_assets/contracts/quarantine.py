"""Contracts of what was set aside: `quarantine.rows` and `quarantine.files`."""

from enum import StrEnum

import pandera.polars as pa
import polars as pl

from cryptodudez_assets.contracts.base import PLACE, Contract, UtcTime


class Fate(StrEnum):
    """What has become of something in quarantine."""

    OPEN = "open"
    REPLAYED = "replayed"  # the file was ingested again; what still did not fit then has a newer row
    CORRECTED = "corrected"  # a corrected copy was landed in its place


class SetAside(Contract):
    """What rows and files in quarantine share: their fate, and who set them aside under which contract."""

    status: str = pa.Field(description="open, replayed or corrected.", isin=[str(fate) for fate in Fate])
    corrected_by: str = pa.Field(
        description="The corrected copy that was landed in its place.", nullable=True, metadata=PLACE
    )
    contract_version: str = pa.Field(description="Version of contract and declaration that judged it.")
    batch_id: str = pa.Field(description="Batch that set it aside.")
    run_id: str = pa.Field(description="Run that set it aside.", nullable=True)
    quarantined_at: UtcTime = pa.Field(description="When it was set aside.", metadata={"unit": "UTC"})
    settled_at: UtcTime = pa.Field(
        description="When it was replayed or corrected.", nullable=True, metadata={"unit": "UTC"}
    )


class QuarantinedRows(SetAside):
    """Records that broke a rule of their contract, with the text as it came, where it came from, and every rule broken."""

    row_id: str = pa.Field(description="Identity: file and record number.")
    source: str = pa.Field(description="Source of the file.")
    uri: str = pa.Field(description="Location of the raw object.", metadata=PLACE)
    member: str = pa.Field(description="Name within the archive.", nullable=True)
    file_id: str = pa.Field(description="The raw file (`catalog.files.file_id`).")
    file_row: pl.Int64 = pa.Field(description="Which record of the file.")
    line: pl.Int64 = pa.Field(
        description="Physical line on which the record starts, the first being 1; null where the format has no lines.",
        nullable=True,
    )
    place: str = pa.Field(
        description="Where the record is, in a format of which lines do not tell, such as `$.data[17]`.", nullable=True
    )
    raw: str = pa.Field(description="The record's text; the beginning of it where it is very long.")
    rules: pl.List(pl.String) = pa.Field(description="Rules that it breaks, as `column:rule`.")  # type: ignore[valid-type]
    reason: str = pa.Field(
        description="The same in words: the raw column, what stands in it, what was expected; null in rows of earlier versions.",
        nullable=True,
    )


class QuarantinedFiles(SetAside):
    """Files that were set aside whole: unreadable, of no known layout, or with too many bad rows; with the reason and a copy."""

    file_id: str = pa.Field(
        description="Identity of the file (`catalog.files.file_id`, or the entry's where it has none)."
    )
    source: str = pa.Field(description="Source of the file.")
    uri: str = pa.Field(description="Location of the raw object.", metadata=PLACE)
    member: str = pa.Field(description="Name within the archive.", nullable=True)
    size: pl.Int64 = pa.Field(description="Size, unpacked for members.", metadata={"unit": "bytes"})
    reason: str = pa.Field(description="What was found, and what was expected.")
    rows: pl.Int64 = pa.Field(description="Records in it, as far as they could be counted.", metadata={"unit": "rows"})
    copy_uri: str = pa.Field(
        description="Where the copy lies; null where nothing could be read.", nullable=True, metadata=PLACE
    )
