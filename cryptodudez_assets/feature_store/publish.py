"""From the feature tables to the online store."""

import polars as pl

from cryptodudez_assets.feature_store.online import OnlineStore
from cryptodudez_assets.features.declaration import FeatureView
from cryptodudez_assets.lake.lake import Lake, now


def publish_latest(lake: Lake, view: FeatureView, store: OnlineStore) -> int:
    """Write the latest row of each key that may still be served; returns how many. Doing it again changes nothing.

    Rows older than the newest of the view by more than its `ttl` are expired whenever anybody asks, so they are not
    even read; rows, and versions of rows, that cannot be known yet wait.
    """
    rows = lake.tables.scan(view.history)
    if rows is None:
        return 0
    known = rows.filter(pl.col("known_ts") <= pl.lit(now()))
    newest = known.select(pl.col("event_ts").max()).collect().item()
    if newest is None:
        return 0
    current = known.filter(pl.col("event_ts") >= pl.lit(newest - view.ttl)).sort("event_ts", "known_ts")
    latest = current.unique(view.key, keep="last", maintain_order=True) if view.key else current.tail(1)
    found = latest.collect()
    store.write(view, found)
    return len(found)
