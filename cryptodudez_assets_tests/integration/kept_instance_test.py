"""Ticks of sensors in one process use one connection to Dagster's storage."""

from pathlib import Path

import dagster as dg
from dagster._core.instance import InstanceRef

from cryptodudez_assets.defs.build import build_definitions
from cryptodudez_assets.defs.kept_instance import instance_of
from cryptodudez_assets.features import all_views
from cryptodudez_assets.sources import all_sources


def of_tick(folder: Path) -> dg.SensorEvaluationContext:
    """What Dagster hands to a tick."""
    folder.mkdir(exist_ok=True)
    return dg.build_sensor_context(instance_ref=InstanceRef.from_dir(str(folder)))


def test_no_sensor_takes_a_resource_for_which_dagster_opens_its_storage_at_each_tick() -> None:
    sensors = build_definitions(all_sources().values(), all_views().values()).sensors or ()
    assert len(list(sensors)) > 3
    assert {one.name: one.required_resource_keys for one in sensors if one.required_resource_keys} == {}


def test_ticks_share_an_instance_unless_it_is_of_another_folder(tmp_path: Path) -> None:
    one, two, other = of_tick(tmp_path / "a"), of_tick(tmp_path / "a"), of_tick(tmp_path / "b")
    shared = instance_of(one)
    assert instance_of(two) is shared
    assert instance_of(other) is not shared
    assert instance_of(other).root_directory == str(tmp_path / "b")
