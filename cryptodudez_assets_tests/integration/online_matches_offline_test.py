"""For every declared view: what is served online is what a read of the past gives for the same instant."""

from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from cryptodudez_assets.feature_store.historical import historical_features
from cryptodudez_assets.feature_store.online import open_online_store
from cryptodudez_assets.feature_store.publish import publish_latest
from cryptodudez_assets.features import FeatureView, all_views
from cryptodudez_assets.lake.lake import Lake


def newest_knowledge(lake: Lake, view: FeatureView) -> datetime:
    rows = lake.tables.scan(view.history)
    assert rows is not None
    known = rows.select(pl.col("known_ts").max()).collect().item()
    assert isinstance(known, datetime)
    return known


def keys_of(lake: Lake, view: FeatureView) -> pl.DataFrame:
    """All keys of the view, and none for the market as a whole."""
    rows = lake.tables.scan(view.table)
    assert rows is not None
    return rows.select(view.key).unique().sort(view.key).collect() if view.key else pl.DataFrame({"row": [1]})


def is_fresh(lake: Lake, view: FeatureView, at: datetime) -> bool:
    """Whether a row is young enough to be served then: counts of tweets of long ago are known only since they landed."""
    rows = lake.tables.scan(view.table)
    assert rows is not None
    return rows.filter(pl.col("event_ts") >= at - view.ttl).select(pl.len()).collect().item() > 0


@pytest.mark.parametrize("view", all_views().values(), ids=all_views())
def test_online_is_offline_at_the_same_instant(tiny_lake: Lake, tmp_path: Path, view: FeatureView) -> None:
    store = open_online_store(f"sqlite:///{tmp_path / 'online.db'}")
    assert publish_latest(tiny_lake, view, store) > 0
    at, keys = newest_knowledge(tiny_lake, view), keys_of(tiny_lake, view)
    asked = keys.with_columns(event_ts=pl.lit(at, pl.Datetime("us", "UTC")))
    offline = historical_features(tiny_lake, [view], asked, [view.name], with_times=True).frame
    names = [*view.features, "event_ts", "known_ts"]
    expected = [{name: row[f"{view.name}__{name}"] for name in names} for row in offline.iter_rows(named=True)]
    online = store.read(view, keys.select(view.key).to_dicts() if view.key else [{}], view.features, at)
    assert [{name: row[name] for name in names} for row in online] == expected
    assert any(row["event_ts"] for row in online) == is_fresh(tiny_lake, view, at)
    store.close()
