"""The narrow tables of sample candles."""

from datetime import date
from pathlib import Path

import polars as pl

from cryptodudez_assets.derived import all_derived
from cryptodudez_assets.derived.upkeep.looking import look
from cryptodudez_assets.derived.upkeep.materialize import materialize
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.landing import land
from cryptodudez_assets.simulator import CLEAN, SIZES
from cryptodudez_assets.simulator.binance_candles import DAYS, PAIRS, SOURCE, write_binance_candles
from cryptodudez_assets.simulator.job import Job
from cryptodudez_assets.sources import all_sources
from cryptodudez_assets_tests.builders import rows_of, take_in

LAST = date(2021, 12, 31)
CHAIN = ["market.candle_revisions", "market.candles"]
NARROW = ["market.trade_candles", "market.trade_symbols", "market.trade_time"]


def test_sample_candles_become_three_tables_with_every_digit(lake: Lake, tmp_path: Path) -> None:
    told = write_binance_candles(Job(tmp_path, SIZES["tiny"], LAST, 7, CLEAN, lambda _: None), {"ETH": 3682.5})
    list(land(lake, SOURCE, sorted((tmp_path / SOURCE).iterdir())))
    take_in(lake, all_sources()[SOURCE])
    for name in (*CHAIN, *NARROW):
        materialize(lake, all_derived()[name])
    assert told.totals.valid == len(PAIRS) * DAYS

    first, second, third = (rows_of(lake, name).drop("event_ts") for name in NARROW)
    joined = first.join(second, on="id", validate="1:1").join(third, on="id", validate="1:1")
    found = joined.select("symbol", open_time="datetime", open="open", close="close", n_trades="number_of_trades")
    truth = pl.read_parquet(tmp_path / "truth" / f"{SOURCE}.parquet")
    assert found.sort("symbol", "open_time").equals(truth.sort("symbol", "open_time"))
    newest = joined.filter(pl.col("datetime").dt.date() == LAST, symbol="ETHUSDT")
    assert newest["id"].to_list() == ["binance:ETHUSDT:1d:1640908800000"]
    assert abs(float(newest["close"][0]) - 3682.5) < 0.01
    tables = [all_derived()[name] for name in NARROW]
    assert all(look(lake, table, check).passed for table in tables for check in table.checks)  # type: ignore[union-attr]
