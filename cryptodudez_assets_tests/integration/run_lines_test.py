"""What a run did, in a line or two for the terminal."""

from collections.abc import Iterator

import dagster as dg

from cryptodudez_assets.defs.run_lines import lines_of
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets_tests.rig import Rig
from cryptodudez_assets_tests.toy_source import SOURCE

HEADER = "Block,Time,Gwei\n"


def test_what_came_in_and_what_was_set_aside(lake: Lake) -> None:
    rig = Rig(lake, [SOURCE])
    rig.drop("a.csv", HEADER + "100,2021-01-01 00:00:13,5\nbanana,,\n")
    result = rig.ingest()
    made = rig.materialize([dg.AssetKey(["catalog", "tables"])])

    told = list(lines_of(rig.instance, result.run_id))

    assert told == ["market.gas_prices: 2 rows read from 1 file", "quarantine.rows.gas_prices: 1 row set aside"]
    assert list(lines_of(rig.instance, made.run_id)) == ["made anew: catalog.tables"]


def test_many_are_counted() -> None:
    names = [f"t{number}" for number in range(5)]

    @dg.multi_asset(specs=[dg.AssetSpec(["features", name]) for name in names])
    def many() -> Iterator[dg.MaterializeResult]:  # type: ignore[type-arg]
        for name in names:
            yield dg.MaterializeResult(asset_key=["features", name])

    instance = dg.DagsterInstance.ephemeral()
    run = dg.materialize([many], instance=instance)

    (line,) = lines_of(instance, run.run_id)
    assert line == "made anew: features.t0, features.t1, features.t2 and 2 more"


def test_why_it_failed_in_one_line() -> None:
    @dg.asset
    def broken() -> None:
        raise ValueError("no such\nthing")

    instance = dg.DagsterInstance.ephemeral()
    run = dg.materialize([broken], instance=instance, raise_on_error=False)

    (line,) = lines_of(instance, run.run_id)
    assert line == f"run {run.run_id[:8]} failure: broken: ValueError: no such thing; see it in the Dagster UI"
