"""Look at the quarantine: what is set aside now, and every detail of one thing in it."""

from typing import Any

import polars as pl

from cryptodudez_assets.contracts.quarantine import Fate
from cryptodudez_assets.lake import quarantine
from cryptodudez_assets.lake.lake import Lake


def overview(lake: Lake, source: str | None = None, everything: bool = False) -> pl.DataFrame:
    """Rows and files in quarantine, one line each; `everything` also shows those that were replayed or corrected."""
    rows = quarantine.rows_of(lake.tables, source).select(
        kind=pl.lit("row"),
        id="row_id",
        source="source",
        uri="uri",
        member="member",
        line="line",
        why=pl.col("rules").list.join(", "),
        status="status",
    )
    files = quarantine.files_of(lake.tables, source).select(
        kind=pl.lit("file"),
        id="file_id",
        source="source",
        uri="uri",
        member="member",
        line=pl.lit(None, pl.Int64),
        why="reason",
        status="status",
    )
    found = pl.concat([files, rows])
    if not everything:
        found = found.filter(pl.col("status") == Fate.OPEN)
    return found.sort("source", "uri", "member", "line").collect()


def details(lake: Lake, id_: str) -> list[dict[str, Any]]:
    """Everything known about the quarantined row or file with this id; of a file also its rows."""
    rows = quarantine.rows_of(lake.tables).filter((pl.col("row_id") == id_) | (pl.col("file_id") == id_))
    files = quarantine.files_of(lake.tables).filter(pl.col("file_id") == id_)
    return [*files.collect().to_dicts(), *rows.sort("line").collect().to_dicts()]
