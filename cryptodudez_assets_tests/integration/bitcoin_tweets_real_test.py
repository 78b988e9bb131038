"""The real posts about Bitcoin, from JSON lines to the narrow tables, their exports, and the study of mood."""

from pathlib import Path

import polars as pl
import pytest

from cryptodudez_assets.contracts.rules import assert_holds
from cryptodudez_assets.derived import all_derived
from cryptodudez_assets.derived.upkeep.materialize import materialize
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.landing import land
from cryptodudez_assets.products import mood
from cryptodudez_assets.products.exports import exports_of
from cryptodudez_assets.settings import Settings
from cryptodudez_assets.sources import all_sources
from cryptodudez_assets.studies.mood.contract import MoodStudy
from cryptodudez_assets_tests.builders import files, open_lake, rows_of, take_in

SOURCE = all_sources()["bitcoin_tweets"]
READ, POSTS, REPEATS = 10_891, 10_619, 272
RETWEETS, OF_POSTS = 5_290, 5_158
NARROW = ["social.tweets_content", "social.tweets_user", "social.tweets_time"]
LISTED = {
    "tweets_content": ["id", "text", "favorite_count", "retweet_count"],
    "tweets_user": ["id", "user", "followers_count"],
    "tweets_time": ["id", "datetime", "year", "month", "weekday", "week_of_year"],
}


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory, real_data: Path) -> Lake:
    opened = open_lake(Settings(home=tmp_path_factory.mktemp("home"), settle_seconds=0))
    list(land(opened, SOURCE.name, sorted((real_data / "bitcoin_tweets").glob("*.json"))))
    take_in(opened, SOURCE)
    for name in ("social.posts", *NARROW, "social.mood_daily"):
        materialize(opened, all_derived()[name])
    return opened


def test_every_line_is_a_post_or_a_repeat(lake: Lake) -> None:
    counts = files(lake, SOURCE).select(pl.col("rows_read", "rows_valid", "rows_quarantined", "rows_duplicate").sum())
    assert counts.row(0) == (READ, POSTS, 0, REPEATS)
    posts, seen = rows_of(lake, "social.bitcoin_tweets"), rows_of(lake, "social.bitcoin_tweet_observations")
    assert (len(seen), seen["is_retweet"].sum(), posts["is_retweet"].sum()) == (READ, RETWEETS, OF_POSTS)
    assert posts.filter(pl.col("is_retweet"))["text"].str.starts_with("RT @").all()
    assert_holds(SOURCE.contract, posts)


def test_each_row_finds_one_row_in_its_sisters(lake: Lake) -> None:
    ids = [rows_of(lake, name)["id"].sort() for name in NARROW]
    assert [len(one) for one in ids] == [POSTS] * 3
    assert all(one.is_unique().all() and one.equals(ids[0]) for one in ids)


def test_exports_lie_in_folders_by_year_and_month_with_the_listed_columns(lake: Lake) -> None:
    tables = [all_derived()[name] for name in NARROW]
    for one in exports_of([], tables):
        assert one.write(lake) == POSTS
        folder = lake.settings.home / "exports" / one.name
        paths = [str(path.relative_to(folder)) for path in folder.rglob("*.parquet")]
        assert paths == [f"year=2019/month=10/{one.name}.parquet"]
        rows = pl.read_parquet(folder / paths[0], hive_partitioning=False)
        assert rows.columns == LISTED[one.name]
        assert len(rows) == POSTS


def test_the_study_says_what_four_days_can_carry(lake: Lake) -> None:
    days = rows_of(lake, "social.mood_daily")
    assert days["n_posts"].sum() == POSTS
    assert len(days) == 4
    told = mood.carry_out(lake)
    assert rows_of(lake, mood.MOOD.name).is_empty()
    assert "There are no prices" in told.words[0].paragraphs[-1]
    assert_holds(MoodStudy, rows_of(lake, mood.MOOD.name))
