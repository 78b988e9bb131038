"""After a fix: files are ingested again, corrected copies are landed, the history stays."""

import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO, cast

import polars as pl
import pytest

from cryptodudez_assets.lake.ingest.cataloguing import catalogue_objects
from cryptodudez_assets.lake.ingest.ingest import ingest
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.metastore.discovery import discover_all
from cryptodudez_assets.lake.quarantine import quarantine
from cryptodudez_assets.lake.quarantine.replay import Unknown, correct, reopen
from cryptodudez_assets.lake.status import status_of, unbalanced_files
from cryptodudez_assets.lake.store.stored import ObjectStore
from cryptodudez_assets.sources import Layout, Source, all_sources
from cryptodudez_assets_tests.builders import open_lake
from cryptodudez_assets_tests.integration.crash_test import Died, MortalLakehouse

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


class MortalStore:
    """A store that dies before or behind its n-th write; steps are shared with the tables."""

    def __init__(self, store: ObjectStore, step: Callable[[], None]) -> None:
        self._store, self._step = store, step

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)

    def write(self, key: str, content: BinaryIO) -> None:
        self._step()
        self._store.write(key, content)
        self._step()


def test_death_at_any_step_of_a_correction_leaves_each_row_in_one_place(lake: Lake, drop: Drop, tmp_path: Path) -> None:
    drop(SOURCE.name, "a.csv", (HEADER + candle(1) + candle(2, close="0") + "banana\n").encode())
    bring_in(lake)
    (file_id,) = quarantine.rows_of(lake.tables).collect()["file_id"].unique()
    (edited := tmp_path / "edited.csv").write_text(HEADER + candle(2, close="2"))
    home, backup = lake.settings.home, lake.settings.home.with_name("backup")
    shutil.copytree(home, backup)
    step, died, corrected = 0, True, 0
    while died:
        for again in (False, True):  # the next run as it comes, or the same command
            shutil.rmtree(home)
            shutil.copytree(backup, home)
            died = _dies_correcting(step + 1, lake, file_id, edited)
            after = open_lake(lake.settings)
            if again:
                correct(after, SOURCE, file_id, edited)
            bring_in(after)
            there = len(table(after)) == 2
            assert again <= there, f"at step {step}"
            assert fates(after) == [(3, "corrected" if there else "open"), (4, "corrected" if there else "open")]
            corrected += there
        step += 1
    assert step > 8
    assert corrected > step


def _dies_correcting(steps: int, lake: Lake, file_id: str, edited: Path) -> bool:
    tables = MortalLakehouse(lake.settings, steps)
    store = cast(ObjectStore, MortalStore(lake.store, tables._step))
    mortal = Lake(lake.settings, store, tables, lake.sources)
    try:
        correct(mortal, SOURCE, file_id, edited)
        bring_in(mortal)
    except Died:
        return True
    return False


def test_a_copy_that_is_no_correction_is_refused(lake: Lake, drop: Drop, tmp_path: Path) -> None:
    path = drop(SOURCE.name, "a.csv", (HEADER + candle(1) + "banana\n").encode())
    bring_in(lake)
    (file_id,) = quarantine.rows_of(lake.tables).collect()["file_id"]
    with pytest.raises(Unknown, match="is the same, byte for byte"):
        correct(lake, SOURCE, file_id, path)
    bring_in(lake)
    assert fates(lake) == [(3, "open")]


def test_corrections_of_a_file_are_never_written_over_each_other(lake: Lake, drop: Drop, tmp_path: Path) -> None:
    drop(SOURCE.name, "a.csv", (HEADER + candle(1) + "banana\n").encode())
    bring_in(lake)
    (file_id,) = quarantine.rows_of(lake.tables).collect()["file_id"]
    places = set()
    for close in ("2", "3", "3"):
        (edited := tmp_path / "edited.csv").write_text(HEADER + candle(2, close=close))
        places.add(correct(lake, SOURCE, file_id, edited))
    assert len(places) == 2


def test_a_batch_that_is_done_again_makes_no_table_for_nothing(lake: Lake, drop: Drop) -> None:
    drop(SOURCE.name, "a.csv", (HEADER + candle(1)).encode())
    for steps in range(1, 12):
        mortal = Lake(lake.settings, lake.store, MortalLakehouse(lake.settings, steps), lake.sources)
        with suppress(Died):
            bring_in(mortal)
    bring_in(lake)
    assert len(table(lake)) == 1
    assert not [name for name in lake.tables.names() if name.startswith("quarantine.")]
