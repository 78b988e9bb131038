"""A damaged table holds back what stands on it, until it is made again."""

from pathlib import Path
from random import Random

import dagster as dg
import pytest

from cryptodudez_assets.defs.metadata import key_of
from cryptodudez_assets.lake.iceberg.checksums import RECORD
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.upkeep.verify import verify_table
from cryptodudez_assets_tests.builders import open_lake
from cryptodudez_assets_tests.rig import INVENTORY, Rig, checks_of
from cryptodudez_assets_tests.toy_source import SOURCE
from cryptodudez_assets_tests.unit.verify_test import flip

TABLE = key_of(SOURCE.table)
HEADER = "Block,Time,Gwei\n"
GOOD = HEADER + "100,2021-01-01 00:00:13,5\n101,2021-01-01 00:00:26,6\n"


@pytest.fixture
def rig(lake: Lake) -> Rig:
    made = Rig(lake, [SOURCE])
    made.drop("a.csv", GOOD)
    assert made.ingest().success
    return made


def files_of(lake: Lake, pattern: str) -> list[Path]:
    return sorted((Path(lake.settings.lake) / "tables" / "market" / "gas_prices").rglob(pattern))


def night(rig: Rig) -> dg.ExecuteInProcessResult:
    """The upkeep."""
    job = rig.definitions.resolve_job_def("maintenance")
    return job.execute_in_process(instance=rig.instance, raise_on_error=False)


def failure_of(result: dg.ExecuteInProcessResult) -> str:
    (event,) = result.get_step_failure_events()
    return str(event.step_failure_data.error)


def test_an_intact_table_is_said_to_be_so_with_each_materialization(rig: Rig) -> None:
    rig.drop("b.csv", HEADER + "200,2021-01-02 00:00:13,5\n")
    check = checks_of(rig.ingest())["intact"]
    assert (check.passed, check.blocking) == (True, True)


def test_the_night_finds_a_flipped_bit_and_holds_back_what_stands_on_the_table(rig: Rig) -> None:
    assert night(rig).success
    (path,) = files_of(rig.lake, "*.parquet")
    flip(path, Random(1))
    result = night(rig)
    assert not result.success
    assert f"{path} of {SOURCE.table} is not what was written" in failure_of(result)
    assert f"`cryptodudez rebuild {SOURCE.table}`" in failure_of(result)
    assert rig.what_follows() == set()  # the inventory waits for a sound table


def test_what_stands_on_a_damaged_table_waits_until_it_is_made_again(rig: Rig) -> None:
    assert rig.what_follows() == {INVENTORY}
    rig.materialize([INVENTORY])
    (path,) = files_of(rig.lake, "*.parquet")
    flip(path, Random(1))
    rig.drop("b.csv", HEADER + "200,2021-01-02 00:00:13,5\n")
    ingested = rig.ingest()
    assert not ingested.success
    assert str(path) in checks_of(ingested)["intact"].description
    assert rig.what_follows() == set()


def test_the_night_leaves_a_damaged_table_as_it_is(rig: Rig) -> None:
    for number in range(5):
        rig.drop(f"{number}.csv", HEADER + f"{300 + number},2021-01-02 00:00:13,5\n")
        assert rig.ingest().success
    before = rig.lake.tables.metadata_location(SOURCE.table)
    flip(files_of(rig.lake, "*.parquet")[0], Random(1))
    night(rig)
    assert rig.lake.tables.metadata_location(SOURCE.table) == before


def test_the_night_records_the_files_of_older_homes(rig: Rig) -> None:
    for path in files_of(rig.lake, f"*{RECORD}"):
        path.unlink()
    assert verify_table(open_lake(rig.lake.settings), SOURCE.table).unrecorded
    assert night(rig).success
    assert verify_table(open_lake(rig.lake.settings), SOURCE.table).unrecorded == []
    flip(files_of(rig.lake, "*.parquet")[-1], Random(1))
    assert not night(rig).success


def test_the_night_finds_raw_files_and_models(rig: Rig) -> None:
    raw = Path(rig.lake.settings.lake) / "raw" / SOURCE.name / "a.csv"
    flip(raw, Random(1))
    assert str(raw) in failure_of(night(rig))


def test_a_table_that_was_never_looked_at_is_looked_at_by_itself(rig: Rig) -> None:
    rig.materialize([INVENTORY])
    rig.automation_requests()
    # As a home of an earlier release: the table was materialized when there was no such check.
    rig.instance.report_runless_asset_event(dg.AssetMaterialization(TABLE))
    intact = dg.AssetCheckKey(TABLE, "intact")
    assert intact in rig.automation_requests()
    contract = dg.AssetCheckKey(TABLE, "contract")
    selection = dg.AssetSelection.checks(intact, contract)
    job = dg.define_asset_job("look", selection=selection).resolve(asset_graph=rig.graph)
    assert job.execute_in_process(instance=rig.instance, resources={"lake": rig.resource}).success
    assert intact not in rig.automation_requests()


def test_a_check_that_was_made_is_not_asked_for_again(rig: Rig) -> None:
    assert dg.AssetCheckKey(TABLE, "intact") not in rig.automation_requests()
