"""Posts that are deleted at X are found by the next pass and handed to whoever removes them, once, and by a killed pass's job, too."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from io import BytesIO
from pathlib import Path

import httpx
import pytest

from cryptodudez_assets.feeds.x import FEED
from cryptodudez_assets.fetching.access import access_of
from cryptodudez_assets.fetching.compliance import Honoured, honour
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.samples import fix_last_day
from cryptodudez_assets.simulator.venues.x import Server, x_server
from cryptodudez_assets.sources import all_sources
from cryptodudez_assets.sources.x_posts import SOURCE
from cryptodudez_assets.venues.http import Failed, Missing
from cryptodudez_assets.venues.pages import Access
from cryptodudez_assets.venues.x.compliance import NAME, ComplianceClient
from cryptodudez_assets.venues.x.protocol import read_job
from cryptodudez_assets_tests.builders import take_in
from cryptodudez_assets_tests.x_home import QUICK, TOKEN, bring, days_ago, landed_posts, open_home


@pytest.fixture
def server() -> Iterator[Server]:
    with x_server(token=TOKEN, accounts=2, posts_a_day=20) as server:
        yield server


@pytest.fixture
def home(tmp_path: Path, server: Server) -> Lake:
    home = open_home(tmp_path / "home", server.url)
    bring(home, days_ago(4), days_ago(2))
    take_in(home, SOURCE)
    return home


def at_once(access: Access) -> ComplianceClient:
    return ComplianceClient(access, first_wait=0.001)


def passed(home: Lake, removed: list[str]) -> Honoured:
    def remove(posts: Sequence[str]) -> list[str]:
        removed.extend(posts)
        return []

    access = replace(access_of(home.settings, FEED), patience=QUICK)
    return honour(home, access, remove, at_once)


def test_what_was_deleted_goes_and_what_lost_its_place_stays(server: Server, home: Lake):
    posts = landed_posts(home)
    at = datetime.now(UTC)
    for post, reason in [
        (posts[0], "deleted"),
        (posts[1], "protected"),
        (posts[2], "scrub_geo"),
        (posts[3], "new one"),
    ]:
        server.world.delete(post, at, reason)
    removed: list[str] = []

    done = passed(home, removed)

    assert sorted(removed) == sorted([posts[0], posts[1], posts[3]])
    assert (done.asked, {one.reason for one in done.gone}) == (len(posts), {"deleted", "protected", "new one"})
    assert sorted(server.jobs.uploads[0]) == sorted(posts)
    assert server.bill.micros == 5_000 * len(posts) + 10_000  # it is free
    assert not server.strangers  # storage never saw the token


@pytest.mark.parametrize("uploaded", [False, True])
def test_the_job_of_a_killed_pass_is_brought_to_its_end(server: Server, home: Lake, uploaded: bool):
    post = landed_posts(home)[0]
    server.world.delete(post, datetime.now(UTC))
    with httpx.Client(headers={"Authorization": f"Bearer {TOKEN}"}) as client:
        told = {"type": "tweets", "name": NAME}
        job = read_job(client.post(f"{server.url}/compliance/jobs", content=json.dumps(told)).content)
    if uploaded:
        httpx.put(job.upload_url, content=post)
    removed: list[str] = []

    passed(home, removed)

    assert removed == [post]
    assert len(server.jobs.all) == 1 + uploaded


def test_the_job_of_somebody_else_is_told(server: Server, home: Lake):
    server.jobs.create("other", server.now())
    with pytest.raises(Failed, match="409: Conflict: You already have a job"):
        passed(home, [])


def test_faults_of_the_way_are_waited_for(server: Server, home: Lake):
    post = landed_posts(home)[0]
    server.world.delete(post, datetime.now(UTC))
    for fault in ("5xx", "truncated", "reset", "truncated"):
        server.force(fault)
    removed: list[str] = []
    passed(home, removed)
    assert removed == [post]


def test_without_a_token_it_says_what_is_missing(tmp_path: Path, server: Server):
    home = open_home(tmp_path / "home", server.url, token=None)
    with pytest.raises(Missing, match="CRYPTODUDEZ_X_TOKEN"):
        passed(home, [])


def test_no_posts_are_no_job(tmp_path: Path, server: Server):
    assert passed(open_home(tmp_path / "home", server.url), []).asked == 0
    assert not server.jobs.all


def test_a_pass_that_dies_over_removing_is_gone_on_with(server: Server, home: Lake):
    """By then the tables may have the post no more, so that nobody would ask about it."""
    posts = landed_posts(home)
    server.world.delete(posts[0], datetime.now(UTC))
    access = replace(access_of(home.settings, FEED), patience=QUICK)

    def die(_: Sequence[str]) -> list[str]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        honour(home, access, die, at_once)
    server.world.delete(posts[0], datetime.now(UTC), "scrub_geo")  # as if nobody asked about it
    removed: list[str] = []
    assert [passed(home, removed).again for _ in range(2)] == [1, 0]

    assert removed == [posts[0]]


def test_what_is_left_of_one_post_keeps_no_other(server: Server, home: Lake):
    """A file that is called like a post, say, is named as left for as long as it is there."""
    posts = landed_posts(home)
    access = replace(access_of(home.settings, FEED), patience=QUICK)
    asked: list[list[str]] = []

    def remove(posts: Sequence[str]) -> list[str]:
        asked.append([*posts])
        return ["the first is still there"] if first in posts else []

    first = posts[0]
    for post in posts[:2]:
        server.world.delete(post, datetime.now(UTC))
        done = honour(home, access, remove, at_once)
        server.world.delete(post, datetime.now(UTC), "scrub_geo")

    assert done.left == ["the first is still there"]
    assert asked == [[first], [first], [posts[1]]]


ARCHIVED = [("date", "2019-04-02 20:16:58"), ("timezone", "+0000"), ("tweet", "Dogecoin rulz"), ("language", "en")]
ARCHIVED += [("username", "elonmusk"), ("link", "https://…"), ("reply_to", "[]")]
ARCHIVED += [("nlikes", "1"), ("nreplies", "2"), ("nretweets", "3")]


def test_posts_of_archives_are_asked_about_too(tmp_path: Path, server: Server):
    """Else one that both tell of would stay in what is made of the archive."""
    home = Lake.open(open_home(tmp_path / "home", server.url).settings, all_sources())
    row = {"id": "1113173498384441344", "conversation_id": "1113173498384441344", **dict(ARCHIVED)}
    home.store.write("raw/elon_tweets/2020.csv", BytesIO(f"{','.join(row)}\n{','.join(row.values())}\n".encode()))
    line = {"id": "1113173498384441345", "date": "Tue Apr 02 20:16:58 +0000 2019", "text": "to the moon", "user": "a"}
    counts = dict.fromkeys(("favorite_count", "retweet_count", "followers_count"), 1)
    home.store.write("raw/bitcoin_tweets/a.json", BytesIO(json.dumps({**line, **counts}).encode()))
    for name in ("elon_tweets", "bitcoin_tweets"):
        take_in(home, all_sources()[name])
    server.world.delete(row["id"], datetime.now(UTC))
    removed: list[str] = []

    done = passed(home, removed)

    assert (done.asked, removed) == (2, [row["id"]])
    assert sorted(server.jobs.uploads[0]) == [row["id"], line["id"]]


def test_of_a_home_of_sample_data_x_is_not_asked(tmp_path: Path):
    home = open_home(tmp_path / "home", "")
    fix_last_day(home.settings, date(2026, 1, 1))
    with pytest.raises(Failed, match="the data of this home are simulated, those of X would be real"):
        passed(home, [])


def test_what_is_waited_for_is_told(server: Server, home: Lake):
    told: list[str] = []
    access = replace(access_of(home.settings, FEED, told.append), patience=QUICK)
    honour(home, access, lambda posts: [], at_once)
    assert [line for line in told if "is in_progress; looked at again in 0 s" in line]
