"""Which observation is newer, by each of the rules that a source can declare: what is corrected, overwritten, landed again."""

import os
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from cryptodudez_assets.contracts.catalogue import Status
from cryptodudez_assets.lake.compaction import expire
from cryptodudez_assets.lake.ingest.cataloguing import catalogue_objects
from cryptodudez_assets.lake.ingest.restated import restated
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.landing import land
from cryptodudez_assets.lake.metastore import file_entries
from cryptodudez_assets.lake.metastore.discovery import discover_all
from cryptodudez_assets.lake.quarantine.replay import correct, reopen
from cryptodudez_assets.lake.status import status_of, unbalanced_files
from cryptodudez_assets.sources.declaration import BY_LANDING, BY_REACH, Source
from cryptodudez_assets_tests.builders import READINGS, csv, files, rows_of, take_in, zipped

BY_COLUMN = replace(READINGS, newest_by="value")
LANDING, REACH = (replace(READINGS, newest_by=rule) for rule in (BY_LANDING, BY_REACH))
TWO_DAYS, CORRECTION = csv("s", range(8, 56), 5), csv("s", range(8, 14), 7)
V1, V2 = csv("s", range(6), 7), csv("s", range(6), 5)

Put = Callable[[str, bytes], Path]


@pytest.fixture
def put(lake: Lake) -> Put:
    """Put bytes into the raw zone, a second after what was put there before."""
    seconds = count(1_600_000_000)

    def write(name: str, content: bytes) -> Path:
        path = Path(lake.settings.lake) / "raw" / READINGS.name / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        at = next(seconds)
        os.utime(path, (at, at))
        return path

    return write


def told(lake: Lake, source: Source) -> list[float]:
    """What the table says of the first hours, once everything is taken in; every file adds up."""
    take_in(lake, source)
    assert unbalanced_files(lake, source).is_empty()
    return rows_of(lake, source.table).sort("event_ts")["value"].head(6).unique(maintain_order=True).to_list()


@pytest.mark.parametrize(("source", "right"), [(LANDING, 7), (REACH, 5), (BY_COLUMN, 7)])
@pytest.mark.parametrize("at_once", [True, False])
def test_a_correction_of_one_day_after_a_file_of_two(
    lake: Lake, put: Put, source: Source, right: float, at_once: bool
) -> None:
    put("z.csv", TWO_DAYS)
    if not at_once:
        take_in(lake, source)
    put("a.csv", CORRECTION)
    assert told(lake, source) == [right]


@pytest.mark.parametrize(("source", "right"), [(LANDING, 5), (REACH, 5), (BY_COLUMN, 7)])
@pytest.mark.parametrize("turned", [False, True])
def test_a_file_that_is_overwritten_in_place(lake: Lake, put: Put, source: Source, right: float, turned: bool) -> None:
    first, second = (V2, V1) if turned else (V1, V2)
    put("a.csv", first)
    take_in(lake, source)
    put("a.csv", second)
    assert told(lake, source) == [7 if turned else right]


@pytest.mark.parametrize(("source", "right"), [(LANDING, 5), (REACH, 5), (BY_COLUMN, 7)])
@pytest.mark.parametrize(("by_land", "every_time"), [(False, True), (True, True), (True, False)])
def test_bytes_that_are_there_again_after_another_version(
    lake: Lake, put: Put, tmp_path: Path, source: Source, right: float, by_land: bool, every_time: bool
) -> None:
    for content in (V2, V1, V2):
        if by_land:
            (tmp_path / "a.csv").write_bytes(content)
            (landed,) = land(lake, source.name, [tmp_path / "a.csv"])
            assert not landed.already_there
        else:
            put("a.csv", content)
        if every_time:
            take_in(lake, source)
    assert told(lake, source) == [right]
    (again,) = land(lake, source.name, [tmp_path / "a.csv"]) if by_land else [None]
    assert again is None or again.already_there
    entries = file_entries.files_of(lake.tables, source.name).filter(status=Status.DUPLICATE).collect()
    assert [reason.partition(": ")[0] for reason in entries["reason"]] == ["the same bytes landed again later"]
    told_now = status_of(lake, source.name)
    assert (told_now.read, told_now.valid, told_now.duplicate, told_now.repeated) == (12, 6, 6, 1)


def test_members_of_an_archive_are_versions_of_their_name(lake: Lake, put: Put) -> None:
    for content in (V1, V2, V1):
        put("a.zip", zipped(x=content, same=csv("s", range(30, 33))))
        take_in(lake, LANDING)
    assert told(lake, LANDING) == [7]
    assert status_of(lake, LANDING.name).read == 15


@pytest.mark.parametrize("source", [LANDING, REACH, BY_COLUMN])
def test_the_same_bytes_under_another_name_change_nothing(lake: Lake, put: Put, source: Source) -> None:
    put("a.csv", V2)
    take_in(lake, source)
    put("b.csv", CORRECTION)
    before = told(lake, source), rows_of(lake, source.table).sort("event_ts")
    put("c.csv", V2)
    assert told(lake, source) == before[0]
    assert rows_of(lake, source.table).sort("event_ts").equals(before[1])
    assert files(lake, source)["status"].to_list() == ["loaded", "loaded", "duplicate"]


def test_a_version_that_is_gone_before_it_is_read_leaves_what_was_there(lake: Lake, put: Put) -> None:
    put("a.csv", V1)
    take_in(lake, LANDING)
    put("a.csv", V2)
    take_in(lake, LANDING)
    put("a.csv", V1)
    catalogue_objects(lake, LANDING, discover_all(lake, LANDING.name))
    put("a.csv", csv("s", range(3), 9))
    assert told(lake, LANDING) == [9, 5]
    assert status_of(lake, LANDING.name).read == 15


def test_replay_keeps_the_time_of_landing(lake: Lake, put: Put) -> None:
    put("a.csv", V1 + b"s,never,1\n")
    take_in(lake, LANDING)
    put("b.csv", V2)
    take_in(lake, LANDING)
    assert reopen(lake, LANDING) == 1
    assert told(lake, LANDING) == [5]


@pytest.mark.parametrize("source", [LANDING, REACH])
def test_a_corrected_copy_wins(lake: Lake, put: Put, tmp_path: Path, source: Source) -> None:
    put("a.csv", csv("s", range(24), 5) + b"s,never,1\n")
    take_in(lake, source)
    (bad,) = rows_of(lake, "quarantine.rows")["file_id"]
    (tmp_path / "edited.csv").write_bytes(V1)  # reaches less far than what it corrects
    correct(lake, source, bad, tmp_path / "edited.csv")
    assert told(lake, source) == [7]


def test_of_what_one_look_finds_the_store_s_time_decides_and_then_the_name(lake: Lake, put: Put) -> None:
    put("z.csv", V1)
    later = put("a.csv", V2)
    assert told(lake, LANDING) == [5]
    entries = files(lake, LANDING)
    assert entries["discovered_at"].n_unique() == 1
    assert entries["modified_at"].dt.epoch("s").to_list() == [int(later.stat().st_mtime), 1_600_000_000]


def test_the_name_decides_where_both_times_agree(lake: Lake, put: Put) -> None:
    for path in (put("b.csv", V1), put("a.csv", V2)):
        os.utime(path, (1_600_000_000, 1_600_000_000))
    assert told(lake, LANDING) == [7]


def restated_by_file(lake: Lake, source: Source) -> dict[str, int]:
    entries = file_entries.files_of(lake.tables, source.name).filter(status=Status.LOADED).collect()
    return {Path(uri).name: n for uri, n in entries.select("uri", "rows_restated").iter_rows() if n}


@pytest.mark.parametrize("source", [LANDING, REACH, BY_COLUMN])
@pytest.mark.parametrize("observed", [True, False])
@pytest.mark.parametrize("at_once", [True, False])
def test_what_told_other_values_is_counted_and_listed_whoever_wins(
    lake: Lake, put: Put, source: Source, observed: bool, at_once: bool
) -> None:
    rule, source = source, source if observed else replace(source, observations=None)
    put("a.csv", csv("s", range(10), 5))
    if not at_once:
        take_in(lake, source)
    put("b.csv", csv("s", range(6, 10), 5) + csv("s", range(3), 7).split(b"\n", 1)[1])
    told(lake, source)
    (loser,) = restated_by_file(lake, source)
    assert rule is REACH or loser == "a.csv"  # at equal reach the bytes decide
    assert list(restated_by_file(lake, source).values()) == [3]
    assert status_of(lake, source.name).restated == 3
    listed = restated(lake, source)
    values = {"a.csv": ("5.0", "7.0"), "b.csv": ("7.0", "5.0")}[loser]
    assert listed.lines.select("column", "told", "stands").rows() == [("value", *values)] * 3
    assert listed.complete
    assert len(restated(lake, source, limit=2).lines) == 2
    assert not restated(lake, source, limit=2).complete


def test_rows_that_are_repeated_are_not_restated(lake: Lake, put: Put) -> None:
    source = replace(LANDING, observations=None)
    put("a.csv", V1)
    take_in(lake, source)
    put("b.csv", V1 + csv("s", [9]).split(b"\n", 1)[1])
    told(lake, source)
    assert status_of(lake, source.name).duplicate == 6
    assert restated_by_file(lake, source) == {}
    assert restated(lake, source).lines.is_empty()


def test_what_an_overwritten_file_told_is_listed_as_long_as_upkeep_keeps_it_and_named_then(
    lake: Lake, put: Put
) -> None:
    source = replace(LANDING, observations=None)
    put("a.csv", V1)
    take_in(lake, source)
    put("a.csv", V2)
    told(lake, source)
    listed = restated(lake, source)
    assert len(listed.lines) == sum(restated_by_file(lake, source).values())
    assert not listed.unreadable

    expire(lake, source.table, keep=1)

    listed = restated(lake, source)
    assert listed.lines.is_empty()
    assert [Path(uri).name for uri in listed.unreadable] == ["a.csv"]


def test_bytes_that_still_lie_under_another_name_are_read_there(lake: Lake, put: Put) -> None:
    source = replace(LANDING, observations=None)
    put("a.csv", V1)
    put("same.csv", V1)
    take_in(lake, source)
    put("a.csv", V2)
    told(lake, source)
    expire(lake, source.table, keep=1)
    listed = restated(lake, source)
    assert not listed.lines.is_empty()
    assert not listed.unreadable


def test_the_list_compares_with_what_stands_now_in_whatever_batches_files_came(lake: Lake, put: Put) -> None:
    source = replace(LANDING, observations=None)
    for name, hours, value in (("a.csv", [0], 1), ("b.csv", [0, 5], 1), ("c.csv", [0], 2)):
        put(name, csv("s", hours, value=value))
        take_in(lake, source)
    listed = restated(lake, source)
    names = dict(files(lake, source).select("file_id", "uri").rows())
    assert sorted(Path(names[file_id]).name for file_id in listed.lines["file_id"]) == ["a.csv", "b.csv"]
