"""Status and review: what is counted, what does not add up, what is in quarantine now."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import polars as pl
import pytest
from pyiceberg.expressions import EqualTo

from cryptodudez_assets.lake.ingest.cataloguing import catalogue_objects
from cryptodudez_assets.lake.ingest.ingest import ingest
from cryptodudez_assets.lake.ingest.merge import table_spec
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.metastore import file_entries
from cryptodudez_assets.lake.metastore.discovery import discover_all
from cryptodudez_assets.lake.metastore.inventory import take_inventory
from cryptodudez_assets.lake.quarantine import quarantine
from cryptodudez_assets.lake.quarantine.review import details, meaning, overview
from cryptodudez_assets.lake.status import file_status, status_of, unbalanced_files
from cryptodudez_assets.sources import all_sources
from cryptodudez_assets_tests.toy_source import SOURCE

HEADER = b"Block,Time,Gwei\n"
GOOD = HEADER + b"1,2021-01-01 00:00:00,5\n2,2021-01-01 00:00:13,6\n"
PARTLY = HEADER + b"2,2021-01-01 00:00:13,6\nbanana\n3,2021-02-30 00:00:00,5\n"
OTHER = b"nothing,like,it\n1,2,3\n"

Drop = Callable[[str, str, bytes], Path]


@pytest.fixture
def done(lake: Lake, drop: Drop) -> Lake:
    """A lake with a good file, a partly bad one, one of no layout, the good one again, and junk."""
    for name, content in {"a.csv": GOOD, "b.csv": PARTLY, "c.csv": OTHER, "d.csv": GOOD, ".DS_Store": b"junk"}.items():
        drop(SOURCE.name, name, content)
    catalogue_objects(lake, SOURCE, discover_all(lake, SOURCE.name))
    ingest(lake, SOURCE)
    return lake


def test_every_file_and_row_is_counted_once(done: Lake):
    status = status_of(done, SOURCE.name)

    assert (status.files, status.ignored, status.repeated, status.set_aside, status.pending) == (3, 1, 1, 1, 0)
    assert (status.valid, status.duplicate) == (2, 1)
    assert status.read == status.valid + status.quarantined + status.duplicate


def test_a_source_without_files_is_all_zeros(lake: Lake):
    assert set(asdict(status_of(lake, "stock_prices")).values()) == {0}
    assert unbalanced_files(lake, SOURCE).is_empty()
    assert file_status(lake, [SOURCE.name]).is_empty()


def test_what_is_catalogued_but_not_ingested_is_pending(lake: Lake, drop: Drop):
    drop(SOURCE.name, "a.csv", GOOD)
    catalogue_objects(lake, SOURCE, discover_all(lake, SOURCE.name))

    assert status_of(lake, SOURCE.name).pending == 1


def test_sound_files_add_up(done: Lake):
    assert unbalanced_files(done, SOURCE).is_empty()


def test_a_row_lost_from_the_table_is_noticed_and_its_file_named(done: Lake):
    with done.tables.changing(table_spec(SOURCE)) as change:
        change.delete(EqualTo("block", 1))

    assert unbalanced(done) == ["a.csv"]


def test_a_row_lost_from_the_quarantine_is_noticed_and_its_file_named(done: Lake):
    with done.tables.changing(quarantine.ROWS) as change:
        change.delete(EqualTo("raw", "banana"))

    assert unbalanced(done) == ["b.csv"]


def test_a_duplicate_that_was_not_counted_is_noticed(done: Lake):
    with done.tables.changing(file_entries.FILES) as change:
        files = change.rows().with_columns(pl.col("rows_duplicate") * 0).collect()
        change.delete(EqualTo("source", SOURCE.name)).add(files)

    assert len(unbalanced(done)) == 1


def test_the_overview_has_rows_and_files_with_their_reasons(done: Lake):
    shown = overview(done, SOURCE.name).select("kind", "line", "why", "status").rows()

    assert ("row", 3, "record:too_few_fields", "open") in shown
    assert any(kind == "file" and why.startswith("no known layout") for kind, _, why, _ in shown)
    assert len(shown) == 3
    assert overview(done, "stock_prices").is_empty()


def test_what_was_replayed_is_shown_only_when_asked_for(done: Lake):
    with done.tables.changing(quarantine.ROWS) as change:
        rows = change.rows().with_columns(status=pl.lit("replayed")).collect()
        change.delete(EqualTo("source", SOURCE.name)).add(rows)

    assert set(overview(done)["kind"]) == {"file"}
    assert set(overview(done, everything=True)["status"]) == {"open", "replayed"}


def test_details_of_a_row_and_of_a_file(done: Lake):
    row = next(one for one in overview(done).to_dicts() if one["why"] == "record:too_few_fields")

    (found,) = details(done, row["id"])
    of_file = details(done, row["id"].rsplit("-", 1)[0])

    assert found["raw"] == "banana"
    assert [one["line"] for one in of_file] == [3, 4]
    assert details(done, "nope") == []


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("record:too_few_fields", "the record itself: too few fields"),
        ("event_ts:missing", "event_ts is missing, or what it is made from cannot be read as a time"),
        ("volume:greater_than_or_equal_to", "volume must satisfy greater_than_or_equal_to(0)"),
        ("volume:type", "volume cannot be read as a whole number"),
        ("Date:type", "Date is not of the type declared"),
        ("high:not_finite", "high is no finite number"),
        ("Volume:underflow", "Volume is not zero, but so close to it that only zero could be kept"),
        (
            "event_ts:leap_second",
            "event_ts has the second 60, which no time here can have: only the next minute could be kept",
        ),
        ("high_too_low", "the row breaks the rule high_too_low of StockMarket (docs/data_dictionary.md)"),
    ],
)
def test_a_rule_is_told_in_words(rule: str, words: str):
    assert meaning(all_sources()["stock_market"].contract, rule) == words


def test_what_is_off_the_grain_is_told_in_words():
    words = "event_ts must satisfy close_of_the_utc_day(23:59:59)"
    assert meaning(all_sources()["crypto_prices"].contract, "event_ts:close_of_the_utc_day") == words


def test_the_inventory_lists_every_table_as_it_is(done: Lake):
    listed = {row["name"]: row for row in take_inventory(done).to_dicts()}

    assert set(listed) == {name for name in done.tables.names() if name != "catalog.tables"}
    assert listed["market.gas_prices"]["rows"] == 2
    assert "block long" in listed["market.gas_prices"]["columns"]
    snapshot = done.tables.table("market.gas_prices").current_snapshot()
    assert listed["market.gas_prices"]["snapshot_id"] == str(snapshot.snapshot_id)
    assert len(take_inventory(done)) == len(listed)  # again: replaced, not appended


def unbalanced(lake: Lake) -> list[str]:
    return [Path(uri).name for uri in unbalanced_files(lake, SOURCE)["uri"]]
