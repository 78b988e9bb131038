"""After a fix: files are ingested again, corrected copies are landed, the history stays."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from cryptodudez_assets.lake import quarantine
from cryptodudez_assets.lake.cataloguing import catalogue_objects
from cryptodudez_assets.lake.discovery import discover_all
from cryptodudez_assets.lake.ingest import ingest
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.replay import Unknown, correct, reopen
from cryptodudez_assets.lake.status import status_of, unbalanced_files
from cryptodudez_assets.sources import Layout, Source, all_sources

Drop = Callable[[str, str, bytes], Path]
SOURCE = all_sources()["crypto_prices"]
HEADER = "SNo,Name,Symbol,Date,High,Low,Open,Close,Volume,Marketcap\n"


def candle(day: int, close: str = "1.5", low: str = "1") -> str:
    return f"1,Test,TST,2021-01-{day:02d} 23:59:59,2,{low},1.5,{close},100,1000\n"


def bring_in(lake: Lake, source: Source = SOURCE) -> None:
    catalogue_objects(lake, source, discover_all(lake, source.name))
    ingest(lake, source)
    assert unbalanced_files(lake, source).is_empty()


def fixed(**canonical: pl.Expr) -> Source:
    layout = SOURCE.layouts[0]
    return replace(SOURCE, layouts=[replace(layout, canonical={**layout.canonical, **canonical})])


def table(lake: Lake) -> pl.DataFrame:
    rows = lake.tables.scan(SOURCE.table)
    assert rows is not None
    return rows.sort("event_ts").collect()


def fates(lake: Lake) -> list[tuple[int, str]]:
    return sorted(quarantine.rows_of(lake.tables).select("line", "status").collect().iter_rows())


def counts(lake: Lake) -> tuple[int, int, int, int]:
    status = status_of(lake, SOURCE.name)
    return status.read, status.valid, status.quarantined, status.duplicate


def test_rows_that_fit_after_a_fix_leave_the_quarantine_and_the_others_stay(lake: Lake, drop: Drop) -> None:
    drop(SOURCE.name, "a.csv", (HEADER + candle(1) + candle(2, close="0") + "banana\n").encode())
    bring_in(lake)
    assert counts(lake) == (3, 1, 2, 0)
    forgiving = fixed(close=pl.when(pl.col("Close") > 0).then("Close").otherwise("Open"))
    assert reopen(lake, forgiving) == 1
    bring_in(lake, forgiving)
    assert counts(lake) == (3, 2, 1, 0)
    assert fates(lake) == [(3, "replayed"), (4, "open"), (4, "replayed")]


def test_rows_that_were_read_differently_are_replaced(lake: Lake, drop: Drop) -> None:
    drop(SOURCE.name, "a.csv", (HEADER + candle(1) + "banana\n").encode())
    bring_in(lake)
    renamed = fixed(name=pl.col("Name").str.to_uppercase())
    reopen(lake, renamed)
    bring_in(lake, renamed)
    assert table(lake)["name"].to_list() == ["TEST"]


def test_a_file_set_aside_for_a_renamed_column_is_loaded_once_a_layout_knows_it(lake: Lake, drop: Drop) -> None:
    drop(SOURCE.name, "a.csv", (HEADER.replace("Close", "Last") + candle(1)).encode())
    bring_in(lake)
    assert status_of(lake, SOURCE.name).set_aside == 1
    old = SOURCE.layouts[0]
    columns = {("Last" if name == "Close" else name): dtype for name, dtype in old.columns.items()}
    newer = Layout("last_csv", columns, {**old.canonical, "close": pl.col("Last")}, old.ignored)
    source = replace(SOURCE, layouts=[old, newer])
    assert reopen(lake, source) == 1
    bring_in(lake, source)
    assert counts(lake) == (1, 1, 0, 0)
    assert quarantine.files_of(lake.tables).collect()["status"].to_list() == ["replayed"]


def test_a_corrected_copy_is_a_file_of_its_own(lake: Lake, drop: Drop, tmp_path: Path) -> None:
    drop(SOURCE.name, "a.csv", (HEADER + candle(1) + "banana\n").encode())
    bring_in(lake)
    (file_id,) = quarantine.rows_of(lake.tables).collect()["file_id"]
    edited = tmp_path / "edited.csv"
    edited.write_text(HEADER + candle(2))
    uri = correct(lake, SOURCE, file_id, edited)
    bring_in(lake)
    assert counts(lake) == (3, 2, 1, 0)
    assert fates(lake) == [(3, "corrected")]
    assert quarantine.rows_of(lake.tables).collect()["corrected_by"].to_list() == [uri]
    assert reopen(lake, SOURCE) == 0


def test_replaying_without_a_fix_changes_nothing_but_the_history(lake: Lake, drop: Drop) -> None:
    drop(SOURCE.name, "a.csv", (HEADER + candle(1) + "banana\n").encode())
    bring_in(lake)
    before = table(lake)
    for _ in range(2):
        reopen(lake, SOURCE)
        bring_in(lake)
    assert table(lake).equals(before)
    assert counts(lake) == (2, 1, 1, 0)
    assert fates(lake) == [(3, "open"), (3, "replayed"), (3, "replayed")]


def test_a_replayed_file_still_yields_to_newer_observations(lake: Lake, drop: Drop) -> None:
    drop(SOURCE.name, "a.csv", (HEADER + candle(1) + "banana\n").encode())
    drop(SOURCE.name, "b.csv", (HEADER + candle(1, low="0.5")).encode())
    bring_in(lake)
    before, counted = table(lake), counts(lake)
    reopen(lake, SOURCE)
    bring_in(lake)
    assert table(lake).equals(before)
    assert counts(lake) == counted == (3, 1, 1, 1)


def test_an_unknown_file_is_named(lake: Lake) -> None:
    with pytest.raises(Unknown, match="nope"):
        reopen(lake, SOURCE, "nope")
    with pytest.raises(Unknown, match="nope"):
        correct(lake, SOURCE, "nope", Path(__file__))
