"""What was set aside: rows and whole files, with the reason. Replaying is in `replay.py`."""

from collections.abc import Iterable
from pathlib import PurePosixPath

import polars as pl
from pyiceberg.expressions import And, EqualTo, In

from cryptodudez_assets.contracts.base import polars_schema
from cryptodudez_assets.contracts.quarantine import Fate, QuarantinedFiles, QuarantinedRows
from cryptodudez_assets.lake.archives import ARCHIVE_ERRORS, Refused, open_text
from cryptodudez_assets.lake.catalogue import Entry
from cryptodudez_assets.lake.lake import Lake, now
from cryptodudez_assets.lake.reading import FileCount
from cryptodudez_assets.lake.tables import Lakehouse, TableSpec
from cryptodudez_assets.sources.declaration import Source

ROWS = TableSpec("quarantine.rows", QuarantinedRows, (("source", "identity"),), ("uri", "member", "line"))
FILES = TableSpec("quarantine.files", QuarantinedFiles, (("source", "identity"),), ("uri", "member"))


def set_rows_aside(
    lake: Lake, source: Source, entries: list[Entry], rejects: Iterable[pl.DataFrame], batch_id: str, run_id: str | None, again: bool
) -> None:
    """Write rejected records. `again`: a batch is done once more, what it wrote before is replaced."""
    origin = pl.DataFrame(
        [(entry["file_id"], entry["uri"], entry["member"]) for entry in entries],
        schema={"file_id": pl.String, "uri": pl.String, "member": pl.String},
        orient="row",
    )
    found = [part for part in rejects if len(part)]
    if not found and not again:
        return
    with lake.tables.changing(ROWS) as change:
        if again:
            change.delete(And(EqualTo("source", source.name), EqualTo("batch_id", batch_id)))
        for part in found:
            rows = part.join(origin, on="file_id").with_columns(
                row_id=pl.format("{}-{}", "file_id", "file_row"),
                source=pl.lit(source.name),
                status=pl.lit(str(Fate.OPEN)),
                contract_version=pl.lit(source.version),
                batch_id=pl.lit(batch_id),
                run_id=pl.lit(run_id, pl.String),
                quarantined_at=pl.lit(now(), pl.Datetime("us", "UTC")),
                edited=pl.lit(None, pl.String),
                replayed_at=pl.lit(None, pl.Datetime("us", "UTC")),
            )
            change.add(rows)


def set_files_aside(lake: Lake, source: Source, files: list[tuple[Entry, FileCount]], run_id: str | None) -> None:
    """Copy files into the quarantine folder and note why. Doing it again gives the same."""
    if not files:
        return
    rows = [
        {
            "file_id": identity(entry),
            "source": source.name,
            "uri": entry["uri"],
            "member": entry["member"],
            "size": entry["size"],
            "reason": count.set_aside,
            "rows": count.read,
            "copy_uri": _copy(lake, source, entry),
            "status": Fate.OPEN,
            "contract_version": source.version,
            "run_id": run_id,
            "quarantined_at": now(),
        }
        for entry, count in files
    ]
    with lake.tables.changing(FILES) as change:
        again = And(EqualTo("source", source.name), EqualTo("status", str(Fate.OPEN)), In("file_id", [row["file_id"] for row in rows]))
        change.delete(again).add(pl.DataFrame(rows, schema=polars_schema(QuarantinedFiles)))


def identity(entry: Entry) -> str:
    """How a file is named in quarantine: by its bytes, or by its entry where these could not be read."""
    return str(entry["file_id"] or entry["entry_id"])


def rows_of(tables: Lakehouse, source: str | None = None) -> pl.LazyFrame:
    """Quarantined records, of one source or of all."""
    return _of(tables, ROWS, source)


def files_of(tables: Lakehouse, source: str | None = None) -> pl.LazyFrame:
    """Files set aside, of one source or of all."""
    return _of(tables, FILES, source)


def _of(tables: Lakehouse, spec: TableSpec, source: str | None) -> pl.LazyFrame:
    rows = tables.scan(spec.name, EqualTo("source", source) if source else None)
    if rows is None:
        rows = pl.LazyFrame(schema=polars_schema(spec.contract))
    return rows.filter(pl.col("source") == source) if source else rows


def _copy(lake: Lake, source: Source, entry: Entry) -> str | None:
    """Copy the member, or the whole object where its inside cannot be read."""
    name = PurePosixPath((entry["member"] or entry["uri"]).replace("\\", "/")).name or "file"
    key = f"quarantine/{source.name}/{identity(entry)}/{name}"
    with lake.store.open(lake.store.key(entry["uri"])) as opened:
        if entry["member"] is not None:
            try:
                with open_text(opened, "zip", entry["member"], entry["size"]) as content:
                    lake.store.write(key, content)
                return lake.store.uri(key)
            except (*ARCHIVE_ERRORS, Refused, RuntimeError):
                opened.seek(0)
        lake.store.write(key, opened)
    return lake.store.uri(key)
