"""The real archive of stocks and ETFs: every row accounted for, every rolling feature as pandas has it."""

import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from cryptodudez_assets.derived.upkeep.materialize import materialize
from cryptodudez_assets.features.stock_rolling import VIEW
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.quarantine import quarantine
from cryptodudez_assets.lake.status import status_of, unbalanced_files
from cryptodudez_assets.settings import Settings
from cryptodudez_assets.sources import all_sources
from cryptodudez_assets_tests.builders import open_lake
from cryptodudez_assets_tests.toy import load

MARKET, SYMBOLS = (all_sources()[name] for name in ("stock_market", "stock_symbols"))


def counts(lake: Lake, source: str) -> tuple[int, int, int, int]:
    told = status_of(lake, source)
    return told.read, told.valid, told.quarantined, told.duplicate


@pytest.fixture(scope="module")
def market(stock_market_zip: Path, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """A new lake with the archive of stocks and ETFs, and its index."""
    lake = open_lake(Settings(home=tmp_path_factory.mktemp("home"), settle_seconds=0))
    folder = Path(lake.settings.lake) / "raw" / "stock_market"
    folder.mkdir(parents=True)
    shutil.copy(stock_market_zip, folder)
    for source in (SYMBOLS, MARKET):
        load(lake, source)
    return lake


def test_every_row_of_the_stock_market_is_accounted_for(market: Lake) -> None:
    assert counts(market, "stock_market") == (2_222_261, 2_222_183, 78, 0)
    assert status_of(market, "stock_market").files == 684
    assert unbalanced_files(market, MARKET).is_empty()
    assert counts(market, "stock_symbols") == (2_642, 2_642, 0, 0)


def test_the_stock_market_has_stocks_and_etfs_with_their_names(market: Lake) -> None:
    rows = market.tables.scan("market.stock_market")
    assert rows is not None
    told = rows.group_by("kind").agg(
        pl.len(),
        pl.col("symbol").n_unique().alias("symbols"),
        *(pl.col(name).null_count() for name in ("open", "security_name")),
        no_volume=(pl.col("volume") == 0).sum(),
    )
    # 64,090 rows have no open, two of them no price at all.
    assert told.sort("kind").collect().rows() == [
        ("etf", 101_445, 90, 0, 0, 3_839),
        ("stock", 2_120_738, 594, 64_088, 0, 119_567),
    ]


def test_impossible_candles_of_the_stock_market_are_in_quarantine(market: Lake) -> None:
    rules = quarantine.rows_of(market.tables, "stock_market").select("rules").collect()["rules"].to_list()
    no_prices = [broken for broken in rules if "volume:missing" in broken]
    zero = [broken for broken in rules if "close:greater_than" in broken]
    impossible = [broken for broken in rules if {"high_too_low", "low_too_high"} & set(broken)]
    assert (len(no_prices), len(zero), len(impossible), len(rules)) == (16, 2, 60, 78)
    assert status_of(market, "stock_market").warned == 74 - 60  # the tolerance lets these pass


def test_rolling_features_of_every_symbol_are_those_of_pandas(market: Lake) -> None:
    assert materialize(market, VIEW).rows == 2_222_183
    table = market.tables.scan(VIEW.table)
    assert table is not None
    found = table.select("symbol", "date", "adj_close", "volume", "vol_moving_avg", "adj_close_rolling_med")
    found = found.sort("symbol", "date").collect()
    groups = found.select("symbol", "adj_close", "volume").to_pandas().groupby("symbol", sort=False)
    mean, median = groups["volume"].rolling(30).mean(), groups["adj_close"].rolling(30).median()
    np.testing.assert_allclose(found["vol_moving_avg"].to_numpy(), mean.to_numpy(), rtol=1e-9)
    np.testing.assert_allclose(found["adj_close_rolling_med"].to_numpy(), median.to_numpy(), rtol=1e-9)
