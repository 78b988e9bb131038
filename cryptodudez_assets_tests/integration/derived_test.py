"""Toy derived tables, each one file, from a landing to table, checks, exports, days and a rebuilding, with nothing else touched."""

from datetime import date, datetime, timedelta
from io import StringIO
from pathlib import Path

import dagster as dg
import pandera.polars as pa
import polars as pl
import pytest
from rich.console import Console

from cryptodudez_assets.contracts.base import Contract, UtcTime
from cryptodudez_assets.defs.build import build_definitions
from cryptodudez_assets.defs.metadata import key_of
from cryptodudez_assets.defs.resources import LakeResource
from cryptodudez_assets.headless import run_pending
from cryptodudez_assets.lake.exports import export, exported_from
from cryptodudez_assets.lake.iceberg.provenance import content_of
from cryptodudez_assets.lake.iceberg.spec import TableSpec
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.landing import land
from cryptodudez_assets.products.declared import products_of
from cryptodudez_assets.products.standing import standing
from cryptodudez_assets.rebuilding import rebuild
from cryptodudez_assets.sources import all_sources
from cryptodudez_assets_tests.declared_tables import TOY_TABLES, toys_declared
from cryptodudez_assets_tests.rig import checks_of


class Words(Contract):
    """Anything that a CSV could stumble over."""

    text: str = pa.Field(nullable=True)
    number: float = pa.Field(nullable=True)
    day: pl.Date = pa.Field(nullable=True)
    at: UtcTime = pa.Field(nullable=True)


HEADER = "SNo,Name,Symbol,Date,High,Low,Open,Close,Volume,Marketcap\n"
PRICES = {"crypto_prices": all_sources()["crypto_prices"]}
TOYS = list(TOY_TABLES.values())
START = datetime(2021, 1, 1)
DAYS, RUNS = key_of("toys.coin_days"), key_of("toys.coin_runs")


def candles(lake: Lake, folder: Path, symbol: str, days: list[int], volume: float = 1000.0) -> None:
    path = folder / f"{symbol}{days[0]}{volume}.csv"
    told = [f"{START + timedelta(days=day):%Y-%m-%d} 23:59:59" for day in days]
    lines = [f"1,{symbol},{symbol},{at},2,1,1.5,1.5,{volume},100\n" for at in told]
    path.write_text(HEADER + "".join(lines))
    list(land(lake, "crypto_prices", [path]))


def run(lake: Lake, *, check_all: bool = False) -> str:
    """What a run without a daemon says; all must go well."""
    out = StringIO()
    fine = run_pending(lake, list(PRICES), Console(file=out, width=200), PRICES, TOYS, check_all=check_all)
    assert fine, out.getvalue()
    return out.getvalue()


@pytest.fixture
def made(lake: Lake, tmp_path: Path) -> Lake:
    candles(lake, tmp_path, "TST", [0, 1, 5])
    candles(lake, tmp_path, "TOY", [1])
    run(lake)
    return lake


def rows(lake: Lake, name: str) -> list[tuple[object, ...]]:
    found = lake.tables.scan(name)
    assert found is not None
    return found.collect().sort(pl.first()).rows()


def csv_of(lake: Lake) -> pl.DataFrame:
    path = lake.settings.home / "exports" / "coin_days" / "coin_days.csv"
    return pl.read_csv(path, try_parse_dates=False)


def test_a_landing_becomes_tables_and_exports(made: Lake, tmp_path: Path) -> None:
    first, second, sixth = (date(2021, 1, day) for day in (1, 2, 6))
    assert rows(made, "toys.coin_days") == [(first, 1, 1000.0), (second, 2, 2000.0), (sixth, 1, 1000.0)]
    assert rows(made, "toys.coin_shares") == [("TOY", 0.25), ("TST", 0.75)]
    assert csv_of(made).rows() == [("2021-01-01", 1, 1000.0), ("2021-01-02", 2, 2000.0), ("2021-01-06", 1, 1000.0)]
    assert len(pl.read_parquet(made.settings.home / "exports" / "shares" / "coin_shares.parquet")) == 2

    assert rows(made, "toys.coin_runs") == [(first, 1), (second, 3), (sixth, 1)]

    candles(made, tmp_path, "TOY", [2])
    said = run(made, check_all=True)

    assert "coin_days: all keys from 2021-01-03 to 2021-01-04" in said
    assert "coin_runs: all keys from 2021-01-03 to 2021-01-05" in said
    assert rows(made, "toys.coin_runs")[2] == (date(2021, 1, 3), 3)
    assert "coin_totals: 1 keys" in said
    assert csv_of(made)["day"].to_list()[2] == "2021-01-03"
    assert rows(made, "toys.coin_totals") == [("TOY", 2, 2.0), ("TST", 3, 2.0)]
    assert not standing(made, products_of(PRICES.values(), TOYS)).behind
    assert "nothing new" in run(made)


def test_a_day_is_a_handle_and_what_changed_needs_none(made: Lake) -> None:
    definitions = build_definitions(PRICES.values(), TOYS, LakeResource(home=str(made.settings.home)))
    job = definitions.resolve_implicit_global_asset_job_def()
    with dg.DagsterInstance.ephemeral() as instance:
        whole = job.execute_in_process(instance=instance, asset_selection=[DAYS, key_of("exports.coin_days_csv")])
        days = instance.get_materialized_partitions(DAYS)
        one = job.execute_in_process(instance=instance, asset_selection=[DAYS], partition_key="2021-01-02")
        a_range = {
            "dagster/asset_partition_range_start": "2021-01-01",
            "dagster/asset_partition_range_end": "2021-01-02",
        }
        two = job.execute_in_process(instance=instance, asset_selection=[DAYS], tags=a_range)
        behind = job.execute_in_process(instance=instance, asset_selection=[RUNS], tags=a_range)

    assert days <= {"2021-01-01", "2021-01-02", "2021-01-06"}
    assert [result.success for result in (whole, one, two, behind)] == [True] * 4
    assert {name: check.passed for name, check in checks_of(one).items()} == {
        "contract": True,
        "days": True,
        "intact": True,
    }
    assert rows(made, "toys.coin_days")[1] == (date(2021, 1, 2), 2, 2000.0)


def test_days_that_are_behind_are_named_and_those_that_are_missing(made: Lake, tmp_path: Path) -> None:
    candles(made, tmp_path, "TOY", [3])
    assert run_pending(made, list(PRICES), Console(file=StringIO()), PRICES, [])
    definitions = build_definitions(PRICES.values(), TOYS, LakeResource(home=str(made.settings.home)))
    check = next(one for one in definitions.asset_checks or () if dg.AssetCheckKey(DAYS, "days") in one.check_keys)
    job = dg.define_asset_job("look", selection=dg.AssetSelection.checks(*check.check_keys))
    with dg.DagsterInstance.ephemeral() as instance:
        looked = job.resolve(asset_graph=definitions.resolve_asset_graph()).execute_in_process(
            instance=instance, resources={"lake": LakeResource(home=str(made.settings.home))}
        )

    told = checks_of(looked)["days"]
    assert not told.passed
    assert told.severity == dg.AssetCheckSeverity.WARN
    assert told.metadata["behind"].value == ["2021-01-04"]
    assert told.metadata["missing"].value == ["2021-01-03", "2021-01-04", "2021-01-05"]


def test_it_is_made_again_from_its_inputs(made: Lake) -> None:
    before = rows(made, "toys.coin_days")
    with toys_declared():
        assert rebuild(made, "toys.coin_days").tables == ["toys.coin_days"]
        assert rebuild(made, "exports.coin_days_csv")
    assert rows(made, "toys.coin_days") == before


def test_a_csv_is_read_again_as_it_was(lake: Lake, tmp_path: Path) -> None:
    odd = ["", None, 'a "b"', "a,b", "two\nlines", "a\r", "null", " a ", "=1+1", "007", "ü"]
    told = pl.DataFrame(
        {
            "text": odd,
            "number": [0.1, float("nan"), float("inf"), None, 1e-300, -0.0, 1e300, 2.0, 1 / 3, 5.0, 6.0],
            "day": [date(1969, 12, 31), None, *[date(2021, 1, 1)] * 9],
            "at": [datetime(2021, 1, 1, 1, 2, 3, 4), None, *[datetime(1970, 1, 1)] * 9],
        },
        schema={"text": pl.String, "number": pl.Float64, "day": pl.Date, "at": pl.Datetime("us", "UTC")},
    )
    with lake.tables.changing(TableSpec("lab.words", Words, (), ("text",))) as change:
        change.add(told)
    key = "exports/words/words.csv"
    path = Path(lake.store.uri(key))
    columns = {name: name for name in told.columns}
    assert export(lake, "lab.words", columns, ["text"], key, "1") == len(odd)

    back = pl.read_csv(path, schema_overrides={"text": pl.String, "number": pl.Float64}, try_parse_dates=False)
    parsed = back.with_columns(
        pl.col("day").str.to_date("%Y-%m-%d"),
        pl.col("at").str.to_datetime("%Y-%m-%dT%H:%M:%S%.fZ", time_unit="us", time_zone="UTC"),
    )
    assert parsed.equals(told.sort("text"), null_equal=True)
    made = exported_from(lake.store, key)
    assert made is not None
    assert made.inputs == {"lab.words": content_of(lake.tables.table("lab.words"))}
    path.unlink()
    assert exported_from(lake.store, key) is None
