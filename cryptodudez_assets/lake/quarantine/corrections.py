"""Corrected copies of files: where they lie, and that what they correct is settled before anything of them is read.

A copy says by its path what it corrects. So whoever finds it in the raw zone, be it after a death, does the rest.
"""

import re
from collections.abc import Iterable

import polars as pl

from cryptodudez_assets.contracts.catalogue import Status
from cryptodudez_assets.contracts.quarantine import Fate
from cryptodudez_assets.lake.iceberg.spec import TableSpec
from cryptodudez_assets.lake.lake import Lake, now
from cryptodudez_assets.lake.metastore.entry import Entry
from cryptodudez_assets.lake.metastore.standing import CORRECTS, landed_name
from cryptodudez_assets.lake.quarantine import quarantine
from cryptodudez_assets.sources.declaration import Source

NOT_THERE = {Status.IGNORED, Status.UNREADABLE}


def key_of(lake: Lake, source: Source, file_id: str, digest: str, name: str) -> str:
    """Where a corrected copy with these bytes lands today: nothing else ever lies there."""
    return f"{lake.raw_folder(source.name)}/{now():%Y-%m-%d}/{digest[:16]}/corrected/{file_id}/{name}"


def landed_before(lake: Lake, source: Source, file_id: str, digest: str) -> str | None:
    """Where a copy with these bytes lies by which the file was corrected already."""
    by = {
        uri
        for spec in (quarantine.ROWS, quarantine.FILES)
        for uri in _theirs(lake, source, spec, file_id).select("corrected_by").unique().collect()["corrected_by"]
    }
    return next((uri for uri in by if uri and f"/{digest[:16]}/corrected/{file_id}/" in uri), None)


def close_corrected(lake: Lake, source: Source, entries: Iterable[Entry]) -> None:
    """Mark what these new entries correct, if they do: their rows are to come in its place. Done again, it changes nothing."""
    corrected: dict[str, str] = {}
    for entry in entries:
        found = re.match(CORRECTS, landed_name(lake, lake.store.key(entry.uri), source.name))
        if found and entry.status not in NOT_THERE:
            corrected[found[1]] = entry.uri
    for file_id, uri in corrected.items():
        for spec in (quarantine.ROWS, quarantine.FILES):
            is_open = _theirs(lake, source, spec, file_id).filter(pl.col("status") == Fate.OPEN)
            if is_open.select(pl.len()).collect().item():
                with lake.tables.changing(spec) as change:
                    quarantine.close_open(change, source, {file_id}, Fate.CORRECTED, uri)


def _theirs(lake: Lake, source: Source, spec: TableSpec, file_id: str) -> pl.LazyFrame:
    return quarantine.of(lake.tables, spec, source.name).filter(pl.col("file_id") == file_id)
