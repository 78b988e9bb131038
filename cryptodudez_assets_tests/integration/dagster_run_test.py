"""What Dagster does with a source: when its sensor asks for a run, what runs and checks tell, what they hold back."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import polars as pl
import pytest
from pyiceberg.expressions import AlwaysTrue, EqualTo

from cryptodudez_assets.defs.resources import ENGINE_TAG
from cryptodudez_assets.defs.source_assets import catalogue_key, quarantine_key, raw_key
from cryptodudez_assets.defs.source_sensors import RETRY_SECONDS, SOURCE_TAG, run_key_of
from cryptodudez_assets.lake.ingest.merge import table_spec
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.metastore import file_entries
from cryptodudez_assets.lake.quarantine import quarantine
from cryptodudez_assets.sources import all_sources
from cryptodudez_assets_tests.rig import INVENTORY, Rig, checks_of, metadata_of
from cryptodudez_assets_tests.toy_source import SOURCE

TABLE = dg.AssetKey(["market", "gas_prices"])
HEADER = "Block,Time,Gwei\n"
GOOD = HEADER + "100,2021-01-01 00:00:13,41.5\n101,2021-01-01 00:00:26,40\n"
MORE = HEADER + "200,2021-01-02 00:00:13,50\n"
PARTLY_BAD = HEADER + "300,2021-01-03 00:00:13,50\nbanana\n"


@pytest.fixture
def rig(lake: Lake) -> Rig:
    """The toy source, beside one that never has a file."""
    return Rig(lake, [SOURCE, all_sources()["stock_prices"]])


class TestSensor:
    def test_says_what_it_looked_at_when_there_is_nothing(self, rig: Rig):
        assert rig.tick().skip_reason.skip_message == "0 new of 0 listed in raw/gas_prices"

    def test_asks_for_one_run_for_all_that_is_pending(self, rig: Rig):
        for number in range(3):
            rig.drop(f"{number}.csv", MORE.replace("200", f"20{number}"))

        (request,) = rig.tick().run_requests
        result = rig.carry_out(request)

        assert result.success
        assert sorted(rig.rows("market.gas_prices")["block"]) == [200, 201, 202]
        assert rig.tick().skip_reason.skip_message == "0 new of 3 listed in raw/gas_prices"

    def test_asks_the_catalogue_seldom_while_it_sees_the_same(self, rig: Rig, monkeypatch: pytest.MonkeyPatch):
        rig.drop("a.csv", GOOD)
        rig.ingest()
        rig.tick()  # moves the cursor on
        nothing = rig.tick().skip_reason.skip_message
        with rig.lake.tables.changing(file_entries.FILES) as change:
            change.delete(AlwaysTrue())  # what no tick can see in the raw zone

        assert rig.tick().skip_reason.skip_message == nothing == "0 new of 1 listed in raw/gas_prices"
        monkeypatch.setattr("cryptodudez_assets.defs.source_sensors.QUIET_SECONDS", 0.0)
        assert len(rig.tick().run_requests) == 1

    def test_what_lands_is_asked_for_at_once_after_a_quiet_time(self, rig: Rig):
        rig.drop("a.csv", GOOD)
        rig.ingest()
        assert [rig.tick().run_requests for _ in range(3)] == [[], [], []]

        rig.drop("a.csv", MORE)

        assert len(rig.tick().run_requests) == 1

    def test_its_run_says_which_engine_it_is_for_and_what_it_made_says_which_it_was(
        self, rig: Rig, monkeypatch: pytest.MonkeyPatch
    ):
        rig.drop("a.csv", GOOD)
        (request,) = rig.tick().run_requests
        assert request.tags[ENGINE_TAG] == "local"

        monkeypatch.setenv("CRYPTODUDEZ_ENGINE", "pool")
        asked = dg.RunRequest(asset_selection=request.asset_selection, run_config=request.run_config)
        assert metadata_of(rig.carry_out(request), TABLE)["engine"] == "local"  # the tag beats the setting
        result = rig.carry_out(asked)
        assert {metadata_of(result, key)["engine"] for key in (TABLE, quarantine_key(SOURCE))} == {"pool"}
        rig.drop("b.csv", MORE)
        assert rig.tick().run_requests[0].tags[ENGINE_TAG] == "pool"

    def test_a_run_for_an_engine_that_cannot_be_used_fails_and_says_why(self, rig: Rig):
        rig.drop("a.csv", GOOD)
        (request,) = rig.tick().run_requests
        result = rig.carry_out(request.with_replaced_attrs(tags={**request.tags, ENGINE_TAG: "dask"}))
        assert not result.success
        told = [event.step_failure_data.error.cause.message for event in result.get_step_failure_events()]
        assert any("there are: local, pool, spark" in message for message in told)
        assert not len(rig.lake.tables.names())

    def test_its_run_names_the_assets_that_it_makes_as_its_target(self, rig: Rig):
        rig.drop("a.csv", GOOD)

        (request,) = rig.tick().run_requests

        assert set(request.asset_selection) == {catalogue_key(SOURCE), TABLE, quarantine_key(SOURCE)}
        job = rig.definitions.resolve_implicit_global_asset_job_def()
        asked = frozenset(request.asset_selection)
        run = rig.instance.create_run_for_job(job, asset_selection=asked, tags=request.tags)
        assert rig.instance.get_run_by_id(run.run_id).asset_selection == asked
        assert "contract" in checks_of(rig.carry_out(request)), "the checks of these assets come with them"

    def test_what_is_no_file_is_catalogued_once_and_asked_for_no_more(self, rig: Rig):
        good = rig.drop("a.csv", GOOD)
        (good.parent / "link.csv").symlink_to(good)
        (good.parent / "empty").mkdir()

        assert rig.ingest().success
        reasons = (
            file_entries.files_of(rig.lake.tables, SOURCE.name).select("status", "reason").sort("reason").collect()
        )
        assert reasons.rows() == [("loaded", None), ("ignored", "empty folder"), ("ignored", "symbolic link")]
        assert rig.tick().skip_reason.skip_message == "0 new of 3 listed in raw/gas_prices"

    def test_waits_while_a_run_is_under_way(self, rig: Rig):
        rig.drop("a.csv", GOOD)
        job = rig.definitions.resolve_implicit_global_asset_job_def()
        run = rig.instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED, tags={SOURCE_TAG: SOURCE.name})

        assert rig.tick().skip_reason.skip_message == "a run for this source is under way"

        rig.instance.report_run_failed(run)
        assert len(rig.tick().run_requests) == 1

    def test_is_right_without_its_cursor(self, rig: Rig):
        rig.drop("a.csv", GOOD)
        rig.ingest()

        assert not rig.tick(cursor=None).run_requests
        rig.drop("0 before all others.csv", MORE)
        assert len(rig.tick(cursor=None).run_requests) == 1

    def test_leaves_a_file_that_is_being_written(self, rig: Rig, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setenv("CRYPTODUDEZ_SETTLE_SECONDS", "600")
        rig.drop("a.csv", GOOD)

        assert rig.tick().skip_reason.skip_message == "0 new of 1 listed in raw/gas_prices, 1 still being written"

    def test_asks_again_after_a_failure_but_not_at_each_tick(self, rig: Rig):
        rig.drop("a.csv", GOOD)

        (first,), (second,) = rig.tick().run_requests, rig.tick().run_requests

        assert first.run_key == second.run_key  # Dagster carries out a key once
        at = 1_600_000_000.0
        assert run_key_of(["a", "b"], at) == run_key_of(["b", "a"], at)
        assert run_key_of(["a"], at) != run_key_of(["a", "b"], at)
        assert run_key_of(["a"], at) != run_key_of(["a"], at + RETRY_SECONDS)

    def test_asks_for_what_a_failed_run_left(self, rig: Rig):
        rig.drop("a.csv", GOOD)
        (request,) = rig.tick().run_requests
        rig.materialize([catalogue_key(SOURCE)], request.run_config, request.tags)  # and then the process died

        assert rig.ingest().success
        assert len(rig.rows("market.gas_prices")) == 2


class TestRun:
    def test_shows_rows_snapshot_and_preview(self, rig: Rig):
        rig.drop("a.csv", GOOD)

        shown = metadata_of(rig.ingest(), TABLE)

        table = rig.lake.tables.table("market.gas_prices")
        assert shown["dagster/row_count"] == 2
        assert shown["snapshot_id"] == str(table.current_snapshot().snapshot_id)
        assert shown["dagster/uri"] == table.location()
        assert ["100", "41.5"] in [list(row.data.values())[:2] for row in shown["preview"].records]

    def test_shows_what_the_raw_files_look_like(self, rig: Rig):
        rig.drop("a.csv", GOOD)

        schema = metadata_of(rig.ingest(), raw_key(SOURCE))["dagster/column_schema"]

        inferred = {column.name: column.type for column in schema.columns}
        assert inferred["Block"] == "Int64"
        assert inferred["Gwei"] == "Float64"
        assert inferred["Time"].startswith("Datetime")

    def test_counts_of_the_quarantine_are_the_source_s_own(self, rig: Rig):
        rig.drop("a.csv", PARTLY_BAD)

        shown = metadata_of(rig.ingest(), quarantine_key(SOURCE))

        assert shown["dagster/row_count"] == 1
        (row,) = shown["preview"].records
        assert list(row.data)[:3] == ["rules", "line", "raw"]
        assert "banana" in row.data["raw"]

    def test_a_run_with_nothing_to_do_changes_nothing(self, rig: Rig):
        rig.drop("a.csv", GOOD)
        rig.ingest()
        before = rig.lake.tables.table("market.gas_prices").metadata_location

        assert rig.materialize([catalogue_key(SOURCE), TABLE, quarantine_key(SOURCE)]).success
        assert rig.lake.tables.table("market.gas_prices").metadata_location == before


class TestFreshness:
    def test_is_of_the_data_whenever_they_are_written(self, rig: Rig):
        rig.drop("a.csv", GOOD)
        for result in (rig.ingest(), rig.materialize([catalogue_key(SOURCE), TABLE, quarantine_key(SOURCE)])):
            check = checks_of(result)["fresh"]
            assert result.success
            assert not check.passed
            assert check.severity == dg.AssetCheckSeverity.WARN
            days = (datetime.now(UTC) - datetime(2021, 1, 1, 0, 0, 26, tzinfo=UTC)).days
            assert f"of 2021-01-01 00:00 UTC, {days:,} days ago, and may be 30 days old" in str(check.description)
            assert "land newer files of gas_prices" in str(check.description)

        now = datetime.now(UTC)
        rig.drop("b.csv", f"{HEADER}300,{now - timedelta(hours=3):%Y-%m-%d %H:%M:%S},50\n")
        check = checks_of(rig.ingest())["fresh"]
        assert check.passed
        assert "3 hours ago" in str(check.description)

    def test_where_nothing_has_landed_it_says_what_to_do(self, rig: Rig):
        result = rig.materialize([catalogue_key(SOURCE), TABLE, quarantine_key(SOURCE)])

        check = checks_of(result)["fresh"]
        assert check.passed
        assert "market.gas_prices has no rows yet: `cryptodudez land gas_prices FILES`" in str(check.description)


class TestContractCheck:
    def test_holds_back_what_stands_on_the_table_within_the_run(self, rig: Rig):
        rig.drop("a.csv", GOOD)
        rig.ingest()
        put_bad_row(rig.lake)
        rig.drop("b.csv", MORE)

        result = rig.carry_out(rig.tick().run_requests[0], INVENTORY)

        check = checks_of(result)["contract"]
        assert not check.passed
        assert check.blocking
        assert "gwei" in str(check.description)
        assert not result.success
        assert INVENTORY not in {event.asset_key for event in result.get_asset_materialization_events()}

    def test_holds_it_back_across_runs_until_a_sound_update(self, rig: Rig):
        rig.drop("a.csv", GOOD)
        rig.ingest()
        assert rig.what_follows() == {INVENTORY}
        rig.materialize([INVENTORY])
        assert rig.what_follows() == set()

        put_bad_row(rig.lake)
        rig.drop("b.csv", MORE)
        assert not rig.ingest().success
        assert rig.what_follows() == set()

        with rig.lake.tables.changing(table_spec(SOURCE)) as change:
            change.delete(EqualTo("block", 666))
        rig.drop("c.csv", MORE.replace("200", "201"))
        assert rig.ingest().success
        assert rig.what_follows() == {INVENTORY}

    def test_finds_repeated_keys(self, rig: Rig):
        rig.drop("a.csv", GOOD)
        rig.ingest()
        with rig.lake.tables.changing(table_spec(SOURCE)) as change:
            change.add(rig.rows("market.gas_prices").head(1).with_columns(file_row=pl.lit(9, pl.Int64)))

        check = checks_of(rig.materialize([catalogue_key(SOURCE), TABLE, quarantine_key(SOURCE)]))["contract"]

        assert not check.passed
        assert check.metadata["errors"].value == {"key_repeats": 1}


class TestConservationCheck:
    @pytest.fixture
    def done(self, rig: Rig) -> Rig:
        rig.drop("a.csv", PARTLY_BAD)
        assert checks_of(rig.ingest())["conservation"].passed
        return rig

    def test_fails_when_rows_vanish_from_the_table(self, done: Rig):
        with done.lake.tables.changing(table_spec(SOURCE)) as change:
            change.delete(EqualTo("block", 300))

        assert self.check(done).description == "1 files do not add up"

    def test_fails_when_rows_vanish_from_the_quarantine(self, done: Rig):
        with done.lake.tables.changing(quarantine.ROWS) as change:
            change.delete(EqualTo("source", SOURCE.name))

        check = self.check(done)
        assert not check.passed
        assert "a.csv" in check.metadata["files"].value

    def check(self, rig: Rig) -> dg.AssetCheckEvaluation:
        return checks_of(rig.materialize([catalogue_key(SOURCE), TABLE, quarantine_key(SOURCE)]))["conservation"]


class TestSchemaCheck:
    @pytest.mark.parametrize(
        ("text", "told"),
        [
            ("Block,Time\n1,2021-01-01 00:00:13\n", "required columns missing for layout explorer_csv: ['Gwei']"),
            ("Block,Time,Price\n1,2021-01-01 00:00:13,5\n", "unknown in their place: ['Price'] (renamed?)"),
            (HEADER + "abc,2021-01-01 00:00:13,5\n" * 5, "column Block changed its type: expected Int64"),
        ],
        ids=["missing", "renamed", "retyped"],
    )
    def test_a_changed_file_fails_it_and_leaves_others_alone(self, rig: Rig, text: str, told: str):
        rig.drop("changed.csv", text)
        rig.drop("good.csv", GOOD)

        result = rig.ingest()

        check = checks_of(result)["schema_change"]
        assert not check.passed
        assert check.severity == dg.AssetCheckSeverity.ERROR
        assert "changed.csv" in check.description
        assert told in check.description
        assert "good.csv" not in check.description
        assert result.success
        assert len(rig.rows("market.gas_prices")) == 2

    def test_an_added_column_only_warns(self, rig: Rig):
        rig.drop("more.csv", "Block,Time,Gwei,Pool\n1,2021-01-01 00:00:13,5,x\n")

        check = checks_of(rig.ingest())["schema_change"]

        assert not check.passed
        assert check.severity == dg.AssetCheckSeverity.WARN
        assert "new columns ['Pool']" in check.description

    def test_it_is_content_once_the_file_is_loaded(self, rig: Rig):
        rig.drop("changed.csv", "Block,Time\n1,2021-01-01 00:00:13\n")
        rig.ingest()
        (entry,) = file_entries.files_of(rig.lake.tables, SOURCE.name).collect().to_dicts()
        with rig.lake.tables.changing(
            file_entries.FILES
        ) as change:  # as a replay after a fix of the declaration leaves it
            change.delete(EqualTo("source", SOURCE.name)).add(
                pl.DataFrame([{**entry, "status": "loaded"}], schema=rig.rows("catalog.files").schema)
            )

        result = rig.materialize([catalogue_key(SOURCE)])

        assert checks_of(result)["schema_change"].passed


class TestNothingLeftBehind:
    def test_lists_what_is_set_aside_and_why(self, rig: Rig):
        rig.drop("rows.csv", PARTLY_BAD)
        rig.drop("file.csv", "nothing,like,it\n1,2,3\n")

        check = checks_of(rig.ingest())["nothing_left_behind"]

        assert not check.passed
        assert check.severity == dg.AssetCheckSeverity.WARN
        assert check.metadata["quarantined"].value == 2
        assert "record:too_few_fields" in check.metadata["in_quarantine"].value
        assert "no known layout" in check.metadata["in_quarantine"].value
        assert check.metadata["in_quarantine"].value.startswith("| why | reason | line | file | id |")
        assert check.description.startswith("1 row and 1 file in quarantine: 1 × ")

    def test_names_the_most_common_reasons_first(self, rig: Rig):
        rig.drop("a.csv", GOOD + "banana\n" + "1,2,3,4\n" * 2)

        described = checks_of(rig.ingest())["nothing_left_behind"].description

        assert described.startswith("3 rows in quarantine: 2 × record:too_many_fields, 1 × record:too_few_fields; 0 ")

    def test_is_content_with_a_clean_source(self, rig: Rig):
        rig.drop("a.csv", GOOD)

        assert checks_of(rig.ingest())["nothing_left_behind"].passed


def test_the_code_location_validates(tmp_path: Path):
    command = [str(Path(sys.executable).with_name("dagster")), "definitions", "validate"]
    command += ["-m", "cryptodudez_assets.definitions", "--log-level", "warning"]
    done = subprocess.run(command, cwd=tmp_path, env={"DAGSTER_HOME": str(tmp_path)}, capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
    assert "Error" not in done.stderr


def put_bad_row(lake: Lake) -> None:
    """A row that ingest would never let through, written past it."""
    at = datetime(2021, 1, 1, tzinfo=UTC)
    row = {
        "block": 666,
        "gwei": -1.0,
        "extra": None,
        "event_ts": at,
        "known_ts": at,
        "file_id": "by hand",
        "file_row": 1,
    }
    with lake.tables.changing(table_spec(SOURCE)) as change:
        change.add(pl.DataFrame([row], schema_overrides={"extra": pl.String}))
