"""The graph as Dagster loads it: complete, documented, guarded, and as it was when somebody last looked at it.

`RENEW_SNAPSHOT=1 pytest cryptodudez_assets_tests/unit/definitions_test.py` writes the picture of the graph anew.
"""

import os
from pathlib import Path

import dagster as dg
import pytest
from dagster import AssetKey

from cryptodudez_assets.contracts.base import columns_of
from cryptodudez_assets.declared_models import models_of_kind
from cryptodudez_assets.declared_models.signal import SignalModel
from cryptodudez_assets.definitions import defs
from cryptodudez_assets.defs.automation import inputs_are_sound, on_sound_update_of_all
from cryptodudez_assets.defs.metadata import key_of
from cryptodudez_assets.defs.source_assets import catalogue_key, quarantine_key, raw_key, table_keys
from cryptodudez_assets.derived import all_derived
from cryptodudez_assets.products.declared import products_of
from cryptodudez_assets.sources import all_sources
from cryptodudez_assets.sources.declaration import Source

SNAPSHOT = Path(__file__).with_name("graph.txt")
SOURCES = list(all_sources().values())

DEFINITIONS = defs()
GRAPH = DEFINITIONS.resolve_asset_graph()
ASSETS = sorted(GRAPH.get_all_asset_keys())
CHECKS = {check.key: check for definition in DEFINITIONS.asset_checks or () for check in definition.check_specs}

PAGES = {key for key in ASSETS if "html" in GRAPH.get(key).kinds}

each_asset = pytest.mark.parametrize("key", ASSETS, ids=AssetKey.to_user_string)
each_source = pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)


def test_every_part_of_the_graph_can_be_loaded():
    dg.Definitions.validate_loadable(DEFINITIONS)


@each_asset
def test_every_asset_says_what_it_is_whose_it_is_and_how_it_is_made(key: AssetKey):
    node = GRAPH.get(key)

    assert len(node.description or "") > 20
    assert node.owners
    assert all(owner.startswith("team:") or "@" in owner for owner in node.owners)
    assert node.group_name != "default"
    assert node.kinds


@pytest.mark.parametrize("key", sorted(set(ASSETS) - PAGES), ids=AssetKey.to_user_string)
def test_every_asset_but_pages_has_a_column_schema_and_every_column_is_explained(key: AssetKey):
    schema = GRAPH.get(key).metadata["dagster/column_schema"]

    assert schema.columns
    assert [column.name for column in schema.columns if not column.description] == []


@each_source
def test_assets_are_named_as_their_tables_and_have_their_columns(source: Source):
    assert table_keys(source)[0].path == source.table.split(".")
    for key in table_keys(source):
        columns = GRAPH.get(key).metadata["dagster/column_schema"].columns
        assert [column.name for column in columns] == [column.name for column in columns_of(source.contract)]
        assert GRAPH.get(key).group_name == key.path[0]


@each_source
def test_every_source_is_made_the_same_way(source: Source):
    assert GRAPH.get(raw_key(source)).is_external
    assert GRAPH.get(catalogue_key(source)).parent_keys == {raw_key(source)}
    looked_up = {key_of(source.lookup.table)} if source.lookup else set()
    assert GRAPH.get(table_keys(source)[0]).parent_keys == {catalogue_key(source)} | looked_up
    for key in (*table_keys(source)[1:], quarantine_key(source)):
        assert GRAPH.get(key).parent_keys == {catalogue_key(source)}


@each_source
def test_every_source_has_its_checks_and_the_contract_blocks(source: Source):
    wanted = {(key, "contract") for key in table_keys(source)} | {
        (table_keys(source)[0], "conservation"),
        (catalogue_key(source), "schema_change"),
        (quarantine_key(source), "nothing_left_behind"),
    }

    found = {(key.asset_key, key.name) for key in CHECKS if key.asset_key in _assets_of(source)}

    assert wanted <= found
    assert all(CHECKS[dg.AssetCheckKey(key, "contract")].blocking for key in table_keys(source))
    assert all(check.description for check in CHECKS.values())


@each_source
def test_freshness_is_asked_of_the_data_each_hour_and_not_of_when_they_were_written(source: Source):
    assert all(GRAPH.get(key).freshness_policy is None for key in table_keys(source))
    assert CHECKS[dg.AssetCheckKey(table_keys(source)[0], "fresh")].automation_condition is not None


def test_what_stands_on_checked_tables_follows_only_sound_updates():
    checked = {key.asset_key for key, check in CHECKS.items() if check.blocking}
    # Pages tell what was found, sound or not.
    standing_on_them = [key for key in ASSETS if GRAPH.get(key).parent_keys & checked and key not in PAGES]

    followed = {key_of(name) for product in products_of(SOURCES, all_derived().values()) for name in product.names}
    assert dg.AssetKey(["catalog", "tables"]) in standing_on_them
    for key in standing_on_them:
        condition = GRAPH.get(key).automation_condition
        assert condition or key in followed, (
            f"{key.to_user_string()} would follow nothing"
        )  # of these: `reconciling_test.py`
        assert not condition or _is_guarded(condition), f"{key.to_user_string()} must wait for sound inputs"


def test_the_guard_is_looked_for_not_assumed():
    assert _is_guarded(on_sound_update_of_all)
    assert not _is_guarded(dg.AutomationCondition.eager())


def test_sensors_run_from_the_start_every_few_seconds():
    sensors = {sensor.name: sensor for sensor in DEFINITIONS.sensors or ()}

    seldom = {"automation", "forgets", "notifies"}
    assert set(sensors) == {f"{source.name}_files" for source in SOURCES} | {"what_is_behind"} | seldom
    for name, sensor in sensors.items():
        assert sensor.default_status == dg.DefaultSensorStatus.RUNNING
        assert sensor.minimum_interval_seconds is not None
        assert 1 <= sensor.minimum_interval_seconds <= (300 if name in seldom else 5)


@each_source
def test_a_source_s_sensor_makes_all_of_its_assets_in_one_run(source: Source):
    sensor = next(sensor for sensor in DEFINITIONS.sensors or () if sensor.name == f"{source.name}_files")

    assert sensor.job.selection.resolve(GRAPH) == _assets_of(source) - {raw_key(source)}


def test_runs_are_of_jobs_that_say_what_they_are_for():
    names = {job.name for job in DEFINITIONS.resolve_all_job_defs() if not job.name.startswith("__")}
    trained = {f"train_{model.name}" for model in models_of_kind(SignalModel)}
    assert names >= {*(f"ingest_{source.name}" for source in SOURCES), "features", *trained, "maintenance"}
    asked = {sensor.name: sensor.job_name for sensor in DEFINITIONS.sensors or () if sensor.name.endswith("_files")}
    assert asked == {f"{source.name}_files": f"ingest_{source.name}" for source in SOURCES}


def test_schedules_run_from_the_start():
    assert all(schedule.default_status == dg.DefaultScheduleStatus.RUNNING for schedule in DEFINITIONS.schedules or ())


def test_the_graph_is_as_it_was():
    picture = _picture()
    if os.environ.get("RENEW_SNAPSHOT"):
        SNAPSHOT.write_text(picture)

    assert picture == SNAPSHOT.read_text(), (
        "the asset graph has changed; if it was meant to, run this test with RENEW_SNAPSHOT=1 and look at `git diff`"
    )


def _assets_of(source: Source) -> set[AssetKey]:
    return {raw_key(source), catalogue_key(source), quarantine_key(source), *table_keys(source)}


def _is_guarded(condition: dg.AutomationCondition | None) -> bool:
    """Whether the condition demands sound inputs, not merely mentions them. What that does: `dagster_run_test.py`."""
    return isinstance(condition, type(on_sound_update_of_all)) and inputs_are_sound in condition.operands


def _picture() -> str:
    """The graph in words, one paragraph an asset."""
    lines = []
    for key in ASSETS:
        node = GRAPH.get(key)
        lines += [
            key.to_user_string(),
            f"  {'external, ' if node.is_external else ''}group {node.group_name}, {' '.join(sorted(node.kinds))}",
            *(f"  from {parent.to_user_string()}" for parent in sorted(node.parent_keys)),
            *(f"  check {check.name}{' (blocking)' * CHECKS[check].blocking}" for check in sorted(node.check_keys)),
            *([f"  automation {node.automation_condition.get_label()}"] if node.automation_condition else []),
            "",
        ]
    return "\n".join(lines)
