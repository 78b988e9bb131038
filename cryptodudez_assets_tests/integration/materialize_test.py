"""Feature tables follow their inputs: what is computed anew is only what a change can reach, and equals computing everything."""

from pathlib import Path

import polars as pl
import pytest
from pyiceberg.expressions import AlwaysTrue

from cryptodudez_assets.derived.upkeep.materialize import Materialized, materialize, table_specs
from cryptodudez_assets.features import FeatureView, all_views, topological
from cryptodudez_assets.lake.ingest.cataloguing import catalogue_objects
from cryptodudez_assets.lake.ingest.ingest import ingest
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.landing import land
from cryptodudez_assets.lake.metastore.discovery import discover_all
from cryptodudez_assets.sources import all_sources
from cryptodudez_assets_tests.builders import copy_of, open_lake
from cryptodudez_assets_tests.stores import Store

READ = {"crypto_prices", "elon_tweets", "stock_market", "stock_prices", "bitso_order_book"}
"""The sources whose tables the views read."""
HEADER = "SNo,Name,Symbol,Date,High,Low,Open,Close,Volume,Marketcap\n"


def bring_in(lake: Lake, source: str, *paths: Path) -> None:
    list(land(lake, source, paths))
    catalogue_objects(lake, all_sources()[source], discover_all(lake, source))
    ingest(lake, all_sources()[source])


def bring_up_to_date(lake: Lake) -> dict[str, Materialized]:
    return {view.name: materialize(lake, view) for view in topological(all_views().values())}


def contents(lake: Lake) -> dict[str, pl.DataFrame]:
    found = {}
    for view in all_views().values():
        for spec in table_specs(view):
            rows = lake.tables.scan(spec.name)
            assert rows is not None
            found[spec.name] = rows.sort(*view.key, "event_ts", "known_ts").collect()
    return found


def with_coins(lake: Lake, samples: Path) -> Lake:
    bring_in(lake, "crypto_prices", *(samples / "crypto_prices").iterdir())
    return lake


def one_more_candle(path: Path, day: str) -> Path:
    path.write_text(f"{HEADER}1,Dogecoin,DOGE,{day} 23:59:59,0.5,0.3,0.4,0.45,1000000,9000000\n")
    return path


@pytest.mark.every_store
def test_what_a_landing_reaches_is_computed_anew_and_equals_computing_everything(
    store: Store, tmp_path: Path, tiny_samples: Path
) -> None:
    samples = tiny_samples
    older, newer = (samples / "elon_tweets" / f"elon_musk_tweets{years}.zip" for years in ("_2010_2019", ""))
    candle = one_more_candle(tmp_path / "doge.csv", "2019-07-01")

    stepwise = open_lake(store.settings(tmp_path / "stepwise"))
    for source in sorted(READ - {"elon_tweets"}):
        bring_in(stepwise, source, *(samples / source).iterdir())
    bring_in(stepwise, "elon_tweets", older)
    bring_up_to_date(stepwise)
    bring_in(stepwise, "elon_tweets", newer)
    bring_in(stepwise, "crypto_prices", candle)
    partial = bring_up_to_date(stepwise)

    kept_up = contents(stepwise)
    whole = {view.name: materialize(stepwise, view, full=True) for view in topological(all_views().values())}

    for name, expected in contents(stepwise).items():
        assert kept_up[name].equals(expected, null_equal=True), name
    doge = partial["crypto_daily"].reach
    assert doge is not None
    assert doge.keys is not None
    assert doge.keys["symbol"].to_list() == ["DOGE"]
    assert partial["crypto_daily"].rows < whole["crypto_daily"].rows


def test_nothing_new_computes_nothing(tiny_home: Path, tmp_path: Path) -> None:
    lake = copy_of(tiny_home, tmp_path / "home")
    assert {done.rows for done in bring_up_to_date(lake).values()} == {0}


@pytest.mark.every_store
def test_an_input_that_was_only_rearranged_computes_nothing(lake: Lake, tiny_samples: Path) -> None:
    with_coins(lake, tiny_samples)
    view = all_views()["crypto_daily"]
    materialize(lake, view)
    with lake.tables.rearranging("market.crypto_prices") as change:
        rows = change.rows().collect()
        change.delete(AlwaysTrue()).add(rows)
    assert materialize(lake, view).rows == 0


@pytest.mark.every_store
def test_a_changed_definition_computes_everything(lake: Lake, tiny_samples: Path) -> None:
    with_coins(lake, tiny_samples)
    view = all_views()["crypto_daily"]
    first = materialize(lake, view)
    changed = FeatureView(**{name: value for name, value in vars(view).items() if name != "code_hash"})
    vars(changed)["code_hash"] = "another"
    again = materialize(lake, changed)
    assert again.reach is None
    assert again.rows == first.rows
