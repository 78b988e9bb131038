"""The narrow tables of sample candles, and posts of every source that holds some."""

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from pyiceberg.expressions import EqualTo

from cryptodudez_assets.derived import Frames, all_derived
from cryptodudez_assets.derived.upkeep.day_counts import judge_quality
from cryptodudez_assets.derived.upkeep.gates import Refused
from cryptodudez_assets.derived.upkeep.looking import look
from cryptodudez_assets.derived.upkeep.materialize import materialize
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.landing import land
from cryptodudez_assets.products.exports import exports_of
from cryptodudez_assets.simulator.candles import SOURCE
from cryptodudez_assets.sources import all_sources
from cryptodudez_assets_tests.bitcoin_posts import land_posts, line
from cryptodudez_assets_tests.builders import open_lake, rows_of, take_in
from cryptodudez_assets_tests.stores import S3, Store

CHAIN = ["market.candle_revisions", "market.candles"]
NARROW = ["market.trade_candles", "market.trade_symbols", "market.trade_time"]
OF_POSTS = ["social.tweets_content", "social.tweets_user", "social.tweets_time"]


def test_sample_candles_become_three_tables_with_every_digit(lake: Lake, tiny_samples: Path) -> None:
    list(land(lake, SOURCE, [tiny_samples / SOURCE]))
    take_in(lake, all_sources()[SOURCE])
    for name in (*CHAIN, *NARROW):
        materialize(lake, all_derived()[name])

    first, second, third = (rows_of(lake, name).drop("event_ts") for name in NARROW)
    joined = first.join(second, on="id", validate="1:1").join(third, on="id", validate="1:1")
    found = joined.select("symbol", open_time="datetime", open="open", close="close", n_trades="number_of_trades")
    truth = pl.read_parquet(tiny_samples / "truth" / f"{SOURCE}.parquet").filter("is_final").select(found.columns)
    assert found.sort("symbol", "open_time").equals(truth.sort("symbol", "open_time"))
    assert len(found) > 0
    tables = [all_derived()[name] for name in NARROW]
    assert all(look(lake, table, check).passed for table in tables for check in table.checks)  # type: ignore[union-attr]


def test_candles_that_are_unsound_stay_out_and_a_day_with_few_is_told(lake: Lake, tiny_samples: Path) -> None:
    list(land(lake, SOURCE, [tiny_samples / SOURCE]))
    take_in(lake, all_sources()[SOURCE])
    table = all_derived()["market.trade_candles"]
    for name in (*CHAIN, table.table):
        materialize(lake, all_derived()[name])
    before = rows_of(lake, table.table)
    last = before["event_ts"].max()

    def twice(frames: Frames) -> pl.LazyFrame:
        rows = table.transform(frames)  # type: ignore[misc]
        return pl.concat([rows, rows.head(1)])

    with pytest.raises(Refused, match="rows have a key that another has, such as id binance:"):
        materialize(lake, replace(table, transform=twice), full=True)
    assert rows_of(lake, table.table).equals(before)

    assert table.quality is not None
    assert not judge_quality(lake, table, table.quality).is_poor
    with lake.tables.rearranging(table.table) as change:
        some = change.rows().filter(pl.col("event_ts") == last).head(1).collect()
        change.delete(EqualTo("event_ts", last)).add(some)
    found = judge_quality(lake, table, table.quality)
    assert (found.is_poor, found.rows) == (True, len(some))


def test_all_six_are_files_by_year_and_month_in_a_bucket(s3_endpoint: str, tmp_path: Path, tiny_samples: Path) -> None:
    lake = open_lake(Store(S3, s3_endpoint).settings(tmp_path / "home"))
    list(land(lake, SOURCE, [tiny_samples / SOURCE]))
    land_posts(lake, tmp_path, "posts", [line(0), line(1), line(2)])
    for name in (SOURCE, "bitcoin_tweets"):
        take_in(lake, all_sources()[name])
    for name in (*CHAIN, "social.posts"):
        materialize(lake, all_derived()[name])
    for name in (*NARROW, *OF_POSTS):
        materialize(lake, all_derived()[name])
        (export,) = exports_of([], [all_derived()[name]])
        assert export.write(lake) > 0
        rows = rows_of(lake, name)
        found = {
            one.key.removeprefix(f"{export.key}/"): pl.read_parquet(lake.store.read(one.key))
            for one in lake.store.list(export.key)
            if one.key.endswith(".parquet")
        }
        months = rows.select(pl.col("event_ts").dt.strftime("%Y-%-m")).to_series()
        assert {path: len(part) for path, part in found.items()} == {
            "year={}/month={}/{}.parquet".format(*month.split("-"), name.partition(".")[2]): n
            for month, n in months.value_counts().iter_rows()
        }
        columns = [one for one in rows.columns if one not in ("event_ts", "year", "month")]
        told = pl.concat(found.values()).select(columns)
        assert told.sort("id").equals(rows.select(columns).sort("id"))


def test_posts_are_of_all_sources_and_the_newest_look_counts(lake: Lake, tmp_path: Path) -> None:
    answer = tmp_path / "answer.json"
    answer.write_text(
        '{"data": [{"id": "2", "text": "of X", "created_at": "2021-01-31T12:00:00.000Z", "author_id": "5",'
        ' "public_metrics": {"like_count": 9, "retweet_count": 1, "reply_count": 0, "quote_count": 0}}],'
        ' "includes": {"users": [{"id": "5", "username": "somebody", "public_metrics": {"followers_count": 3}}]},'
        ' "meta": {"result_count": 1}}'
    )
    land_posts(lake, tmp_path, "a", [line(0), line(1)])
    take_in(lake, all_sources()["bitcoin_tweets"])
    posts = all_derived()["social.posts"]
    materialize(lake, posts)
    list(land(lake, "x_posts", [answer]))
    take_in(lake, all_sources()["x_posts"])
    materialize(lake, posts)
    found = rows_of(lake, "social.posts").sort("id")
    columns = ["id", "source", "user", "favorite_count", "followers_count"]
    assert found.select(columns).rows() == [
        (1, "bitcoin_tweets", "somebody", 0, 7),
        (2, "x_posts", "somebody", 9, 3),
    ]
