"""What was set aside: rows and whole files, with the reason. Replaying is in `replay.py`."""

from collections.abc import Collection, Iterable
from pathlib import PurePosixPath
from typing import BinaryIO, cast

import polars as pl
from pyiceberg.expressions import And, EqualTo, In

from cryptodudez_assets.contracts.base import polars_schema
from cryptodudez_assets.contracts.quarantine import Fate, QuarantinedFiles, QuarantinedRows
from cryptodudez_assets.lake.formats.archives import ARCHIVE_ERRORS, Container, FileRefused
from cryptodudez_assets.lake.iceberg.change import TableTransaction
from cryptodudez_assets.lake.iceberg.spec import TableSpec
from cryptodudez_assets.lake.iceberg.tables import IcebergTables
from cryptodudez_assets.lake.lake import Lake, now
from cryptodudez_assets.lake.metastore.counts import FileCount
from cryptodudez_assets.lake.metastore.entry import Entry
from cryptodudez_assets.sources.declaration import Source

ROWS = TableSpec("quarantine.rows", QuarantinedRows, (("source", "identity"),), ("uri", "member", "line"))
MAX_NAME_BYTES = 150
FILES = TableSpec("quarantine.files", QuarantinedFiles, (("source", "identity"),), ("uri", "member"))


def set_rows_aside(
    lake: Lake,
    source: Source,
    entries: list[Entry],
    rejects: Iterable[pl.DataFrame],
    batch_id: str,
    run_id: str | None,
    again: bool,
) -> None:
    """Write rejected records. `again`: these files were ingested before; what was set aside of them then is settled."""
    origin = pl.DataFrame(
        [(entry.file_id, entry.uri, entry.member) for entry in entries],
        schema={"file_id": pl.String, "uri": pl.String, "member": pl.String},
        orient="row",
    )
    found = [part for part in rejects if len(part)]
    if not found and not (again and _any_of(lake, ROWS, source, entries)):
        return
    with lake.tables.changing(ROWS) as change:
        if again:
            _close_earlier(change, source, {identity(entry) for entry in entries}, batch_id)
        for part in found:
            rows = part.join(origin, on="file_id").with_columns(
                row_id=pl.format("{}-{}", "file_id", "file_row"),
                source=pl.lit(source.name),
                status=pl.lit(str(Fate.OPEN)),
                contract_version=pl.lit(source.code_hash),
                batch_id=pl.lit(batch_id),
                run_id=pl.lit(run_id, pl.String),
                quarantined_at=pl.lit(now(), pl.Datetime("us", "UTC")),
                corrected_by=pl.lit(None, pl.String),
                settled_at=pl.lit(None, pl.Datetime("us", "UTC")),
            )
            change.add(rows)


def set_files_aside(
    lake: Lake,
    source: Source,
    files: list[tuple[Entry, FileCount]],
    batch_id: str,
    run_id: str | None,
    again: Collection[Entry] = (),
) -> None:
    """Copy files into the quarantine folder and note why. `again`: files that were ingested before."""
    before = {identity(entry) for entry in again}
    if not files and not _any_of(lake, FILES, source, again):
        return
    rows = [
        {
            "file_id": identity(entry),
            "source": source.name,
            "uri": entry.uri,
            "member": entry.member,
            "size": entry.size,
            "reason": count.set_aside,
            "rows": count.read,
            "copy_uri": _copy(lake, source, entry),
            "status": Fate.OPEN,
            "contract_version": source.code_hash,
            "batch_id": batch_id,
            "run_id": run_id,
            "quarantined_at": now(),
        }
        for entry, count in files
    ]
    with lake.tables.changing(FILES) as change:
        if before:
            _close_earlier(change, source, before, batch_id)
        change.add(pl.DataFrame(rows, schema=polars_schema(QuarantinedFiles)))


def _any_of(lake: Lake, spec: TableSpec, source: Source, entries: Iterable[Entry]) -> bool:
    """Whether anything is in quarantine of these files: where nothing is, nothing is written, and no table made."""
    ids = {identity(entry) for entry in entries}
    where = And(EqualTo("source", source.name), In("file_id", sorted(ids))) if ids else None
    rows = lake.tables.scan(spec.name, where) if where else None
    return (
        rows is not None
        and not rows.filter(pl.col("source") == source.name, pl.col("file_id").is_in(list(ids)))
        .head(1)
        .collect()
        .is_empty()
    )


def _close_earlier(change: TableTransaction, source: Source, file_ids: Collection[str], batch_id: str) -> None:
    """What an earlier try of this batch wrote goes; what an earlier batch set aside of these files counts as replayed."""
    close_open(change, source, file_ids, Fate.REPLAYED, drop=pl.col("batch_id") == batch_id)


def close_open(
    change: TableTransaction,
    source: Source,
    file_ids: Collection[str],
    fate: Fate,
    corrected_by: str | None = None,
    drop: pl.Expr | None = None,
) -> int:
    """Give open rows of these files another fate, and drop some; returns how many were open."""
    where = And(EqualTo("source", source.name), In("file_id", sorted(file_ids)))
    theirs = (
        change.rows(where).filter(pl.col("source") == source.name, pl.col("file_id").is_in(list(file_ids))).collect()
    )
    theirs = theirs if drop is None else theirs.filter(~drop)
    is_open = pl.col("status") == Fate.OPEN
    settled = theirs.with_columns(
        status=pl.when(is_open).then(pl.lit(str(fate))).otherwise("status"),
        corrected_by=pl.when(is_open).then(pl.lit(corrected_by, pl.String)).otherwise("corrected_by"),
        settled_at=pl.when(is_open).then(pl.lit(now(), pl.Datetime("us", "UTC"))).otherwise("settled_at"),
    )
    change.delete(where).add(settled)
    return theirs.filter(is_open).height


def identity(entry: Entry) -> str:
    """How a file is named in quarantine: by its bytes, or by its entry where these could not be read."""
    return str(entry.file_id or entry.entry_id)


def rows_of(tables: IcebergTables, source: str | None = None) -> pl.LazyFrame:
    """Quarantined records, of one source or of all."""
    return of(tables, ROWS, source)


def files_of(tables: IcebergTables, source: str | None = None) -> pl.LazyFrame:
    """Files set aside, of one source or of all."""
    return of(tables, FILES, source)


def of(tables: IcebergTables, spec: TableSpec, source: str | None = None) -> pl.LazyFrame:
    """What is in one of the two tables, of one source or of all."""
    rows, schema = tables.scan(spec.name, EqualTo("source", source) if source else None), polars_schema(spec.contract)
    if rows is None:
        rows = pl.LazyFrame(schema=schema)
    older = rows.collect_schema()  # columns that the contract has gained since are added with the next commit
    rows = rows.with_columns(pl.lit(None, dtype).alias(name) for name, dtype in schema.items() if name not in older)
    return rows.filter(pl.col("source") == source) if source else rows


def _copy(lake: Lake, source: Source, entry: Entry) -> str | None:
    """Copy the member, or the whole object where its inside cannot be read; None where nothing can."""
    key = f"quarantine/{source.name}/{identity(entry)}/{_safe_name(entry.member or entry.uri)}"
    try:
        opened = lake.store.open(lake.store.key(entry.uri))
    except (FileNotFoundError, PermissionError):
        return None
    with opened:
        if entry.member is not None:
            try:
                with Container(opened).text("zip", entry.member, entry.size) as content:
                    lake.store.write(key, cast(BinaryIO, content))
                return lake.store.uri(key)
            except (*ARCHIVE_ERRORS, FileRefused, RuntimeError):
                opened.seek(0)
        lake.store.write(key, opened)
    return lake.store.uri(key)


def _safe_name(name: str) -> str:
    """The last part of a hostile name, as a file name that every store takes."""
    last = PurePosixPath(name.replace("\\", "/")).name.strip(". ")
    return last.encode("utf-8", "replace")[-MAX_NAME_BYTES:].decode("utf-8", "ignore") or "file"
