"""A home of a version that knew CSV alone: its files are read as before, and its tables gain what other formats need."""

from collections.abc import Callable
from pathlib import Path

import polars as pl

from cryptodudez_assets.lake.ingest.cataloguing import catalogue_objects
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.metastore.discovery import discover_all
from cryptodudez_assets.lake.quarantine.replay import reopen
from cryptodudez_assets.lake.quarantine.review import overview
from cryptodudez_assets_tests.builders import READINGS, csv, files, rows_of, take_in


def test_old_rows_are_csv_and_new_ones_may_have_no_line(lake: Lake, drop: Callable[[str, str, bytes], Path]) -> None:
    drop("readings", "old.csv", csv("s", range(20), bad=1))
    take_in(lake)
    drop("readings", "pending.csv", csv("t", range(20), bad=1))
    catalogue_objects(lake, READINGS, discover_all(lake, READINGS.name))
    as_it_was(lake)
    assert "record_format" not in rows_of(lake, "catalog.files").columns

    take_in(lake)
    drop("readings", "new.json", csv("u", range(20), bad=1, form="json"))
    take_in(lake)

    found = files(lake)
    assert found["status"].to_list() == ["loaded"] * 3
    assert found["rows_quarantined"].to_list() == [1] * 3
    told = dict(zip(found["uri"].str.split("/").list.last(), found["record_format"], strict=True))
    assert (told["pending.csv"], told["new.json"]) == (None, "json")
    aside = overview(lake, READINGS.name).select(pl.col("uri").str.split("/").list.last(), "line", "place")
    assert aside.sort("uri").rows() == [("new.json", 102, "$[20]"), ("old.csv", 22, None), ("pending.csv", 22, None)]
    line = lake.tables.load("quarantine.rows").schema().find_field("line")
    assert not line.required

    assert reopen(lake, READINGS) == 3
    take_in(lake)
    assert files(lake)["record_format"].to_list() == ["json", "csv", "csv"]
    assert files(lake)["rows_quarantined"].to_list() == [1] * 3


def as_it_was(lake: Lake) -> None:
    """Without the columns that came with other formats, and with a line in every row."""
    with lake.tables.load("catalog.files").update_schema() as update:
        update.delete_column("record_format")
    with lake.tables.load("quarantine.rows").update_schema(allow_incompatible_changes=True) as update:
        update.delete_column("place")
        update.update_column("line", required=True)
