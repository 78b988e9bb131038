"""One pass on every store: files land, become tables and features, go online, and are served; the receipt leads back to the files."""

from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest
from litestar.testing import TestClient

from cryptodudez_assets.derived.upkeep.materialize import materialize
from cryptodudez_assets.feature_store.online import open_online_store
from cryptodudez_assets.feature_store.publish import publish_latest
from cryptodudez_assets.features import all_views, topological
from cryptodudez_assets.features.declaration import FeatureView
from cryptodudez_assets.lake.lake import now
from cryptodudez_assets.models.explain import explain
from cryptodudez_assets.sources import all_sources
from cryptodudez_assets_tests.builders import open_lake, put, rows_of, take_in
from cryptodudez_assets_tests.ether import NAMES, VIEWS
from cryptodudez_assets_tests.serving_builders import champion
from cryptodudez_assets_tests.stores import Store, other_home
from serving.app import create_app

pytestmark = [pytest.mark.every_store, pytest.mark.core]

DAYS, COINS = 40, ("ETH", "BTC")
SOURCES = {name: all_sources()[name] for name in ("crypto_prices", "stock_prices", "elon_tweets")}
CANDLES = SOURCES["crypto_prices"]


def landed() -> dict[str, bytes]:
    """A file of each source, of the days before today."""
    days = [(now() - timedelta(days=DAYS - number), 100 + number * number % 17) for number in range(DAYS)]
    coins = [
        f"1,{coin},{coin},{day:%F} 23:59:59,{price + 2},{price - 2},{price},{price + 1},1000,1000000"
        for coin in COINS
        for day, price in days
    ]
    stocks = [f"TSLA,{day:%F},{price},{price + 2},{price - 2},{price},{price},1000,1" for day, price in days]
    day, _ = days[-2]
    tweet = f"7,7,{day:%F} 03:04:05,+0000,so it goes,en,elonmusk,x,[],1,1,1"
    return {
        "crypto_prices": text("SNo,Name,Symbol,Date,High,Low,Open,Close,Volume,Marketcap", *coins),
        "stock_prices": text("symbol,date,open,high,low,close,close_adjusted,volume,split_coefficient", *stocks),
        "elon_tweets": text(
            "id,conversation_id,date,timezone,tweet,language,username,link,reply_to,nlikes,nreplies,nretweets", tweet
        ),
    }


def text(*lines: str) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


def made_for(views: Iterable[FeatureView]) -> set[str]:
    """The tables of these views and of all that they are made from."""
    known = {view.table: view for view in all_views().values()}
    names = {view.table for view in views}
    above = {one.table for view in views for one in view.inputs} & known.keys()
    return names | (made_for([known[name] for name in above]) if above else set())


def test_a_file_becomes_a_signal_that_any_home_of_the_lake_explains(store: Store, tmp_path: Path) -> None:
    settings = store.settings(tmp_path / "one")
    lake = open_lake(settings)
    for name, content in landed().items():
        put(lake, "a.csv", content, SOURCES[name])
        take_in(lake, SOURCES[name])
    assert rows_of(lake, CANDLES.table).height == DAYS * len(COINS)

    needed = made_for(VIEWS)
    for view in topological(all_views().values()):
        if view.table in needed:
            materialize(lake, view)
    online = open_online_store(settings.online)
    assert [publish_latest(lake, view, online) for view in VIEWS] == [len(COINS), 1]
    online.close()
    champion(settings)
    with TestClient(create_app(settings)) as client:
        answer = client.get("/signal/eth").json()

    (last,) = (
        rows_of(lake, "features.crypto_daily").filter(pl.col("symbol") == "ETH").sort("event_ts").tail(1).to_dicts()
    )
    told = {
        name.partition("__")[2]: value for name, value in answer["features"].items() if name.startswith("crypto_daily")
    }
    assert told == {name: last[name] for name in told}
    assert len(answer["features"]) == len(NAMES)
    explained = explain(open_lake(other_home(settings, tmp_path / "other")), answer["receipt_id"])
    assert explained.replay.replayed
    assert {one.uri for one in explained.files} == {lake.store.uri(f"raw/{name}/a.csv") for name in SOURCES}
