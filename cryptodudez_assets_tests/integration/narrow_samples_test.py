"""The narrow tables of sample candles, and posts of every source that holds some."""

from pathlib import Path

import polars as pl

from cryptodudez_assets.derived import all_derived
from cryptodudez_assets.derived.upkeep.looking import look
from cryptodudez_assets.derived.upkeep.materialize import materialize
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.landing import land
from cryptodudez_assets.simulator.candles import SOURCE
from cryptodudez_assets.sources import all_sources
from cryptodudez_assets_tests.bitcoin_posts import land_posts, line
from cryptodudez_assets_tests.builders import rows_of, take_in

CHAIN = ["market.candle_revisions", "market.candles"]
NARROW = ["market.trade_candles", "market.trade_symbols", "market.trade_time"]


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
