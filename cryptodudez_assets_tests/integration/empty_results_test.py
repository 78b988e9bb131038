"""Where nothing can be computed there is a table without rows, nothing fails, and rows follow once there is something."""

import io
from datetime import date, timedelta
from pathlib import Path
from zipfile import ZipFile

import polars as pl
import pytest
from rich.console import Console

from cryptodudez_assets.contracts.base import polars_schema
from cryptodudez_assets.derived.upkeep.materialize import materialize, table_specs
from cryptodudez_assets.feature_store.online import open_online_store
from cryptodudez_assets.feature_store.publish import publish_latest
from cryptodudez_assets.features import all_views, topological
from cryptodudez_assets.headless import run_pending
from cryptodudez_assets.lake.exports import export
from cryptodudez_assets.lake.ingest.merge import observations_spec, table_spec
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.models.evaluation.splits import TooFewDays
from cryptodudez_assets.models.signal import training_set
from cryptodudez_assets.models.signal.training import train
from cryptodudez_assets.products import dogecoin, trends
from cryptodudez_assets.settings import Settings
from cryptodudez_assets.simulator import simulate
from cryptodudez_assets.sources import all_sources
from cryptodudez_assets_tests.builders import open_lake, take_in
from cryptodudez_assets_tests.ether import ETHER

pytestmark = pytest.mark.long

COINS = "SNo,Name,Symbol,Date,High,Low,Open,Close,Volume,Marketcap\n"
STOCKS = "symbol,date,open,high,low,close,close_adjusted,volume,split_coefficient\n"
FEW = {
    "bitso_order_book/few.csv": "orderbook_timestamp,book,bid,ask,spread\n2024-05-28T23:08:33+00:00,btc_mxn,99.0,100.0,1.0\n",
    "crypto_prices/a.csv": COINS + "1,Testcoin,TST,2021-01-01 23:59:59,2,1,1.5,1.5,100,1000\n",
    "stock_prices/a.csv": STOCKS + "A,2020-01-02,1.0,2.0,0.5,1.5,1.5,100,1.0\n",
    "stock_market/stocks/A.csv": "Date,Open,High,Low,Close,Adj Close,Volume\n2020-01-02,1,2,0.5,1.5,1.5,100\n",
}
DERIVED = [*(spec for view in all_views().values() for spec in table_specs(view)), training_set.spec_of(ETHER)]


def put(lake: Lake, name: str, text: str) -> None:
    path = Path(lake.settings.lake) / "raw" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def heights(lake: Lake) -> dict[str, int]:
    """Rows of all that is derived; each has the columns of its contract, and a snapshot."""
    found = {}
    for spec in DERIVED:
        rows, table = lake.tables.scan(spec.name), lake.tables.table(spec.name)
        assert rows is not None, spec.name
        assert table.current_snapshot() is not None, spec.name
        assert rows.collect_schema() == pl.Schema(polars_schema(spec.contract)), spec.name
        found[spec.name] = rows.collect().height
    return found


def test_everything_is_made_of_tables_without_rows(lake: Lake, tmp_path: Path) -> None:
    for source in all_sources().values():
        for spec in filter(None, (table_spec(source), observations_spec(source))):
            with lake.tables.changing(spec) as change:
                change.as_result()

    store = open_online_store(f"sqlite:///{tmp_path / 'online.db'}")
    for view in topological(all_views().values()):
        assert materialize(lake, view).rows == 0
        assert materialize(lake, view).rows == 0
        assert publish_latest(lake, view, store) == 0
    store.close()
    assert training_set.update(lake, ETHER)
    with pytest.raises(TooFewDays, match="0 days from the first to the last label"):
        train(lake, ETHER)
    assert dogecoin.carry_out(lake).words
    assert [one.title for one in trends.carry_out(lake).words] == ["Nothing to compare"]
    written = {"symbol": "symbol", "date": "date"}
    assert export(lake, "market.stock_market", written, ["symbol", "date"], "exports/export.parquet", "1") == 0
    assert set(heights(lake).values()) == {0}


def test_a_run_on_too_little_goes_well_and_the_next_rows_follow(tmp_path: Path) -> None:
    lake = open_lake(Settings(home=tmp_path / "home", settle_seconds=0))
    simulate(tmp_path / "samples", "tiny")
    with ZipFile(tmp_path / "samples" / "elon_tweets" / "elon_musk_tweets_2010_2019.zip") as archive:
        tweets = archive.read("elon_musk_tweets/2010.csv").decode()
    for name, text in {**FEW, "elon_tweets/2010.csv": tweets}.items():
        put(lake, name, text)

    said = io.StringIO()
    assert run_pending(lake, list(all_sources()), Console(file=said, width=1000)), said.getvalue()

    few = heights(lake)
    for name in ("market_factors_daily", "eth_sensitivity_daily", "eth_predictors_daily"):
        assert few[f"features.{name}"] == 0
    assert few["ml.eth_training_set"] == 0
    assert "ml.eth_signal" in said.getvalue()
    assert "of ETH there is no day with a candle and features: does market.crypto_prices have ETH?" in said.getvalue()
    assert "6 folds need 860" in said.getvalue()
    assert "Land more price history" in said.getvalue()

    days = [date(2020, 1, 1) + timedelta(days=n) for n in range(120)]
    lines = [
        f"{n},{name},{name},{day} 23:59:59,{2 + n % 7},1,1.5,{1.5 + n % 5 / 10},100,1000\n"
        for name in ("BTC", "ETH")
        for n, day in enumerate(days)
    ]
    put(lake, "crypto_prices/b.csv", COINS + "".join(lines))
    take_in(lake, all_sources()["crypto_prices"])
    for view in topological(all_views().values()):
        materialize(lake, view)
    training_set.update(lake, ETHER)
    more = heights(lake)
    assert more["features.crypto_daily"] == few["features.crypto_daily"] + 240
    assert more["features.market_factors_daily"] > 0
    assert more["features.eth_predictors_daily"] > 0
    assert more["ml.eth_training_set"] == 120
