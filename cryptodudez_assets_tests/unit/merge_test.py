"""Merging: one row per key, the newest observation by a column wins, whatever came first."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from pyiceberg.expressions import AlwaysTrue
from pyiceberg.types import StringType

from cryptodudez_assets.contracts.base import polars_schema
from cryptodudez_assets.engines import Done, Say, Task
from cryptodudez_assets.engines.local import LocalEngine
from cryptodudez_assets.lake.iceberg.scan import planned_files
from cryptodudez_assets.lake.ingest import rivals
from cryptodudez_assets.lake.ingest.merge import Merged, merging, observations_spec, table_spec
from cryptodudez_assets.lake.ingest.rivals import RivalsTask
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.sources.declaration import Source
from cryptodudez_assets_tests.builders import Readings, new_rows, readings_source, rows_of
from cryptodudez_assets_tests.wrapped_engines import Wrapped

READINGS = replace(readings_source(), newest_by="known_ts")
Row = tuple[str, str, float, str, str, int]


def frame(*rows: Row) -> pl.DataFrame:
    """Rows as (sensor, event_ts, value, known_ts, file_id, file_row)."""
    columns = ["sensor", "event_ts", "value", "known_ts", "file_id", "file_row"]
    times = pl.col("event_ts", "known_ts").str.to_datetime("%Y-%m-%d", time_unit="us", time_zone="UTC")
    read = pl.DataFrame(rows, schema=columns, orient="row").with_columns(times)
    return read.select(pl.col(name).cast(dtype) for name, dtype in polars_schema(Readings).items())


def bring(lake: Lake, *parts: pl.DataFrame, source: Source = READINGS, anew: Sequence[str] = ()) -> Merged:
    with merging(lake.tables, source, lake.engine) as rows:
        rows.adopt(new_rows(lake, source, *parts))
        return rows.finish(lambda merged: {"told": str(merged.displaced)}, anew)


def values(lake: Lake) -> list[tuple[str, float]]:
    return rows_of(lake, READINGS.table).sort("sensor", "event_ts").select("sensor", "value").rows()


def test_observations_have_a_table_like_that_of_the_source_where_it_wants_one() -> None:
    wanting = replace(READINGS, observations="lab.seen")
    assert observations_spec(wanting) == replace(table_spec(wanting), name="lab.seen")
    assert observations_spec(replace(READINGS, observations=None)) is None


OLD = frame(("a", "2020-05-01", 1, "2020-06-01", "f1", 1), ("b", "2020-05-01", 2, "2020-06-01", "f1", 2))
NEW = frame(("a", "2020-05-01", 9, "2021-01-01", "f2", 1))


def test_a_newer_observation_displaces_the_older(lake: Lake) -> None:
    bring(lake, OLD)
    merged = bring(lake, NEW)
    assert (merged.duplicates, merged.displaced) == ({}, {"f1": 1})
    assert values(lake) == [("a", 9), ("b", 2)]


def test_an_older_observation_is_a_duplicate(lake: Lake) -> None:
    bring(lake, NEW)
    merged = bring(lake, OLD)
    assert (merged.duplicates, merged.displaced) == ({"f1": 1}, {})
    assert values(lake) == [("a", 9), ("b", 2)]


def test_a_tie_falls_to_the_file_and_row_that_sort_last(lake: Lake) -> None:
    tied = [
        frame(("a", "2020-05-01", n, "2020-06-01", file, row))
        for n, (file, row) in enumerate([("f2", 1), ("f2", 2), ("f1", 3)])
    ]
    for one in tied:
        bring(lake, one)
    assert values(lake) == [("a", 1)]


def test_a_file_that_is_read_anew_replaces_its_rows_and_no_others(lake: Lake) -> None:
    bring(lake, OLD, frame(("c", "2019-05-01", 3, "2020-06-01", "f0", 1)))
    merged = bring(lake, frame(("a", "2021-05-01", 5, "2020-06-01", "f1", 1)), anew=["f1"])
    assert (merged.duplicates, merged.displaced) == ({}, {})
    assert values(lake) == [("a", 5), ("c", 3)]


def test_a_file_of_which_nothing_is_left_goes(lake: Lake) -> None:
    bring(lake, OLD)
    bring(lake, anew=["f1"])
    assert values(lake) == []


def test_a_file_that_is_read_anew_counts_its_losers_as_before(lake: Lake) -> None:
    part = frame(("a", "2020-05-01", 1, "2020-06-01", "f1", 1), ("a", "2020-05-01", 2, "2020-06-01", "f1", 2))
    first = bring(lake, part)
    again = bring(lake, part, anew=["f1"])
    assert first.duplicates == again.duplicates == {"f1": 1}
    assert values(lake) == [("a", 2)]


def test_nothing_to_merge_makes_no_table(lake: Lake) -> None:
    assert bring(lake) == Merged({}, {})
    assert lake.tables.names() == []


def test_only_the_files_of_displaced_rows_are_rewritten(lake: Lake) -> None:
    years = frame(
        *((sensor, f"{year}-05-01", 1, "2022-01-01", "f1", year) for year in (2019, 2020, 2021) for sensor in "ab")
    )
    bring(lake, years)
    before = set(planned_files(lake.tables.catalog.load_table(READINGS.table)))
    bring(lake, frame(("a", "2020-05-01", 2, "2023-01-01", "f2", 1)))
    after = set(planned_files(lake.tables.catalog.load_table(READINGS.table)))
    assert len(before & after) == 2


def test_observations_of_a_key_that_differ_in_time_meet_across_partitions(lake: Lake) -> None:
    by_sensor = replace(READINGS, key=["sensor"])
    bring(
        lake,
        frame(("a", "2020-12-31", 1, "2020-12-31", "f1", 1), ("b", "2020-12-31", 1, "2020-12-31", "f1", 2)),
        source=by_sensor,
    )
    merged = bring(lake, frame(("a", "2021-01-01", 2, "2021-01-01", "f2", 1)), source=by_sensor)
    assert merged.displaced == {"f1": 1}
    assert values(lake) == [("a", 2), ("b", 1)]


@pytest.mark.parametrize("unit", ["year", "month", "day"])
def test_every_partitioning_ends_in_the_same_rows(lake: Lake, unit: str) -> None:
    source = replace(READINGS, partition_by=unit)  # type: ignore[arg-type]
    days = [f"2020-{month:02}-{day:02}" for month in (1, 12) for day in (1, 31)]
    bring(lake, frame(*(("a", day, 1, "2021-01-01", "f1", n) for n, day in enumerate(days))), source=source)
    merged = bring(
        lake, frame(*(("a", day, 2, "2021-01-02", "f2", n) for n, day in enumerate(days[1:]))), source=source
    )
    assert merged.displaced == {"f1": 3}
    assert values(lake) == [("a", 1), ("a", 2), ("a", 2), ("a", 2)]


def test_the_outcome_is_told_by_one_snapshot_of_the_commit(lake: Lake) -> None:
    bring(lake, OLD)
    bring(lake, NEW)
    snapshots = lake.tables.catalog.load_table(READINGS.table).metadata.snapshots
    told = [snapshot.summary.additional_properties.get("told") for snapshot in snapshots if snapshot.summary]
    assert [one for one in told if one] == ["{}", "{'f1': 1}"]


def test_a_merge_is_all_or_nothing(lake: Lake) -> None:
    bring(lake, OLD)

    def fail() -> None:
        with merging(lake.tables, READINGS, lake.engine) as rows:
            rows.adopt(new_rows(lake, READINGS, NEW))
            rows.finish(lambda _: {})
            raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power cut"):
        fail()
    assert values(lake) == [("a", 1), ("b", 2)]


@pytest.mark.parametrize("portion", [1, 1 << 20], ids=["written at once", "held"])
def test_what_is_not_complete_is_seen_by_nobody(lake: Lake, monkeypatch: pytest.MonkeyPatch, portion: int) -> None:
    monkeypatch.setattr("cryptodudez_assets.lake.iceberg.data_files.WRITE_BYTES", portion)
    with merging(lake.tables, READINGS, lake.engine) as rows:
        rows.adopt(new_rows(lake, READINGS, OLD, NEW))
        assert pl.concat(rows.rows()).height == 3
        later = NEW["known_ts"].dt.offset_by("-2y")[0]

        def complete(some: pl.DataFrame) -> pl.DataFrame:
            """Without b, and what f2 says is older than it seemed."""
            known = pl.when(pl.col("file_id") == "f2").then(pl.lit(later)).otherwise("known_ts")
            return some.filter(pl.col("sensor") != "b").with_columns(known_ts=known)

        merged = rows.finish(lambda _: {}, complete=complete)
    assert merged == Merged({"f2": 1}, {}, {"f2": 1})
    assert values(lake) == [("a", 1)]
    there = list(Path(lake.settings.lake).rglob("*.parquet"))
    assert len(there) == len(planned_files(lake.tables.catalog.load_table(READINGS.table)))


def test_rows_survive_a_column_that_only_the_table_has(lake: Lake) -> None:
    bring(lake, OLD)
    with lake.tables.catalog.load_table(READINGS.table).update_schema() as update:
        update.add_column("note", StringType())
    bring(lake, NEW)
    assert rows_of(lake, READINGS.table).height == 2
    with lake.tables.changing(table_spec(READINGS)) as change:
        assert change.rows(AlwaysTrue()).collect()["known_ts"].max() == datetime(2021, 1, 1, tzinfo=UTC)


@dataclass
class Counted(Wrapped):
    """An engine that remembers how many keys each task was told of."""

    told: list[int] = field(default_factory=list)

    def run(self, function: Callable[[Task, Say], Done], tasks: Sequence[Task], say: Say) -> Iterator[Done]:
        """What the function gives for each task, in their order."""
        self.told += [len(task.keys.hashes) for task in tasks if isinstance(task, RivalsTask)]
        yield from self.engine.run(function, tasks, say)


def test_no_task_is_told_of_more_keys_than_fit_and_each_rival_is_found_once(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rivals, "SLICE_KEYS", 3)
    names = [f"s{number:02}" for number in range(20)]
    old = [(name, "2020-05-01", 1.0, "2020-06-01", "f1", row) for row, name in enumerate(names, 1)]
    for part in (old[::2], old[1::2]):
        bring(lake, frame(*part))
    new = [
        (name, "2020-05-01", 2.0, f"2021-01-0{1 + n}", f"f{2 + n}", row)
        for n in range(3)
        for row, name in enumerate(names[:11])
    ]
    engine = Counted(LocalEngine())
    merged = bring(replace(lake, engine=engine), frame(*new))
    assert sorted(engine.told) == [2, 3, 3, 3]  # of eleven keys, each three times in the batch, in two files
    assert (merged.displaced, merged.duplicates) == ({"f1": 11}, {"f2": 11, "f3": 11})
    assert values(lake) == [(name, 2 if name in names[:11] else 1) for name in names]
