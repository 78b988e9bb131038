"""Look at the quarantine: what is set aside now, and every detail of one thing in it."""

from typing import Any

import polars as pl

from cryptodudez_assets.contracts.base import TableContract, columns_of
from cryptodudez_assets.contracts.quarantine import Fate
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.quarantine import quarantine

# Of what the overview lists: enough to recognise a file.
FILE_NAME = pl.coalesce("member", "uri").str.split("/").list.last().alias("file")
WHERE = pl.coalesce("place", pl.col("line").cast(pl.String)).alias("line")
"""In which line a record is, or wherever its format tells."""

TO_DO = (
    "write the line as expected in a copy of the file, and land that: "
    "cryptodudez quarantine replay {source} --file {file_id} --edited COPY"
)
WORDS = {
    "not_finite": "is no finite number",
    "underflow": "is not zero, but so close to it that only zero could be kept",
    "leap_second": "has the second 60, which no time here can have: only the next minute could be kept",
}


def overview(lake: Lake, source: str | None = None, everything: bool = False) -> pl.DataFrame:
    """Rows and files in quarantine, one line each: of rows the rules that they break, and why in words.

    `everything` also shows those that were replayed or corrected.
    """
    rows = quarantine.rows_of(lake.tables, source).select(
        kind=pl.lit("row"),
        id="row_id",
        source="source",
        uri="uri",
        member="member",
        line="line",
        place="place",
        why=pl.col("rules").list.join(", "),
        status="status",
        reason="reason",
    )
    files = quarantine.files_of(lake.tables, source).select(
        kind=pl.lit("file"),
        id="file_id",
        source="source",
        uri="uri",
        member="member",
        line=pl.lit(None, pl.Int64),
        place=pl.lit(None, pl.String),
        why="reason",
        status="status",
        reason=pl.lit(None, pl.String),
    )
    found = pl.concat([files, rows])
    if not everything:
        found = found.filter(pl.col("status") == Fate.OPEN)
    return found.sort("source", "uri", "member", "line", "place").collect()


def details(lake: Lake, id_: str) -> list[dict[str, Any]]:
    """Everything known about the quarantined row or file with this id; of a file also its rows, with what their rules mean."""
    rows = quarantine.rows_of(lake.tables).filter((pl.col("row_id") == id_) | (pl.col("file_id") == id_))
    files = quarantine.files_of(lake.tables).filter(pl.col("file_id") == id_)
    explained = [
        row | {"meaning": _meanings(lake, row) or None, "to_do": TO_DO.format(**row)}
        for row in rows.sort("line").collect().to_dicts()
    ]
    found = [*files.collect().to_dicts(), *explained]
    return [{name: value for name, value in item.items() if value is not None} for item in found]


def _meanings(lake: Lake, row: dict[str, Any]) -> str:
    source = lake.sources.get(row["source"])
    return "; ".join(meaning(source.contract, rule) for rule in row["rules"]) if source else ""


def meaning(contract: type[TableContract], rule: str) -> str:
    """What a rule that a row breaks means, in words."""
    name, _, kind = rule.partition(":")
    if name == "record":
        return f"the record itself: {kind.replace('_', ' ')}"
    column = next((column for column in columns_of(contract) if column.name == name), None)
    if kind == "type":
        return f"{name} cannot be read as {_a_kind(column.dtype)}" if column else f"{name} is not of the type declared"
    if kind == "missing" and column:
        return f"{name} is missing, or what it is made from cannot be read as {_a_kind(column.dtype)}"
    if kind in WORDS:
        return f"{name} {WORDS[kind]}"
    if column:
        return f"{name} must satisfy {next((told for told in column.rules if told.startswith(kind)), kind)}"
    return f"the row breaks the rule {rule} of {contract.__name__} (docs/data_dictionary.md)"


def _a_kind(dtype: pl.DataType) -> str:
    if dtype.is_temporal():
        return "a date" if dtype == pl.Date else "a time"
    return "a whole number" if dtype.is_integer() else "a number" if dtype.is_numeric() else "text"
