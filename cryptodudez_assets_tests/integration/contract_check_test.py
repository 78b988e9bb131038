"""A landing has its own files judged, the night and `run --check-all` all of them; what failed stays failed until it is mended."""

import io
from pathlib import Path

import dagster as dg
import polars as pl
import pytest
from rich.console import Console

from cryptodudez_assets.defs.contract_check import ALL_ROWS
from cryptodudez_assets.defs.metadata import key_of
from cryptodudez_assets.headless import run_pending
from cryptodudez_assets.lake.ingest.merge import table_spec
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets_tests.rig import Rig, checks_of
from cryptodudez_assets_tests.toy_source import SOURCE

TABLE = key_of(SOURCE.table)
HEADER = "Block,Time,Gwei\n"
MANY = 20_000


@pytest.fixture
def rig(lake: Lake) -> Rig:
    made = Rig(lake, [SOURCE])
    made.drop("many.csv", HEADER + "".join(f"{block},2021-01-01 00:00:13,5\n" for block in range(1, MANY + 1)))
    assert checks_of(made.ingest())["contract"].metadata["rows_judged"].value == MANY
    return made


def land(rig: Rig, block: int) -> dg.AssetCheckEvaluation:
    """One row more; what its check says."""
    rig.drop(f"{block}.csv", f"{HEADER}{block},2021-01-02 00:00:13,5\n")
    return checks_of(rig.ingest())["contract"]


def night(rig: Rig) -> dg.AssetCheckEvaluation:
    job = rig.definitions.resolve_job_def(ALL_ROWS)
    return checks_of(job.execute_in_process(instance=rig.instance, raise_on_error=False))["contract"]


def numbers(check: dg.AssetCheckEvaluation) -> dict[str, object]:
    told = ("rows_judged", "rows_compared", "files_judged", "files")
    return {name: check.metadata[name].value for name in told}


def damage(lake: Lake) -> tuple[Path, bytes]:
    """Another price in one row of the oldest data file, past every writer. Returns what was there."""
    folder = Path(lake.settings.lake) / "tables" / "market" / "gas_prices" / "data"
    path = min(folder.rglob("*.parquet"), key=lambda found: found.stat().st_mtime_ns)
    before, rows = path.read_bytes(), pl.read_parquet(path)
    rows.with_columns(gwei=pl.when(pl.col("block") == 7).then(-1.0).otherwise(pl.col("gwei"))).write_parquet(path)
    return path, before


def test_one_small_landing_into_a_large_table_has_its_own_file_judged(rig: Rig) -> None:
    check = land(rig, MANY + 1)
    assert check.passed
    assert numbers(check) == {"rows_judged": 1, "rows_compared": 0, "files_judged": 1, "files": 2}


def test_a_damaged_row_in_a_new_file_blocks_until_it_is_gone(rig: Rig) -> None:
    bad = rig.rows(SOURCE.table).head(1).with_columns(block=pl.lit(-5, pl.Int64), file_id=pl.lit("by hand"))
    with rig.lake.tables.changing(table_spec(SOURCE)) as change:
        change.add(bad)
    for block in (MANY + 1, MANY + 2):  # nor does the landing after it pass
        check = land(rig, block)
        assert not check.passed
        assert list(check.metadata["errors"].value) == ["block:greater_than"]
        assert rig.what_follows() == set()


def test_the_night_finds_a_damaged_row_in_an_old_file_and_no_landing_passes_over_it(rig: Rig) -> None:
    assert night(rig).passed
    path, before = damage(rig.lake)
    assert land(rig, MANY + 1).passed  # nobody looks into it: the check `intact` compares its sum
    check = night(rig)
    assert not check.passed
    assert check.blocking
    assert numbers(check) == {"rows_judged": MANY + 1, "rows_compared": 0, "files_judged": 2, "files": 2}
    assert rig.what_follows() == set()
    assert not land(rig, MANY + 2).passed
    path.write_bytes(before)
    assert land(rig, MANY + 3).passed
    assert land(rig, MANY + 4).metadata["rows_judged"].value < MANY


def test_run_check_all_finds_it_and_says_so(rig: Rig) -> None:
    said = io.StringIO()

    def run(*, check_all: bool) -> bool:
        console = Console(file=said, width=1000)
        return run_pending(rig.lake, [SOURCE.name], console, {SOURCE.name: SOURCE}, [], check_all=check_all)

    assert run(check_all=True), said.getvalue()
    damage(rig.lake)
    assert run(check_all=False), said.getvalue()
    assert not run(check_all=True)
    assert "market/gas_prices contract: broken rules: 1 × gwei:greater_than_or_equal_to" in said.getvalue()


def test_every_night_has_all_tables_judged(rig: Rig) -> None:
    (schedule,) = (one for one in rig.definitions.schedules or () if one.job_name == ALL_ROWS)
    assert schedule.default_status == dg.DefaultScheduleStatus.RUNNING
    assert (
        dg.AssetCheckKey(TABLE, "contract")
        in rig.definitions.resolve_job_def(ALL_ROWS).asset_layer.asset_graph.asset_check_keys
    )
