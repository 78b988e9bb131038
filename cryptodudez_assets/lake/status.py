"""How each source stands: what was found, read, kept and set aside. The catalogue is the state of ingestion."""

from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

from cryptodudez_assets.contracts.catalogue import Status
from cryptodudez_assets.contracts.quarantine import Fate
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.metastore import file_entries
from cryptodudez_assets.lake.quarantine import quarantine
from cryptodudez_assets.lake.store.locks import FOREVER, SOURCES, exclusive
from cryptodudez_assets.sources.declaration import Source

COUNTED = {
    "read": "rows_read",
    "valid": "rows_valid",
    "quarantined": "rows_quarantined",
    "duplicate": "rows_duplicate",
    "restated": "rows_restated",
}


@dataclass(frozen=True)
class SourceStatus:
    """Counts of one source: `read = valid + quarantined + duplicate`. Archives and repeated bytes are no `files`.

    `restated`, a part of the duplicates, told other values than the row that they gave way to.
    """

    files: int
    ignored: int
    read: int
    valid: int
    quarantined: int
    duplicate: int
    restated: int
    pending: int
    set_aside: int
    unreadable: int
    repeated: int
    warned: int


def status_of(lake: Lake, source: str) -> SourceStatus:
    """How a source stands now."""
    files = file_entries.files_of(lake.tables, source).select("status", *COUNTED.values(), "rows_warned").collect()
    by_status = dict(files["status"].value_counts().iter_rows())

    def rows(column: str) -> int:
        return int(files[column].sum())

    def count(*statuses: Status) -> int:
        return sum(by_status.get(status, 0) for status in statuses)

    return SourceStatus(
        files=len(files) - count(Status.IGNORED, Status.EXPANDED, Status.DUPLICATE),
        ignored=count(Status.IGNORED),
        **{name: rows(column) for name, column in COUNTED.items()},
        pending=count(Status.PENDING, Status.CLAIMED),
        set_aside=count(Status.QUARANTINED),
        unreadable=count(Status.UNREADABLE),
        repeated=count(Status.DUPLICATE),
        warned=rows("rows_warned"),
    )


def unbalanced_files(lake: Lake, source: Source) -> pl.DataFrame:
    """Loaded files whose rows in the table, in quarantine or counted as duplicates do not add up to those read.

    Each of the four numbers comes from a place of its own: the reader, the table, the quarantine, the merge.
    """
    with exclusive(lake.settings, f"{SOURCES}{source.name}", FOREVER):  # the tables as they are between two batches
        files = file_entries.files_of(lake.tables, source.name).filter(pl.col("status") == Status.LOADED)
        table = lake.tables.scan(source.table)
        rows = quarantine.rows_of(lake.tables, source.name).filter(pl.col("status") != Fate.REPLAYED)
    in_table = _per_file(table if table is not None else pl.LazyFrame(schema={"file_id": pl.String}), "in_table")
    counted = (
        files.select("uri", "member", "file_id", "rows_read", "rows_valid", "rows_quarantined", "rows_duplicate")
        .join(in_table, on="file_id", how="left")
        .join(_per_file(rows, "in_quarantine"), on="file_id", how="left")
        .with_columns(pl.col("in_table", "in_quarantine").fill_null(0))
    )
    balanced = pl.col("rows_read") == pl.col("in_table") + pl.col("in_quarantine") + pl.col("rows_duplicate")
    agreed = (pl.col("rows_valid") == pl.col("in_table")) & (pl.col("rows_quarantined") == pl.col("in_quarantine"))
    return counted.filter(~(balanced & agreed)).collect()


def file_status(lake: Lake, sources: Iterable[str]) -> pl.DataFrame:
    """Every catalogued file and member of these sources with its counts; of one that repeats another's bytes, what became of that."""
    told = ["source", "uri", "member", "status", *COUNTED.values(), "reason"]
    files = (file_entries.files_of(lake.tables, source).select(*told, "file_id").collect() for source in sources)
    return pl.concat([_with_originals(of_source).select(told) for of_source in files]).sort("source", "uri", "member")


def _with_originals(files: pl.DataFrame) -> pl.DataFrame:
    """Why a file is not read that repeats another: which that is, and its fate. Told when asked for, since fates change."""
    status, repeats = pl.col("status"), [Status.DUPLICATE, Status.IGNORED, Status.UNREADABLE]
    fate = (
        pl.when(status == Status.QUARANTINED)
        .then(pl.format("set aside: {}", pl.col("reason").fill_null("no reason given")))
        .when(status == Status.EXPANDED)
        .then(pl.lit("an archive, told by its members"))
        .when(status == Status.LOADED, pl.col("rows_quarantined") > 0)
        .then(pl.format("loaded but for {} of {} rows, which are set aside", "rows_quarantined", "rows_read"))
        .when(status == Status.LOADED)
        .then(pl.lit("loaded"))
        .otherwise(pl.concat_str(pl.lit("still to be read"), "reason", separator=": ", ignore_nulls=True))
    )
    name = pl.concat_str("uri", "member", separator="!", ignore_nulls=True)
    originals = files.filter(~status.is_in(repeats), pl.col("file_id").is_not_null()).select(
        "file_id", pl.format("the same bytes as {}, which is {}", name, fate).alias("repeated")
    )
    named = files.join(originals.unique("file_id", keep="last"), on="file_id", how="left", maintain_order="left")
    return named.with_columns(
        reason=pl.when(status == Status.DUPLICATE).then(pl.coalesce("repeated", "reason")).otherwise("reason")
    )


def _per_file(rows: pl.LazyFrame, name: str) -> pl.LazyFrame:
    return rows.group_by("file_id").agg(pl.len().cast(pl.Int64).alias(name))
