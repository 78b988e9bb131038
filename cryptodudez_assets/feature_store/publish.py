"""From the feature tables to the online store: only keys of which something changed are read and written."""

import polars as pl

from cryptodudez_assets.feature_store.online import Bookmark, OnlineStore
from cryptodudez_assets.features.declaration import FeatureView
from cryptodudez_assets.lake.iceberg.changes import changed_rows
from cryptodudez_assets.lake.iceberg.provenance import MadeFrom, content_of, kept
from cryptodudez_assets.lake.iceberg.scan import scan
from cryptodudez_assets.lake.lake import Lake, now


def publish_latest(lake: Lake, view: FeatureView, store: OnlineStore) -> int:
    """Write the latest row of each key that may still be served, and that changed since the last time; returns how many.

    Rows older than the newest of the view by more than its `ttl` are expired whenever anybody asks, so they are not
    even read. Rows, and versions of rows, that cannot be known yet wait: until they are here nothing counts as done, and
    the bookmark says when the first of them can be.
    """
    table = lake.tables.table(view.history)
    snapshot, content = table.current_snapshot() if table else None, content_of(table)
    if table is None or snapshot is None or content is None:
        return 0
    before, at = store.bookmark(view), now()
    if before and before.made.inputs == {view.history: content} and not before.made.is_over(at):
        return 0
    # Of what was brought last some rows may have had to wait, so it is no base to go on from.
    since = kept(table, content_of(table, before.snapshot_id)) if before and before.snapshot_id else None
    rows = _of_changed_keys(lake, view, since, scan(table, snapshot_id=snapshot.snapshot_id), snapshot.snapshot_id)
    known = rows.filter(pl.col("known_ts") <= pl.lit(at))
    newest = known.select(pl.col("event_ts").max()).collect().item()
    found = pl.DataFrame() if newest is None else _latest(view, known, newest)
    if len(found):
        store.write(view, found)
    until = rows.filter(pl.col("known_ts") > pl.lit(at)).select(pl.col("known_ts").min()).collect().item()
    done = snapshot.snapshot_id if until is None else before.snapshot_id if before else None
    store.note_published(view, Bookmark(done, MadeFrom("", {view.history: content}, until)))
    return len(found)


def _of_changed_keys(
    lake: Lake, view: FeatureView, before: int | None, rows: pl.LazyFrame, snapshot_id: int
) -> pl.LazyFrame:
    """The rows of keys with any change since that snapshot; all rows where that cannot be told."""
    changed = changed_rows(lake.tables, view.history, before if view.key else None, snapshot_id, list(view.key))
    if changed is None:
        return rows
    keys = pl.concat([rows.select(view.key).head(0).collect(), *changed]).unique()
    return rows.join(keys.lazy(), on=list(view.key), how="semi", nulls_equal=True)


def _latest(view: FeatureView, known: pl.LazyFrame, newest: object) -> pl.DataFrame:
    current = known.filter(pl.col("event_ts") >= pl.lit(newest) - view.ttl).sort("event_ts", "known_ts")
    latest = current.unique(view.key, keep="last", maintain_order=True) if view.key else current.tail(1)
    return latest.collect()
