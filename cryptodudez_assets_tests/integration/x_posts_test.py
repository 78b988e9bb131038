"""Answers of X become posts: recorded ones, and those that tell who wrote."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.sources.x_posts import SOURCE
from cryptodudez_assets.venues.x.protocol import read_page
from cryptodudez_assets_tests.builders import files, rows_of, take_in

Drop = Callable[[str, str, bytes], Path]
POST: dict[str, Any] = {
    "id": "1113173498384441344",
    "text": "Dogecoin rulz",
    "created_at": "2019-04-02T20:16:58.000Z",
    "author_id": "44196397",
    "public_metrics": {"retweet_count": 16539, "reply_count": 1732, "like_count": 138893, "quote_count": 0},
    "referenced_tweets": [{"type": "replied_to", "id": "1113173498384441300"}],
}
USER = {
    "id": "44196397",
    "name": "Elon Musk",
    "username": "elonmusk",
    "public_metrics": {"followers_count": 25_000_000},
}
NAME = "series=user-44196397/20261127T120000Z_20190402T000000Z_20190403T000000Z_20190403T000000Z.json"


def test_a_post_tells_who_wrote_it_and_when_that_was_known(lake: Lake, drop: Drop):
    page = {
        "data": [POST],
        "includes": {"users": [{"id": "1", "username": "other"}, USER]},
        "meta": {"result_count": 1},
    }
    drop("x_posts", NAME, json.dumps(page).encode())
    take_in(lake, SOURCE)

    post = rows_of(lake, "social.x_posts").to_dicts()[0]
    assert (post["author"], post["followers"], post["likes"]) == ("elonmusk", 25_000_000, 138893)
    assert (post["is_reply"], post["is_retweet"]) == (True, False)
    assert post["event_ts"] == datetime(2019, 4, 2, 20, 16, 58, tzinfo=UTC)
    assert post["known_ts"] == datetime(2026, 11, 27, 12, tzinfo=UTC)


def test_of_two_looks_at_a_post_the_later_one_counts_whichever_landed_first(lake: Lake, drop: Drop):
    for told, likes in [("20261127T120000Z", 7), ("20261126T120000Z", 5)]:
        post = POST | {"public_metrics": {**POST["public_metrics"], "like_count": likes}}
        drop("x_posts", NAME.replace("20261127T120000Z", told), json.dumps({"data": [post]}).encode())
        take_in(lake, SOURCE)

    assert rows_of(lake, "social.x_posts")["likes"].to_list() == [7]
    assert sorted(rows_of(lake, "social.x_post_observations")["likes"]) == [5, 7]


@pytest.mark.parametrize("name", ["twitter_v2_search_bitcoin_2021-04-09.json", "python_twitter_v2"])
def test_recorded_answers_parse(lake: Lake, drop: Drop, real_data: Path, name: str):
    there = real_data / "fixtures" / name
    recorded = [there] if there.is_file() else [*there.rglob("search*.json"), *there.rglob("timeline*.json")]
    posts = set()
    for path in recorded:
        posts |= {one.id for one in read_page(path.read_bytes()).data}
        drop("x_posts", path.name, path.read_bytes())
    take_in(lake, SOURCE)

    assert len(posts) >= 10
    assert {str(one) for one in rows_of(lake, "social.x_posts")["id"]} == posts
    assert set(files(lake, SOURCE)["status"]) == {"loaded"}
