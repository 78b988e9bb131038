"""Declarations in a folder of the user's own are taken beside those of the package, by every process that is told of it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cryptodudez_assets_tests import toy_source

ASKS = """
import json, pickle
from cryptodudez_assets.derived import all_derived
from cryptodudez_assets.engines.likeness import likeness
from cryptodudez_assets.features import left_out
from cryptodudez_assets.sources import all_sources
found = {"sources": list(all_sources()), "tables": list(all_derived()), "left_out": [str(one) for one in left_out()]}
found["module"] = all_sources()["gas_prices"].contract.__module__ if "gas_prices" in all_sources() else ""
found["pickled"] = len(pickle.dumps(all_sources().get("gas_prices")))
found["code"] = [all_derived()[name].code_hash for name in all_derived() if name == "analysis.gas_days"]
print(json.dumps(found | {"likeness": likeness().get("declarations")}))
"""
DAYS = '''"""Gas by day."""

from datetime import timedelta

import pandera.polars as pa
import polars as pl

from cryptodudez_assets.contracts.base import Contract
from cryptodudez_assets.derived import Daily, Derived, Input


class GasDays(Contract):
    """Gas of a UTC day."""

    day: pl.Date = pa.Field(description="UTC day.")
    blocks: pl.Int64 = pa.Field(description="How many blocks.")


DERIVED = Derived(
    "analysis.gas_days", GasDays, owner="team:x", key=["day"], sql="gas_days.sql",
    inputs=[Input("market.gas_prices", ["event_ts"], reaches=timedelta(0))], partitions=Daily("day"),
)
'''
SQL = "SELECT event_ts::DATE AS day, count(*) AS blocks FROM market.gas_prices GROUP BY ALL"


def asked(folder: Path | str) -> dict[str, object]:
    told = subprocess.run(
        [sys.executable, "-c", ASKS],
        env=os.environ | {"CRYPTODUDEZ_DECLARATIONS": str(folder)},
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, object] = json.loads(told.stdout)
    return found


@pytest.fixture
def own(tmp_path: Path) -> Path:
    for room, name, text in (
        ("sources", "gas_prices.py", Path(toy_source.__file__).read_text()),
        ("derived", "gas_days.py", DAYS),
        ("derived", "gas_days.sql", SQL),
    ):
        (tmp_path / room).mkdir(exist_ok=True)
        (tmp_path / room / name).write_text(text)
    return tmp_path


def test_a_source_and_a_table_on_it_are_taken(own: Path) -> None:
    found = asked(own)
    assert found["left_out"] == []
    assert {"gas_prices", "crypto_prices"} <= set(found["sources"])
    assert "analysis.gas_days" in found["tables"]
    assert found["module"] == "cryptodudez_assets.sources.gas_prices"
    assert found["pickled"] < 300, "by its name"


def test_without_a_setting_none_is_and_a_worker_must_have_the_same(own: Path) -> None:
    before = asked(own)["likeness"]
    assert "gas_prices" not in asked("")["sources"]
    assert asked("")["likeness"] is None
    (own / "derived" / "gas_days.sql").write_text(f"{SQL} ")
    assert asked(own)["likeness"] not in (None, before)


def test_one_with_the_name_of_the_package_s_is_told_and_not_taken_for_it(own: Path) -> None:
    (own / "sources" / "crypto_prices.py").write_text("raise RuntimeError('not run')\n")
    found = asked(own)
    assert any("crypto_prices" in told for told in found["left_out"])


def test_a_folder_that_is_not_there_is_refused_where_it_would_be_read(tmp_path: Path) -> None:
    command = [str(Path(sys.executable).with_name("cryptodudez")), "status"]
    environment = os.environ | {"CRYPTODUDEZ_DECLARATIONS": str(tmp_path / "no"), "CRYPTODUDEZ_HOME": str(tmp_path)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 1
    assert f"CRYPTODUDEZ_DECLARATIONS={tmp_path / 'no'}: there is no such folder" in done.stderr
