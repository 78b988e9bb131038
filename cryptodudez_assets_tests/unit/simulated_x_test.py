"""The simulated X as a client meets it: pages, limits, prices, jobs and faults, in the words of the real one."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from cryptodudez_assets.simulator.venues.x import Server, x_server
from cryptodudez_assets.venues.x.protocol import (
    LIMIT_HEADERS,
    POST_MICROS,
    USER_MICROS,
    is_spent,
    problem_of,
    read_compliance,
    read_job,
    read_page,
    read_usage,
    time_text,
)

TOKEN = "sesame"  # noqa: S105
ELON = "users/44196397/tweets"
UNTIL = datetime.now(UTC).replace(microsecond=0) - timedelta(days=2)
SINCE = UNTIL - timedelta(days=10)
STRETCH = {"start_time": time_text(SINCE), "end_time": time_text(UNTIL), "tweet.fields": "created_at,author_id"}


@pytest.fixture
def server() -> Iterator[Server]:
    with x_server(token=TOKEN, accounts=3) as server:
        yield server


def asked(server: Server, path: str, token: str = TOKEN, **parameters: str) -> httpx.Response:
    return httpx.get(f"{server.url}/{path}", params=parameters, headers={"Authorization": f"Bearer {token}"}, timeout=5)


def test_pages_of_a_timeline_hold_each_post_once_the_newest_first(server: Server):
    found, token = [], {}
    while True:
        page = read_page(asked(server, ELON, max_results="50", **STRETCH, **token).content)
        found += page.data
        if not page.meta or not page.meta.next_token:
            break
        token = {"pagination_token": page.meta.next_token}

    elon = server.world.accounts["44196397"]
    true = [str(one.id) for one in server.world.posts([elon], SINCE, UNTIL, datetime.now(UTC))]
    assert [one.id for one in found] == true
    assert len(true) > 100
    assert server.bill.micros == POST_MICROS * len(true)


def test_a_search_finds_what_matches_and_tells_who_wrote_it_at_a_price(server: Server):
    parameters = STRETCH | {"query": "from:elonmusk -is:retweet OR the lang:en"}
    page = read_page(asked(server, "tweets/search/all", max_results="10", expansions="author_id", **parameters).content)

    assert {one.author_id for one in page.data} == set(page.users_read)
    assert server.bill.micros == POST_MICROS * 10 + USER_MICROS * len(page.users_read)


def test_every_answer_tells_the_limit_and_the_request_beyond_it_is_refused(server: Server):
    with x_server(accounts=1, limit=2) as small:
        answers = [asked(small, ELON, max_results="5") for _ in range(3)]

    assert [one.status_code for one in answers] == [200, 200, 429]
    assert [one.headers[LIMIT_HEADERS[1]] for one in answers] == ["1", "0", "0"]
    assert "retry-after" not in answers[2].headers
    assert small.limits.refused["timeline"] == 1


def test_what_cannot_be_asked_is_refused_in_words(server: Server):
    assert asked(server, ELON, "wrong").status_code == 401
    few = asked(server, ELON, max_results="3")
    assert few.status_code == 400
    assert "[3] is not between 5 and 100" in problem_of(few.content).told
    assert "10 seconds" in problem_of(asked(server, ELON, end_time=time_text(datetime.now(UTC))).content).told
    assert "is not valid" in problem_of(asked(server, ELON, **{"pagination_token": "abc"}).content).told
    assert "7 days ago" in problem_of(asked(server, "tweets/search/recent", query="a", **STRETCH).content).told
    nobody = asked(server, "users/1/tweets")
    assert nobody.status_code == 200
    assert read_page(nobody.content).errors[0].told == "Not Found Error: Could not find user with id: [1]."


def test_usage_is_told_and_what_is_beyond_the_cap_is_not_sold():
    with x_server(accounts=1, cap=20) as server:
        read = read_page(asked(server, ELON, max_results="20").content)
        usage = read_usage(asked(server, "usage/tweets", **{"usage.fields": "daily_project_usage"}).content)
        capped = asked(server, ELON)

    assert len(read.data) == usage.project_usage == usage.posts_in(datetime.now(UTC).date()) == 20
    assert capped.status_code == 429
    assert is_spent(problem_of(capped.content))


def test_a_compliance_job_tells_which_posts_are_gone(server: Server):
    posts = [one.id for one in read_page(asked(server, ELON, max_results="5").content).data]
    server.world.delete(posts[1], datetime.now(UTC))
    server.world.delete(posts[2], datetime.now(UTC), "scrub_geo")
    authorized = {"Authorization": f"Bearer {TOKEN}"}

    with httpx.Client(timeout=5) as client:
        url = f"{server.url}/compliance/jobs"
        job = read_job(client.post(url, json={"type": "tweets", "name": "mine"}, headers=authorized).content)
        assert client.post(url, json={"type": "tweets"}, headers=authorized).status_code == 409
        assert client.put(job.upload_url, content="\n".join(posts), headers=authorized).status_code == 403
        client.put(job.upload_url, content="\n".join(posts))
        while read_job(client.get(f"{url}/{job.id}", headers=authorized).content).status != "complete":
            pass
        found = [*read_compliance(client.get(job.download_url).content)]

    assert [(one.id, one.reason, one.is_gone) for one in found] == [
        (posts[1], "deleted", True),
        (posts[2], "scrub_geo", False),
    ]
    assert posts[1] not in read_page(asked(server, ELON, max_results="5").content).posts_read


@pytest.mark.parametrize("fault", ["reset", "hang"])
def test_answers_that_never_arrive_are_paid_for(server: Server, fault: str):
    server.force(fault)
    with httpx.Client(timeout=0.3) as client, pytest.raises(httpx.TransportError):
        client.get(f"{server.url}/{ELON}", headers={"Authorization": f"Bearer {TOKEN}"})
    assert server.bill.micros == 10 * POST_MICROS


def test_storms_and_broken_servers_cost_nothing(server: Server):
    for fault in ("429", "5xx"):
        server.force(fault)
        assert asked(server, ELON if fault == "429" else "tweets/search/all", query="a").status_code in {
            429,
            500,
            502,
            503,
            504,
        }
    assert asked(server, ELON).status_code == 429
    assert server.bill.micros == 0


def test_two_searches_of_everything_in_a_second_are_one_too_many(server: Server):
    answers = [asked(server, "tweets/search/all", query="the") for _ in range(2)]
    assert [one.status_code for one in answers] == [200, 429]
