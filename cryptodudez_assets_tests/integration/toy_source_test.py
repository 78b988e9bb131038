"""A new source costs one file: declared, it has assets, checks and a sensor, and what is dropped becomes a table."""

import importlib.util
import json
import shutil
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from cryptodudez_assets import sources
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets_tests import toy_source
from cryptodudez_assets_tests.rig import Rig, checks_of

GAS = """Block,Time,Gwei,Pool
100,2021-01-01 00:00:13,41.5,flexpool
101,2021-01-01 00:00:26,40,
102,2021-02-30 00:00:39,39,nanopool
103,2021-01-01 00:00:52,-1,nanopool
banana
"""


@pytest.fixture
def rig(lake: Lake) -> Rig:
    return Rig(lake, [toy_source.SOURCE])


def test_the_declaration_alone_makes_the_graph(rig: Rig):
    assert {key.to_user_string() for key in rig.graph.get_all_asset_keys()} == {
        "raw/gas_prices",
        "catalog/files/gas_prices",
        "market/gas_prices",
        "quarantine/rows/gas_prices",
        "catalog/tables",
    }
    names = {(key.asset_key.to_user_string(), key.name) for key in rig.graph.asset_check_keys}
    assert names == {
        ("catalog/files/gas_prices", "everything_known"),
        ("catalog/files/gas_prices", "schema_change"),
        ("market/gas_prices", "contract"),
        ("market/gas_prices", "intact"),
        ("market/gas_prices", "conservation"),
        ("market/gas_prices", "fresh"),
        ("catalog/tables", "up_to_date"),
        ("quarantine/rows/gas_prices", "nothing_left_behind"),
    }


def test_a_dropped_file_becomes_table_and_quarantine(rig: Rig):
    rig.drop("export.csv", GAS)

    result = rig.ingest()

    assert result.success
    assert rig.rows("market.gas_prices").select("block", "gwei", "file_row").rows() == [(100, 41.5, 1), (101, 40.0, 2)]
    rejected = rig.rows("quarantine.rows").sort("line").select("line", "raw", pl.col("rules").list.first()).rows()
    assert rejected == [
        (4, "102,2021-02-30 00:00:39,39,nanopool", "event_ts:missing"),
        (5, "103,2021-01-01 00:00:52,-1,nanopool", "gwei:greater_than_or_equal_to"),
        (6, "banana", "record:too_few_fields"),
    ]
    passed = {name for name, check in checks_of(result).items() if check.passed}
    assert passed == {"contract", "conservation", "intact", "everything_known"}


def test_columns_that_nobody_declared_are_kept_and_told(rig: Rig):
    rig.drop("export.csv", GAS)

    told = checks_of(rig.ingest())["schema_change"]

    assert [json.loads(extra) for extra in rig.rows("market.gas_prices").sort("block")["extra"]] == [
        {"Pool": "flexpool"},
        {"Pool": None},
    ]
    assert told.severity == dg.AssetCheckSeverity.WARN
    assert "export.csv: new columns ['Pool']" in str(told.description)


def test_a_file_of_another_shape_is_set_aside_and_says_what_was_expected(rig: Rig):
    rig.drop("other.csv", "Slot,Fee\n1,2\n")

    rig.ingest()

    (reason,) = rig.rows("quarantine.files")["reason"]
    assert "expected a header such as ['Block', 'Time', 'Gwei'], found ['Slot', 'Fee']" in reason


def test_a_file_in_the_folder_of_sources_is_all_it_takes(tmp_path: Path):
    # A copy of the package under another name, so that the real folder stays as it is.
    folder = tmp_path / "more_sources"
    shutil.copytree(Path(sources.__file__).parent, folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(Path(toy_source.__file__), folder / "gas_prices.py")
    spec = importlib.util.spec_from_file_location("more_sources", folder / "__init__.py")
    assert spec is not None
    assert spec.loader is not None
    package = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(importlib.sys.modules, "more_sources", package)
        spec.loader.exec_module(package)

        found = package.all_sources()

    assert list(found) == sorted([*sources.all_sources(), "gas_prices"])
    assert found["gas_prices"].table == "market.gas_prices"
