"""Bring tables over that an earlier version made, or an earlier declaration: by themselves, before the next files are read.

- Rows whose layout does not date them were said to be known at the newest event of their file, a lower bound. They get the time
  at which the file landed, from the catalogue, and how far it reaches, in one commit a table; raw files are not needed.
- Where the source declares another rule of which observation is newer, files of which rows were contested are read again.

A table remembers what it was made by, as properties, so that mostly there is nothing to do.
"""

from collections.abc import Callable
from dataclasses import replace

import polars as pl
from pyiceberg.expressions import AlwaysTrue

from cryptodudez_assets.contracts.catalogue import Status
from cryptodudez_assets.lake.iceberg.spec import TableSpec
from cryptodudez_assets.lake.ingest.merge import (
    KNOWN_SINCE,
    LANDED,
    NEWEST_BY,
    made_by,
    observations_spec,
    rule_of,
    table_spec,
)
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.metastore import file_entries
from cryptodudez_assets.lake.metastore.entry import Entry, entries_in
from cryptodudez_assets.lake.metastore.standing import LANDING, NAME, in_table, named
from cryptodudez_assets.lake.quarantine.replay import described_anew
from cryptodudez_assets.sources.declaration import Source

Progress = Callable[[str], None]


def is_due(lake: Lake, source: Source) -> bool:
    """Whether a table of the source was made by another version or declaration."""
    return any(_differs(lake, spec, made_by(source)) for spec in _specs(source))


def bring_over(lake: Lake, source: Source, progress: Progress = lambda _: None) -> None:
    """Do what is due, under the source's lock. Interrupted, it is done again."""
    for spec in _specs(source):
        if _differs(lake, spec, {KNOWN_SINCE: LANDED}):
            _date(lake, source, spec, progress)
    if _differs(lake, table_spec(source), {NEWEST_BY: rule_of(source)}):
        _reopen_contested(lake, source, progress)
    for spec in _specs(source):
        if _differs(lake, spec, made_by(source)):
            with lake.tables.changing(spec) as change:
                change.remember(made_by(source))


def _specs(source: Source) -> list[TableSpec]:
    return [spec for spec in (observations_spec(source), table_spec(source)) if spec]


def _differs(lake: Lake, spec: TableSpec, wanted: dict[str, str]) -> bool:
    table = lake.tables.table(spec.name)
    if table is None or table.current_snapshot() is None:
        return False
    return any(table.properties.get(name) != value for name, value in wanted.items())


def _date(lake: Lake, source: Source, spec: TableSpec, progress: Progress) -> None:
    """Give rows that nothing dates the time at which their file landed."""
    undated = [layout.name for layout in source.layouts if not layout.is_dated]
    files = in_table(file_entries.files_of(lake.tables, source.name).filter(pl.col("file_id").is_not_null()).collect())
    landed = pl.when(pl.col("layout").is_in(undated)).then("discovered_at").alias(" landed")
    told = files.select("file_id", landed, pl.col("as_of").alias(" as_of"))

    def dated(rows: pl.DataFrame) -> pl.DataFrame:
        both = rows.join(told, on="file_id", how="left", maintain_order="left")
        known = pl.coalesce(" landed", "known_ts")
        # What was said to be known at the newest event of the file tells how far that reaches.
        reach = {"as_of": pl.coalesce("as_of", " as_of", "known_ts")} if source.keeps_reach else {}
        return both.with_columns(known_ts=known, **reach).select(rows.columns)

    with lake.tables.changing(spec) as change:
        stale = [path for path in change.paths(AlwaysTrue()) if _is_stale(change.rows_of(path), source, told)]
        if stale:
            progress(f"{spec.name}: {len(stale)} files get the times at which their rows landed")
        change.rewrite(stale, dated).remember({KNOWN_SINCE: LANDED})


def _is_stale(rows: pl.LazyFrame, source: Source, told: pl.DataFrame) -> bool:
    times = ["known_ts", "as_of"] if source.keeps_reach else ["known_ts"]
    found = rows.select("file_id", *times).unique().join(told.lazy(), on="file_id", how="left")
    stale = (pl.col(" landed") != pl.col("known_ts")).fill_null(value=False)
    if source.keeps_reach:
        stale |= pl.col("as_of").is_null()
    return bool(found.select(stale.any()).collect(engine="streaming").item())


def _reopen_contested(lake: Lake, source: Source, progress: Progress) -> None:
    """Have files read again of which rows gave way, and bytes that came back to their name: they may win by the rule of now."""
    entries = file_entries.files_of(lake.tables, source.name).collect()
    contested = entries_in(entries.filter(pl.col("rows_duplicate") > 0, status=Status.LOADED))
    wanted = [*contested, *_came_back(lake, source, entries)]
    fresh = [(entry, described_anew(lake, source, entry)) for entry in wanted]
    reopened = [entry for _, entry in fresh if entry]
    if reopened:
        file_entries.amend(lake.tables, source.name, reopened)
        progress(
            f"{source.name}: {len(reopened)} files are read again, for which observation is newer is told otherwise now"
        )
    for entry, there in fresh:
        if there is None:
            progress(f"{source.name}: rows of {entry.uri} that gave way stay so: the raw file is not there any more")


def _came_back(lake: Lake, source: Source, entries: pl.DataFrame) -> list[Entry]:
    """Repeated bytes that are what their name says now, after another version of it."""
    held = entries.filter(pl.col("file_id").is_not_null(), pl.col("status") != Status.EXPANDED)
    versions = named(lake, source, held).sort(*LANDING, "uri", "member")
    before = pl.col("file_id").shift().over(NAME)
    newest = versions.with_columns(before.alias(" before")).unique(NAME, keep="last", maintain_order=True)
    back = newest.filter(pl.col("file_id") != pl.col(" before"), pl.col("format") != "zip", status=Status.DUPLICATE)
    batches = dict(in_table(entries).select("file_id", "batch_id").iter_rows())
    chosen = entries_in(back)
    return [replace(entry, batch_id=batches.get(entry.file_id)) for entry in chosen]
