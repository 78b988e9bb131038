"""A home that an earlier version made, or an earlier declaration, is brought over by its next run."""

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandera.polars as pa
import polars as pl
import pytest
from pyiceberg.expressions import AlwaysTrue

from cryptodudez_assets.contracts.base import polars_schema
from cryptodudez_assets.derived.upkeep.materialize import materialize
from cryptodudez_assets.features import all_views
from cryptodudez_assets.features.declaration import FeatureContract, Frames
from cryptodudez_assets.lake.iceberg.scan import scan
from cryptodudez_assets.lake.ingest.ingest import ingest
from cryptodudez_assets.lake.ingest.merge import table_spec
from cryptodudez_assets.lake.ingest.upgrade import bring_over, is_due
from cryptodudez_assets.lake.lake import Lake, now
from cryptodudez_assets.lake.metastore import file_entries
from cryptodudez_assets.lake.status import unbalanced_files
from cryptodudez_assets.lake.upkeep.judging import judge_table
from cryptodudez_assets.rebuilding import rebuild
from cryptodudez_assets.sources import all_sources
from cryptodudez_assets.sources.declaration import BY_LANDING, BY_REACH, Source
from cryptodudez_assets_tests.builders import READINGS, csv, rows_of, take_in
from cryptodudez_assets_tests.feature_frames import utc
from cryptodudez_assets_tests.integration.crash_test import Died, MortalLakehouse

Drop = Callable[[str, str, bytes], Path]
ELON = all_sources()["elon_tweets"]


def make_old(lake: Lake, source: Source) -> None:
    """The tables as versions before wrote them: rows known at the newest event of their file, and nothing remembered."""
    for name in filter(None, (source.table, source.observations)):
        with lake.tables.rearranging(name) as change:
            events = pl.concat(rows_of(lake, table).select("file_id", "event_ts") for table in tables_of(source))
            newest = events.group_by("file_id").agg(known_ts=pl.col("event_ts").max())
            rows = change.rows().drop("known_ts").collect().join(newest, on="file_id")
            change.delete(AlwaysTrue()).add(rows)
        table = lake.tables.catalog.load_table(name)
        with table.transaction() as transaction:
            transaction.remove_properties(*(key for key in table.properties if key.startswith("cryptodudez.")))
        if source.keeps_reach:
            with table.update_schema(allow_incompatible_changes=True) as update:
                update.delete_column("as_of")


def tables_of(source: Source) -> list[str]:
    return [name for name in (source.observations, source.table) if name]


def landed(lake: Lake, source: Source) -> dict[str, object]:
    entries = file_entries.files_of(lake.tables, source.name).filter(status="loaded")
    return dict(entries.select("file_id", "discovered_at").collect().iter_rows())


@pytest.mark.parametrize("gone", [False, True], ids=["raw files there", "raw files gone"])
def test_counts_of_tweets_are_known_since_they_landed(lake: Lake, tiny_samples: Path, gone: bool) -> None:
    started = now()
    folder = Path(lake.settings.lake) / "raw" / ELON.name
    folder.mkdir(parents=True)
    for archive in (tiny_samples / ELON.name).iterdir():
        shutil.copy(archive, folder)
    take_in(lake, ELON)
    expected = {name: rows_of(lake, name).sort("id", "file_id") for name in tables_of(ELON)}
    make_old(lake, ELON)
    assert all(rows_of(lake, name)["known_ts"].max() < started for name in tables_of(ELON))
    assert is_due(lake, ELON)
    for archive in folder.iterdir() if gone else ():
        archive.unlink()
    ingest(lake, ELON)
    assert not is_due(lake, ELON)
    for name, rows in expected.items():
        assert rows_of(lake, name).select(rows.columns).sort("id", "file_id").equals(rows), name
    assert unbalanced_files(lake, ELON).is_empty()
    view = all_views()["tweet_engagement"]
    materialize(lake, view)
    assert rows_of(lake, view.history)["known_ts"].min() >= started


def test_it_may_die_at_any_step(lake: Lake, drop: Drop) -> None:
    drop(READINGS.name, "a.csv", csv("s", range(20), 1))
    take_in(lake)
    drop(READINGS.name, "b.csv", csv("s", range(10, 30), 2))
    take_in(lake)
    make_old(lake, READINGS)
    step, died = 0, True
    while died:
        step += 1
        mortal = replace(lake, tables=MortalLakehouse(lake.settings, step))
        try:
            bring_over(mortal, READINGS)
            died = False
        except Died:
            assert step < 20
    take_in(lake)
    for name in tables_of(READINGS):
        rows = rows_of(lake, name).select("file_id", "known_ts").unique()
        assert dict(rows.iter_rows()).items() <= landed(lake, READINGS).items()
    assert unbalanced_files(lake, READINGS).is_empty()


def test_nothing_is_due_in_a_home_made_now(lake: Lake, drop: Drop) -> None:
    drop(READINGS.name, "a.csv", csv("s", range(3)))
    assert not is_due(lake, READINGS)
    take_in(lake)
    assert not is_due(lake, READINGS)


@pytest.mark.parametrize("old", [True, False], ids=["made before rules were declared", "declared by reach"])
def test_by_another_rule_what_was_contested_is_read_again(lake: Lake, drop: Drop, old: bool) -> None:
    by_reach = replace(READINGS, newest_by=BY_REACH, observations=None)
    by_landing = replace(by_reach, newest_by=BY_LANDING)
    drop(READINGS.name, "a.csv", csv("s", range(30), 5))
    take_in(lake, by_reach)
    drop(READINGS.name, "b.csv", csv("s", range(6), 7))
    take_in(lake, by_reach)
    if old:
        make_old(lake, by_reach)
    assert is_due(lake, by_landing)
    told: list[str] = []
    ingest(lake, by_landing, progress=told.append)
    assert rows_of(lake, by_landing.table).sort("event_ts")["value"].to_list() == [7] * 6 + [5] * 24
    assert any("1 files are read again" in line for line in told)
    assert not is_due(lake, by_landing)
    assert unbalanced_files(lake, by_landing).is_empty()


def test_bytes_that_came_back_before_that_counted(lake: Lake, drop: Drop) -> None:
    source = replace(READINGS, newest_by=BY_LANDING)
    first, second = csv("s", range(3), 7), csv("s", range(3), 5)
    for number, content in enumerate((first, second, first)):
        path = drop(source.name, "a.csv", content)
        os.utime(path, (1_600_000_000 + number,) * 2)
        take_in(lake, source)
    # As versions before left it: the first entry is the one that was read, the last only repeats it.
    with lake.tables.changing(file_entries.FILES) as change:
        rows = change.rows().sort("discovered_at").collect()
        last = rows.row(-1, named=True)
        entries = rows.to_dicts()
        for name in ("status", "reason", "batch_id", *(name for name in rows.columns if name.startswith("rows_"))):
            entries[0][name], entries[-1][name] = last[name], entries[0][name]
        entries[1] |= {"rows_valid": 3, "rows_duplicate": 0}
        entries[0] |= {"rows_valid": 0, "rows_duplicate": 3}
        change.delete(AlwaysTrue()).add(pl.DataFrame(entries, schema=rows.schema))
    with lake.tables.rearranging(source.table) as change:
        losers = rows_of(lake, source.observations or "").filter(pl.col("file_id") == entries[1]["file_id"])
        change.delete(AlwaysTrue()).add(losers)
    make_old(lake, source)
    ingest(lake, source)
    assert rows_of(lake, source.table)["value"].to_list() == [7] * 3
    assert unbalanced_files(lake, source).is_empty()


class VectorsBefore(FeatureContract):
    """Vectors as they once were, in columns of their own."""

    id: pl.Int64 = pa.Field(description="The tweet.")
    v0: float = pa.Field(description="One component.")
    v1: float = pa.Field(description="Another.")


def vectors_before(frames: Frames) -> pl.LazyFrame:
    (tweets,) = frames.values()
    rows = tweets.select("id", "event_ts", known_ts="event_ts", v0=pl.lit(0.6), v1=pl.lit(0.8))
    return rows.select("id", "v0", "v1", "event_ts", "known_ts").sort("id")


def test_a_view_of_other_columns_takes_its_table_over_and_the_older_version_stays(lake: Lake) -> None:
    schema, times = polars_schema(ELON.contract), dict.fromkeys(("event_ts", "known_ts", "as_of"), utc("2021-01-01"))
    blank = {
        name: False if dtype == pl.Boolean else 1 if dtype.is_integer() else "en" for name, dtype in schema.items()
    }
    tweets = [blank | times | {"id": number, "text": text} for number, text in enumerate(("To Mars", "the"))]
    with lake.tables.changing(table_spec(ELON)) as change:
        change.add(pl.DataFrame(tweets, schema=schema))
    view = all_views()["tweet_vectors"]
    materialize(lake, replace(view, contract=VectorsBefore, transform=vectors_before))
    before = lake.tables.load(view.table).current_snapshot().snapshot_id

    materialize(lake, view)

    rows = rows_of(lake, view.table).sort("id")
    assert rows["clean_text"].to_list() == ["mars", ""]
    assert rows["dimensions"].list.len().to_list() == [1, 0]
    assert rows["v0"].null_count() == 2, "what the contract no longer has is null"
    assert judge_table(lake, view.table, view.contract, view.identity, "now", everything=True).errors == {}
    then = scan(lake.tables.load(view.table), snapshot_id=before).sort("id").collect()
    assert then.select("id", "v0", "v1").rows() == [(0, 0.6, 0.8), (1, 0.6, 0.8)]
    assert rebuild(lake, view.table).rows == 2
    assert rows_of(lake, view.table).columns == list(polars_schema(view.contract))
