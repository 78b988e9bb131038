"""Checks that a derived table has of its own: what they are handed, and that what stands on the table waits for them."""

from dataclasses import replace
from io import StringIO
from pathlib import Path

import dagster as dg
import polars as pl
import pytest
from rich.console import Console

from cryptodudez_assets.defs.build import build_definitions
from cryptodudez_assets.defs.metadata import key_of
from cryptodudez_assets.defs.resources import LakeResource
from cryptodudez_assets.derived import Derived, Finding, Frames, TableCheck
from cryptodudez_assets.derived.checking import problem_of
from cryptodudez_assets.derived.upkeep.looking import NotKept, look
from cryptodudez_assets.derived.upkeep.materialize import materialize
from cryptodudez_assets.headless import run_pending
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.sources import all_sources
from cryptodudez_assets_tests.declared_tables import TOY_TABLES
from cryptodudez_assets_tests.integration.derived_test import candles

CANDLES, TOTALS, SHARES = "market.crypto_prices", "toys.coin_totals", "toys.coin_shares"
PRICES = {"crypto_prices": all_sources()["crypto_prices"]}


def adds_up(frames: Frames) -> Finding:
    """Whether each candle was counted."""
    days = frames[TOTALS].select(pl.col("days").sum()).collect().item()
    candles = frames[CANDLES].select(pl.len()).collect().item()
    return Finding(days == candles, f"{days} days of {candles} candles", {"days": days, "candles": candles})


ADDS_UP = TableCheck("adds_up", "Each candle is counted.", adds_up)
CHECKED = replace(TOY_TABLES[TOTALS], checks=[ADDS_UP])


def run(lake: Lake, *tables: Derived) -> tuple[bool, str]:
    out = StringIO()
    return run_pending(lake, list(PRICES), Console(file=out, width=200), PRICES, tables), out.getvalue()


def test_inputs_are_those_that_the_table_was_made_from(lake: Lake, tmp_path: Path) -> None:
    assert look(lake, CHECKED, ADDS_UP) is None
    candles(lake, tmp_path, "TST", [0, 1])
    assert run(lake, CHECKED)[0]
    candles(lake, tmp_path, "TST", [2])
    assert run(lake)[0]  # the table is behind now
    found = look(lake, CHECKED, ADDS_UP)
    assert found == Finding(True, "2 days of 2 candles", {"days": 2, "candles": 2})
    with lake.tables.rearranging(CANDLES) as change:
        change.expire([one.snapshot_id for one in change.table.metadata.snapshots[:-1]])
    with pytest.raises(
        NotKept, match=r"toys.coin_totals was made from rows of market.crypto_prices .* compute it anew"
    ):
        look(lake, CHECKED, ADDS_UP)


def test_a_table_beside_is_as_it_is_now_or_empty(lake: Lake, tmp_path: Path) -> None:
    seen = []

    def width(frames: Frames) -> Finding:
        seen.append(frames[SHARES].collect().width)
        return Finding(True, "", {})

    candles(lake, tmp_path, "TST", [0])
    assert run(lake, CHECKED)[0]
    check = TableCheck("wide", "Columns of another table.", width, beside=[SHARES])
    look(lake, CHECKED, check)
    materialize(lake, TOY_TABLES[SHARES])
    look(lake, CHECKED, check)
    assert seen == [0, 2]


def test_what_stands_on_a_table_waits_for_its_own_check(lake: Lake, tmp_path: Path) -> None:
    broken = replace(ADDS_UP, judge=lambda _: Finding(False, "one candle is missing", {}))
    candles(lake, tmp_path, "TST", [0])
    fine, said = run(lake, replace(CHECKED, checks=[broken]), TOY_TABLES[SHARES])
    assert not fine
    assert "toys/coin_totals adds_up: one candle is missing" in said
    assert lake.tables.scan(SHARES) is None
    fine, said = run(lake, CHECKED, TOY_TABLES[SHARES])
    assert fine, said
    assert lake.tables.scan(SHARES) is not None


def test_it_is_a_blocking_check_that_waits_for_the_tables_beside_it() -> None:
    beside = replace(ADDS_UP, beside=["toys.coin_days"])
    tables = [replace(CHECKED, checks=[beside]), TOY_TABLES["toys.coin_days"]]
    graph = build_definitions(PRICES.values(), tables, LakeResource()).resolve_asset_graph()
    node = graph.get(dg.AssetCheckKey(key_of(TOTALS), "adds_up"))
    assert node.blocking
    assert node.parent_entity_keys == {key_of(TOTALS), key_of("toys.coin_days")}


@pytest.mark.parametrize(
    ("check", "why"),
    [
        ("adds_up", "checks hold 'adds_up': expected TableCheck"),
        (replace(ADDS_UP, judge=None), "expected TableCheck"),
        (replace(ADDS_UP, name="adds up"), "checks name 'adds up': expected small letters"),
        (replace(ADDS_UP, name="intact"), "checks name 'intact' twice"),
        (replace(ADDS_UP, beside=["toys"]), "looks beside it at 'toys': expected the name of another table"),
        (replace(ADDS_UP, beside=[TOTALS]), "looks beside it at 'toys.coin_totals': expected the name of another"),
    ],
)
def test_a_check_that_cannot_be_asked_is_told_where_it_is_declared(check: TableCheck, why: str) -> None:
    assert why in str(problem_of(replace(CHECKED, checks=[check]), {}))
