"""The metastore: one row per file says what is known of it and what is left to do."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from cryptodudez_assets.contracts.catalogue import Status
from cryptodudez_assets.lake.ingest.cataloguing import catalogue_objects
from cryptodudez_assets.lake.ingest.ingest import REPLACED, ingest
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.metastore import file_entries
from cryptodudez_assets.lake.metastore.discovery import discover_all
from cryptodudez_assets.lake.metastore.entry import Entry
from cryptodudez_assets.lake.metastore.file_entries import known_bytes, known_versions, open_entries, record
from cryptodudez_assets_tests.builders import READINGS, csv, files, rows_of, take_in, zipped

Drop = Callable[[str, str, bytes], Path]
AT = datetime(2020, 1, 1, tzinfo=UTC)


def entry(name: str, status: Status, source: str = "readings", **told: object) -> Entry:
    known = {"entry_id": name, "source": source, "uri": name, "generation": "1", "size": 1, "status": status}
    return Entry(**{**known, "discovered_at": AT, "updated_at": AT, **told})


def test_work_to_do_is_what_is_pending_claimed_or_unreadable(lake: Lake) -> None:
    record(lake.tables, "readings", [entry(str(status), status) for status in Status])
    assert open_entries(lake.tables, "readings")["uri"].to_list() == ["claimed", "pending", "unreadable"]


def test_a_new_state_replaces_the_old_and_leaves_other_files_alone(lake: Lake) -> None:
    record(lake.tables, "readings", [entry("a", Status.PENDING), entry("b", Status.PENDING)])
    record(lake.tables, "others", [entry("a", Status.PENDING, source="others")])
    record(lake.tables, "readings", [entry("a", Status.LOADED, rows_read=1)])
    rows = rows_of(lake, "catalog.files").sort("source", "uri").select("source", "uri", "status").rows()
    assert rows == [("others", "a", "pending"), ("readings", "a", "loaded"), ("readings", "b", "pending")]


def test_displaced_rows_turn_from_valid_to_duplicate_in_loaded_files_only(lake: Lake) -> None:
    counts = {"file_id": "x", "rows_valid": 10, "rows_duplicate": 1}
    record(lake.tables, "readings", [entry("a", Status.LOADED, **counts), entry("b", Status.DUPLICATE, file_id="x")])
    record(lake.tables, "readings", [entry("c", Status.LOADED, file_id="y", rows_valid=3)], {"x": 4})
    rows = files(lake).select("uri", "rows_valid", "rows_duplicate").rows()
    assert rows == [("a", 6, 5), ("b", None, None), ("c", 3, None)]


def test_known_are_the_versions_that_were_catalogued(lake: Lake) -> None:
    record(
        lake.tables, "readings", [entry("a", Status.LOADED), entry("b", Status.UNREADABLE), entry("c", Status.PENDING)]
    )
    assert known_versions(lake.tables, "readings", ["a", "b", "c", "d"]) == {("a", "1"), ("c", "1")}
    assert known_versions(lake.tables, "others", ["a"]) == set()
    assert known_versions(lake.tables, "readings", []) == set()


@pytest.mark.parametrize("status", [Status.UNREADABLE, Status.IGNORED])
def test_bytes_that_were_not_read_do_not_count_as_known(lake: Lake, status: Status) -> None:
    record(lake.tables, "readings", [entry("a", status, file_id="x"), entry("b", Status.LOADED, file_id="y")])
    assert known_bytes(lake.tables, "readings", ["x", "y"]) == {"y"}


def test_an_unreadable_object_is_closed_by_a_new_version_of_it(lake: Lake) -> None:
    record(lake.tables, "readings", [entry("a", Status.UNREADABLE)])
    record(lake.tables, "readings", [entry("a2", Status.PENDING, uri="a", generation="2")])
    assert open_entries(lake.tables, "readings")["entry_id"].to_list() == ["a2"]


def test_claims_of_all_sources_are_told(lake: Lake) -> None:
    record(lake.tables, "readings", [entry("a", Status.CLAIMED, batch_id="one")])
    record(
        lake.tables,
        "others",
        [entry("b", Status.CLAIMED, source="others", batch_id="two"), entry("c", Status.LOADED, batch_id="done")],
    )
    assert file_entries.claimed_batches(lake.tables) == {"one", "two"}


def test_the_same_archive_or_member_is_catalogued_as_a_duplicate(lake: Lake, drop: Drop) -> None:
    content = zipped(x=csv("x", range(3)))
    drop("readings", "a.zip", content)
    drop("readings", "b.zip", content)
    drop("readings", "c.csv", csv("x", range(3)))
    take_in(lake)
    statuses = [(Path(row["uri"]).name, row["member"], row["status"]) for row in files(lake).to_dicts()]
    assert statuses == [
        ("a.zip", None, "expanded"),
        ("a.zip", "__MACOSX/._junk", "ignored"),
        ("a.zip", "x.csv", "loaded"),
        ("b.zip", None, "duplicate"),
        ("c.csv", None, "duplicate"),
    ]


def test_a_column_that_is_added_makes_a_new_schema_version(lake: Lake, drop: Drop) -> None:
    drop("readings", "a.csv", b"sensor,time,value\ns,2021-01-01T00:00,1\n")
    drop("readings", "b.csv", b"sensor,time,value,colour\ns,2021-01-01T01:00,1,red\n")
    drop("readings", "c.csv", b"sensor,time,value\ns,2021-01-01T02:00,1\n")
    take_in(lake)
    assert file_entries.schemas_of(lake.tables, "readings").select("version", "added").rows() == [
        (1, []),
        (2, ["colour"]),
    ]
    assert files(lake)["schema_version"].to_list() == [1, 2, 1]


@pytest.mark.parametrize("disturb", [lambda path: path.write_bytes(csv("s", range(5), value=7)), Path.unlink])
def test_an_object_that_changed_since_it_was_catalogued_is_left_out(
    lake: Lake, drop: Drop, disturb: Callable[[Path], object]
) -> None:
    path = drop("readings", "a.csv", csv("s", range(3)))
    drop("readings", "b.csv", csv("t", range(3)))
    catalogue_objects(lake, READINGS, discover_all(lake, "readings"))
    disturb(path)
    ingest(lake, READINGS)
    assert files(lake).select("status", "reason", "rows_read").rows() == [("ignored", REPLACED, 0), ("loaded", None, 3)]
    assert lake.tables.scan("quarantine.files") is None
    take_in(lake)
    expected = [1.0] * 3 + ([7.0] * 5 if path.exists() else [])
    assert sorted(rows_of(lake, "lab.readings")["value"]) == expected


def test_bytes_that_were_replaced_before_they_were_read_are_loaded_when_they_come_again(lake: Lake, drop: Drop) -> None:
    content = csv("s", range(3))
    path = drop("readings", "a.csv", content)
    catalogue_objects(lake, READINGS, discover_all(lake, "readings"))
    path.unlink()
    ingest(lake, READINGS)
    drop("readings", "b.csv", content)
    take_in(lake)
    assert rows_of(lake, "lab.readings").height == 3
    assert files(lake).filter(pl.col("open")).is_empty()


def test_a_second_pass_writes_nothing(lake: Lake, drop: Drop) -> None:
    drop("readings", "a.csv", csv("s", range(3), bad=1))
    take_in(lake)
    before = {name: lake.tables.catalog.load_table(name).metadata_location for name in lake.tables.names()}
    take_in(lake)
    assert {name: lake.tables.catalog.load_table(name).metadata_location for name in lake.tables.names()} == before
