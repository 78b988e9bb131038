"""A table that is lost or damaged is made again from what it was made of: the same rows, counts, ids and times."""

import os
from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from random import Random

import polars as pl
import pytest
from pyiceberg.expressions import AlwaysTrue

from cryptodudez_assets.derived.upkeep.materialize import materialize
from cryptodudez_assets.features import all_views
from cryptodudez_assets.lake.iceberg.recording import RecordingCatalog
from cryptodudez_assets.lake.iceberg.scan import data_files
from cryptodudez_assets.lake.lake import Lake, now
from cryptodudez_assets.lake.quarantine import quarantine
from cryptodudez_assets.lake.upkeep.maintenance import remove_orphans
from cryptodudez_assets.lake.upkeep.rebuild import CannotRebuild, rebuild_quarantine, rebuild_source
from cryptodudez_assets.lake.upkeep.restoring import restore
from cryptodudez_assets.lake.upkeep.verify import verify_table
from cryptodudez_assets.rebuilding import rebuild
from cryptodudez_assets_tests.builders import INCIDENTAL, READINGS, csv, files, open_lake, rows_of, take_in, zipped
from cryptodudez_assets_tests.integration.materialize_test import bring_in, one_more_candle
from cryptodudez_assets_tests.unit.verify_test import flip

Drop = Callable[[str, str, bytes], Path]
TABLES = [READINGS.table, READINGS.observations or ""]


@pytest.fixture
def full(lake: Lake, drop: Drop) -> Lake:
    """Several landings that repeat each other, an archive, rows and files that are set aside, the same bytes twice."""
    drop("readings", "a.csv", csv("s", range(0, 40), bad=2))
    drop("readings", "b.zip", zipped(x=csv("t", range(5)), y=csv("s", range(30, 60), value=2.0)))
    take_in(lake)
    drop("readings", "c.csv", csv("s", range(20, 80), value=3.0, bad=1))
    drop("readings", "again.csv", csv("s", range(0, 40), bad=2))
    drop("readings", "wrong.csv", b"what,is,this\n1,2,3\n")
    take_in(lake)
    return lake


def everything(lake: Lake) -> dict[str, list[tuple[object, ...]]]:
    """All tables, also with what tells of time, since nothing of that is to change."""
    names = [*TABLES, "quarantine.rows", "quarantine.files", "catalog.files"]
    return {name: sorted(rows_of(lake, name).rows(), key=repr) for name in names}


def tables_of(lake: Lake) -> dict[str, list[tuple[object, ...]]]:
    return {name: sorted(rows_of(lake, name).drop(INCIDENTAL, strict=False).rows(), key=repr) for name in TABLES}


def folder(lake: Lake, name: str = READINGS.table) -> Path:
    return Path(lake.settings.lake) / "tables" / name.replace(".", "/")


def lose_data(lake: Lake) -> None:
    max(folder(lake).rglob("*.parquet")).unlink()


def flip_data(lake: Lake) -> None:
    flip(max(folder(lake).rglob("*.parquet")), Random(5))


def lose_manifests(lake: Lake) -> None:
    for path in folder(lake).rglob("*-m0.avro"):
        path.unlink()


def lose_metadata(lake: Lake) -> None:
    Path(lake.tables.metadata_location(READINGS.table)).unlink()


def break_metadata(lake: Lake) -> None:
    Path(lake.tables.metadata_location(READINGS.table)).write_bytes(b"\0" * 100)


def lose_all(lake: Lake) -> None:
    for path in folder(lake).rglob("*.*"):
        path.unlink()


@pytest.mark.parametrize("damage", [lose_data, flip_data, lose_manifests, lose_metadata, break_metadata, lose_all])
def test_a_source_is_made_again_whatever_was_lost(full: Lake, damage: Callable[[Lake], None]) -> None:
    before = everything(full)
    damage(full)
    again = open_lake(full.settings)
    assert verify_table(again, READINGS.table).differences
    done = rebuild_source(again, READINGS)
    assert (done.tables, done.lost) == (TABLES, {})
    assert done.rows == len(before[READINGS.table])
    assert everything(again) == before
    assert verify_table(again, READINGS.table).differences == []
    assert again.tables.names() == full.tables.names()
    remove_orphans(again, READINGS.table, grace=timedelta(seconds=-60))
    assert everything(open_lake(full.settings)) == before


def die(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def die_unless_it_forgets(self: RecordingCatalog, locations: dict[str, str], instead_of: Collection[str]) -> None:
    if locations:
        raise KeyboardInterrupt
    FORGET(self, locations, instead_of)


FORGET = RecordingCatalog.point
DEATHS: dict[str, Callable[..., None]] = {
    "cryptodudez_assets.lake.ingest.ingest._keep_observations": die,
    "cryptodudez_assets.lake.upkeep.rebuild.compact_if_due": die,
    "cryptodudez_assets.lake.iceberg.recording.RecordingCatalog.put": die,
    "cryptodudez_assets.lake.iceberg.recording.RecordingCatalog.point": die_unless_it_forgets,
    "cryptodudez_assets.lake.upkeep.rebuild._correct_quarantine": die,
    "cryptodudez_assets.lake.upkeep.rebuild._correct_catalogue": die,
}


def test_whoever_dies_over_it_leaves_what_was_and_does_it_again(full: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    before = everything(full)
    for step, death in DEATHS.items():
        with monkeypatch.context() as patched:
            patched.setattr(step, death)
            with pytest.raises(KeyboardInterrupt):
                rebuild_source(open_lake(full.settings), READINGS)
        assert everything(open_lake(full.settings)) == before, step
        remove_orphans(
            open_lake(full.settings), READINGS.table
        )  # what is half made shares the folder, and is no hindrance
    rebuild_source(open_lake(full.settings), READINGS)
    assert everything(open_lake(full.settings)) == before


def test_a_catalog_that_is_restored_names_what_was_made_again_and_nothing_half_made(
    full: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = everything(full)
    with monkeypatch.context() as patched:
        patched.setattr("cryptodudez_assets.lake.iceberg.recording.RecordingCatalog.put", die)
        with pytest.raises(KeyboardInterrupt):
            rebuild_source(open_lake(full.settings), READINGS)
    (full.settings.home / "catalog.db").unlink()
    restore(full.settings, now())
    assert everything(open_lake(full.settings)) == before
    flip_data(full)
    rebuild_source(open_lake(full.settings), READINGS)
    (full.settings.home / "catalog.db").unlink()
    restore(full.settings, now())
    again = open_lake(full.settings)
    assert everything(again) == before
    assert [verify_table(again, name).differences for name in TABLES] == [[], []]


def test_what_lands_later_is_taken_in_as_ever(full: Lake, drop: Drop) -> None:
    lose_all(full)
    lake = open_lake(full.settings)
    rebuild_source(lake, READINGS)
    drop("readings", "d.csv", csv("s", range(70, 90), value=4.0))
    take_in(lake)
    valid = files(lake)["rows_valid"].sum()
    assert valid == rows_of(lake, READINGS.table).height == 90 + 5


def test_rows_of_files_that_are_gone_are_not_lost_in_silence(full: Lake) -> None:
    before, tables = everything(full), tables_of(full)
    gone = Path(full.settings.lake) / "raw" / "readings" / "c.csv"
    kept = gone.read_bytes()
    gone.unlink()
    with pytest.raises(
        CannotRebuild, match=r"60 rows of lab.readings .* 1 raw files .*c\.csv \(60 rows\).*--lose-rows"
    ):
        rebuild_source(full, READINGS)
    assert everything(full) == before
    done = rebuild_source(full, READINGS, lose_rows=True)
    assert done.lost == {str(gone): 60}
    told = files(full).filter(pl.col("uri") == str(gone)).row(0, named=True)
    assert (told["status"], told["rows_valid"]) == ("ignored", None)
    assert "its 60 rows are lost" in told["reason"]
    assert rows_of(full, READINGS.table).height == 60 + 5  # the older observations are back
    assert files(full)["rows_valid"].sum() == 60 + 5
    gone.write_bytes(kept)  # put back it is a file like any other
    take_in(full)
    assert tables_of(full) == tables


def test_a_damaged_raw_file_counts_as_gone(full: Lake) -> None:
    path = Path(full.settings.lake) / "raw" / "readings" / "c.csv"
    stat = path.stat()
    flip(path, Random(3))
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    with pytest.raises(CannotRebuild, match="gone, changed or damaged"):
        rebuild_source(full, READINGS)


def test_the_same_bytes_under_another_name_do(full: Lake) -> None:
    before = tables_of(full)
    (Path(full.settings.lake) / "raw" / "readings" / "a.csv").unlink()
    assert rebuild_source(full, READINGS).lost == {}
    assert tables_of(full) == before


def test_the_quarantine_is_made_again(full: Lake) -> None:
    def told(name: str) -> list[tuple[object, ...]]:
        return sorted(rows_of(full, name).drop(INCIDENTAL, strict=False).rows(), key=repr)

    before = {spec.name: told(spec.name) for spec in (quarantine.ROWS, quarantine.FILES)}
    assert [len(rows) for rows in before.values()] == [3, 1]
    for name in before:
        for path in folder(full, name).rglob("*.*"):
            path.unlink()
    rebuild_quarantine(open_lake(full.settings), [READINGS])
    assert {name: told(name) for name in before} == before


def test_what_is_made_again_of_nothing_is_a_table_without_rows(full: Lake) -> None:
    for path in (Path(full.settings.lake) / "raw" / "readings").iterdir():
        path.unlink()
    rebuild_source(full, READINGS, lose_rows=True)
    rebuild_quarantine(full, [READINGS])
    again = open_lake(full.settings)
    assert {rows_of(again, name).height for name in (*TABLES, quarantine.ROWS.name)} == {0}


def test_where_the_catalogue_is_damaged_it_says_so(full: Lake) -> None:
    for path in folder(full, "catalog.files").rglob("*.parquet"):
        path.unlink()
    with pytest.raises(CannotRebuild, match=r"catalog\.files is damaged.*backup"):
        rebuild_source(open_lake(full.settings), READINGS)


@pytest.mark.parametrize("value", [pl.col("nothing"), pl.col("sensor").str.to_datetime()])
def test_a_declaration_that_fails_by_now_changes_nothing(full: Lake, value: pl.Expr) -> None:
    before = everything(full)
    (layout,) = READINGS.layouts
    failing = replace(READINGS, layouts=[replace(layout, canonical={**layout.canonical, "value": value})])
    with pytest.raises(CannotRebuild, match="Nothing was changed"):
        rebuild_source(full, failing)
    assert everything(full) == before


def test_a_judgement_that_changed_since_is_written_down(full: Lake) -> None:
    with full.tables.changing(quarantine.ROWS) as change:  # as if these rows had been valid
        change.delete(AlwaysTrue())
    rebuild_source(full, READINGS)
    assert rows_of(full, "quarantine.rows").height == 3


def test_a_view_is_made_again_from_its_inputs(lake: Lake, tmp_path: Path) -> None:
    for day in range(1, 8):
        bring_in(lake, "crypto_prices", one_more_candle(tmp_path / f"{day}.csv", f"2021-01-0{day}"))
    view = all_views()["crypto_daily"]
    materialize(lake, view)
    before = rows_of(lake, view.table)
    Path(lake.tables.metadata_location(view.table)).unlink()
    again = open_lake(lake.settings)
    assert verify_table(again, view.table).differences
    rebuild(again, view.table)
    assert rows_of(again, view.table).equals(before)
    assert verify_table(again, view.table).differences == []
    assert materialize(again, view).rows == 0  # it knows what it was made from
    (source,) = data_files(again.tables.catalog.load_table("market.crypto_prices"))
    flip(Path(source.file_path), Random(1))
    with pytest.raises(CannotRebuild, match=r"made of market\.crypto_prices, which is damaged"):
        rebuild(again, view.table)
    rebuild(again, "market.crypto_prices")
    assert materialize(again, view).rows == 7  # of an input that was made again nothing is taken for granted
    assert rows_of(again, view.table).sort("event_ts").equals(before.sort("event_ts"))


def test_the_inventory_and_what_is_no_origin_of_itself(lake: Lake) -> None:
    rebuild(lake, "catalog.features")
    rebuild(lake, "catalog.tables")
    assert rows_of(lake, "catalog.tables")["name"].to_list() == ["catalog.features"]
    with pytest.raises(CannotRebuild, match=r"only record of what was found .*backup"):
        rebuild(lake, "catalog.files")
    with pytest.raises(LookupError, match=r"did you mean features\.crypto_daily"):
        rebuild(lake, "feature.crypto_daily")
    with pytest.raises(LookupError, match=r"there are: accounts\.deposits, .*market\.crypto_prices"):
        rebuild(lake, "zzz")
