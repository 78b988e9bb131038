"""Feast over a lake: its API gives the values that ours gives, and knows of every declared view."""

import subprocess
import sys
import time
import urllib.request
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from cryptodudez_assets_tests.builders import copy_of, open_lake

pytest.importorskip("feast", reason="no Feast: the extra `feast` is not installed")

from cryptodudez_assets.feature_store.feast_plugin import online as feast_online
from cryptodudez_assets.feature_store.feast_plugin.online import NotFeastsToWrite
from cryptodudez_assets.feature_store.feast_plugin.repo import feature_store, write_repo
from cryptodudez_assets.feature_store.historical import historical_features
from cryptodudez_assets.feature_store.online import open_online_store
from cryptodudez_assets.feature_store.publish import publish_latest
from cryptodudez_assets.features import all_views
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.settings import Settings
from cryptodudez_assets_tests.integration.conftest import free_ports
from cryptodudez_assets_tests.toy_views import MOOD, T0, WEATHER, after, row, rows
from cryptodudez_assets_tests.toy_views import store as put

each_view = pytest.mark.parametrize("view", all_views().values(), ids=lambda view: view.name)


@pytest.fixture(scope="module")
def sampled(tiny_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """A lake of samples with all features, in the online store too."""
    lake = copy_of(tiny_home, tmp_path_factory.mktemp("feast") / "home")
    online = open_online_store(lake.settings.online)
    for view in all_views().values():
        publish_latest(lake, view, online)
    online.close()
    return lake


@pytest.fixture(scope="module")
def feast_store(sampled: Lake) -> Any:
    return feature_store(sampled.settings)


@pytest.fixture
def toys(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Lake:
    """A lake with views of every type of feature and of key."""
    for view in (WEATHER, MOOD):
        monkeypatch.setitem(all_views(), view.name, view)
    lake = open_lake(settings)
    put(lake, WEATHER, row(0), row(1, 3, count=None, words="later"), row(2, number=2, wet=None))
    put(lake, MOOD, row(0, mood=0.25))
    return lake


def some_of(lake: Lake, view: Any, count: int = 300) -> pl.DataFrame:
    """Keys of a view at times around those at which something of it happened or became known."""
    table = lake.tables.scan(view.history)
    assert table is not None
    found = table.select(*view.key, "event_ts", "known_ts").collect().sample(count, with_replacement=True, seed=7)
    shift = pl.int_range(pl.len()).hash(3) % 5 * timedelta(hours=7)
    return found.select(
        *view.key, event_timestamp=pl.max_horizontal("event_ts", "known_ts") + shift - timedelta(hours=7)
    )


def test_the_registry_lists_every_view_as_declared(feast_store: Any) -> None:
    listed = {view.name: view for view in feast_store.list_feature_views()}
    assert sorted(listed) == sorted(all_views())
    for name, view in all_views().items():
        assert [field.name for field in listed[name].features] == view.features
        assert all(field.description for field in listed[name].features)
        assert (listed[name].ttl, listed[name].owner) == (view.ttl, view.owner)
        assert listed[name].description == view.description
        assert listed[name].tags.items() >= {"version": view.code_hash, **view.tags}.items()
        assert [field.name for field in listed[name].entity_columns if field.name in view.key] == list(view.key)


def test_what_is_not_declared_any_more_leaves_the_registry(toys: Lake) -> None:
    assert {"weather", "mood"} <= {view.name for view in feature_store(toys.settings).list_feature_views()}
    all_views().pop("weather")
    again = feature_store(toys.settings)
    assert "weather" not in {view.name for view in again.list_feature_views()}
    assert "place" not in {entity.name for entity in again.list_entities()}


@each_view
def test_training_data_are_ours(sampled: Lake, feast_store: Any, view: Any) -> None:
    entities = some_of(sampled, view)
    ours = historical_features(sampled, [view], entities, [view.name], time="event_timestamp").frame
    refs = [f"{view.name}:{name}" for name in view.features]
    found = feast_store.get_historical_features(entities.to_pandas(), refs, full_feature_names=True)
    table = pl.DataFrame(found.to_arrow())
    assert table.columns == ours.columns
    assert table.equals(ours.cast(dict(table.schema)), null_equal=True)
    assert any(column.is_not_null().any() for column in ours.select(pl.exclude(entities.columns)))
    assert found.to_df().shape == ours.shape


def test_several_views_at_once_without_full_names_by_sql(sampled: Lake, feast_store: Any) -> None:
    text = "select symbol, 'elonmusk' as author, event_ts as event_timestamp, close as label from market.crypto_prices"
    refs = ["crypto_daily:return_7d", "market_factors_daily:breadth", "tweet_daily:n_tweets"]
    found = feast_store.get_historical_features(text, refs).to_df()
    assert list(found.columns) == ["symbol", "author", "event_timestamp", "label", "return_7d", "breadth", "n_tweets"]
    assert found[["return_7d", "breadth", "n_tweets"]].notna().any().all()


def test_a_view_may_be_joined_by_other_columns(sampled: Lake, feast_store: Any) -> None:
    daily = feast_store.get_feature_view("crypto_daily")
    from feast import FeatureService

    service = FeatureService(
        name="pairs",
        features=[
            daily[["close"]].with_name("base").with_join_key_map({"symbol": "left"}),
            daily[["close"]].with_name("quote").with_join_key_map({"symbol": "right"}),
        ],
    )
    entities = (
        some_of(sampled, all_views()["crypto_daily"]).rename({"symbol": "left"}).with_columns(right=pl.lit("ETH"))
    )
    feast_store.apply([service])
    found = pl.DataFrame(
        feast_store.get_historical_features(entities.to_pandas(), service, full_feature_names=True).to_arrow()
    )
    for name, key in (("base", "left"), ("quote", "right")):
        asked = entities.select("event_timestamp", symbol=pl.col(key))
        ours = historical_features(sampled, all_views().values(), asked, ["crypto_daily:close"], time="event_timestamp")
        assert found[f"{name}__close"].equals(ours.frame["crypto_daily__close"], check_names=False, null_equal=True)
    assert found["base__close"].is_not_null().any()


def test_every_type_comes_through_offline(toys: Lake) -> None:
    entities = pl.DataFrame(
        [
            {"place": "Oslo", "number": n, "event_timestamp": after(days)}
            for n, days in ((1, 0), (1, 2.9), (1, 3), (2, 3))
        ]
    )
    ours = historical_features(toys, [WEATHER], entities, ["weather"], time="event_timestamp").frame
    refs = [f"weather:{name}" for name in WEATHER.features]
    job = feature_store(toys.settings).get_historical_features(entities.to_pandas(), refs, full_feature_names=True)
    found = pl.DataFrame(job.to_arrow())
    assert found["weather__words"].to_list() == ["grey", "grey", "later", "grey"]
    assert found.equals(ours.cast(dict(found.schema)), null_equal=True)


def test_no_entities_is_refused_in_words(feast_store: Any) -> None:
    with pytest.raises(ValueError, match="entity_df with keys and event_timestamp"):
        feast_store.get_historical_features(None, ["crypto_daily:close"], start_date=datetime(2019, 1, 1, tzinfo=UTC))
    missing = pl.DataFrame({"event_timestamp": [T0]}).to_pandas()
    with pytest.raises(KeyError, match="lack symbol"):
        feast_store.get_historical_features(missing, ["crypto_daily:close"]).to_df()


def test_rows_of_a_range(toys: Lake) -> None:
    store = feature_store(toys.settings)
    source = store.get_feature_view("weather").batch_source
    offline = store._get_provider().offline_store
    asked = (store.config, source, ["place", "number"], ["words"], "event_ts", "known_ts")
    assert offline.pull_all_from_table_or_query(*asked, after(0), after(1)).to_df()["words"].to_list() == [
        "grey",
        "later",
    ]
    assert offline.pull_all_from_table_or_query(*asked).to_arrow().num_rows == 3
    early = offline.pull_latest_from_table_or_query(*asked, after(0), after(2)).to_df()
    assert early[["number", "words"]].values.tolist() == [[1, "grey"], [2, "grey"]]
    late = offline.pull_latest_from_table_or_query(*asked, after(0), after(3)).to_df()
    assert sorted(late["words"]) == ["grey", "later"]


@each_view
def test_online_features_are_ours_at_the_same_instant(
    sampled: Lake, feast_store: Any, view: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The samples are years old, and a TTL counts to the wall clock: the clock is set back to when the last row became known."""
    rows = sampled.tables.scan(view.table)
    assert rows is not None
    latest = rows.collect()
    last = latest["known_ts"].max()
    monkeypatch.setattr(feast_online, "now", lambda: last)
    keys = latest.select(view.key).unique().head(50).to_dicts() if view.key else [{"nobody": "x"}]
    store = open_online_store(sampled.settings.online)
    ours = store.read(view, keys, view.features, last)
    store.close()
    refs = [f"{view.name}:{name}" for name in view.features]
    found = feast_store.get_online_features(refs, keys).to_dict()
    # Counts of tweets of long ago are known only since they landed, when the tweets are too old to be served.
    assert any(one["event_ts"] for one in ours) == bool((latest["event_ts"] >= last - view.ttl).any())
    for name in view.features:
        assert found[name] == [as_feast_has_it(one[name]) for one in ours], name


def as_feast_has_it(value: object) -> object:
    """It has no dates."""
    return datetime(value.year, value.month, value.day, tzinfo=UTC) if type(value) is date else value


def test_what_is_too_old_for_the_wall_clock_is_not_served(feast_store: Any) -> None:
    found = feast_store.get_online_features(["crypto_daily:close"], [{"symbol": "ETH"}, {"symbol": "NOBODY"}])
    assert found.to_dict()["close"] == [None, None]


def test_every_type_comes_through_online_but_parts_of_a_second(toys: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feast_online, "now", lambda: after(3))
    online = open_online_store(toys.settings.online)
    online.write(WEATHER, rows(WEATHER, row(1, seen=after(1) + timedelta(microseconds=5))))
    online.close()
    refs = [f"weather:{name}" for name in WEATHER.features]
    keys = [{"place": "Oslo", "number": 1}, {"place": "Rome", "number": 1}]
    found = feature_store(toys.settings).get_online_features(refs, keys).to_dict()
    expected = row(1, seen=after(1))
    assert found["day"][0].date() == expected["day"]
    for name in {*WEATHER.features} - {"day"}:
        assert found[name] == [expected[name], None], name


def test_writing_is_left_to_the_assets(feast_store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotFeastsToWrite, match="published to the online store by its asset"):
        feast_store.materialize(datetime(2015, 1, 1, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC), ["crypto_daily"])


def test_feast_ui_starts_on_the_written_folder(sampled: Lake, tmp_path: Path) -> None:
    pytest.importorskip("grpc_reflection", reason="`feast ui` needs feast[grpcio]")
    write_repo(sampled.settings, tmp_path / "repo")
    (port,) = free_ports(1)
    command = [sys.executable, "-m", "feast.cli.cli", "ui", "-h", "127.0.0.1", "-p", str(port)]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=tmp_path / "repo")
    try:
        url = f"http://127.0.0.1:{port}"
        assert b"<html" in answer(url, process, tmp_path / "log")
        listed = answer(f"{url}/api/v1/feature_views?project=cryptodudez", process, tmp_path / "log")
        assert all(f'"{name}"'.encode() in listed for name in all_views())
    finally:
        process.kill()
        process.wait()


def answer(url: str, process: subprocess.Popen[bytes], log: Path) -> bytes:
    deadline = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(url, timeout=10) as response:
                return bytes(response.read())
        except OSError as error:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"no Feast UI came up:\n{log.read_text()[-2000:]}") from error
            time.sleep(0.2)


def test_the_written_folder_can_be_applied(toys: Lake, tmp_path: Path) -> None:
    write_repo(toys.settings, tmp_path / "repo")
    command = [sys.executable, "-m", "feast.cli.cli", "apply"]
    done = subprocess.run(command, cwd=tmp_path / "repo", capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    # The toys are not declared in that process: applying leaves what is.
    assert {view.name for view in feature_store_of(tmp_path / "repo").list_feature_views()} == {*all_views()} - {
        "weather",
        "mood",
    }


def feature_store_of(folder: Path) -> Any:
    from feast import FeatureStore

    return FeatureStore(str(folder))


@pytest.mark.parametrize("module", ["definitions", "cli", "demo", "headless"])
def test_nothing_else_imports_feast(module: str) -> None:
    code = f"import sys, cryptodudez_assets.{module}; sys.exit('feast' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
