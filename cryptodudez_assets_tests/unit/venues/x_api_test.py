"""What X's refusals mean: what is worth another attempt, when, and what ends it all; and what its answers say of limits."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from cryptodudez_assets.venues.pages import Answer, Request
from cryptodudez_assets.venues.x import answers
from cryptodudez_assets.venues.x.api import UNTOLD_WAIT, judge
from cryptodudez_assets.venues.x.asking import Kind, Query
from cryptodudez_assets.venues.x.protocol import (
    USAGE,
    NotUnderstood,
    days_between,
    rate_limit,
    read_page,
    read_usage,
)

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)
TIMELINE = Request("users/44196397/tweets")


def answer(status: int, body: bytes | dict[str, Any], request: Request = TIMELINE, **headers: str) -> Answer:
    told = body if isinstance(body, bytes) else json.dumps(body).encode()
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(request, "", status, names, told, NOON, NOON, NOON)


LIMIT = {
    "x_rate_limit_limit": "300",
    "x_rate_limit_remaining": "0",
    "x_rate_limit_reset": str(int(NOON.timestamp()) + 40),
}
CAPPED_BY_TYPE = {"type": "https://api.twitter.com/2/problems/usage-capped", "detail": "Usage cap exceeded"}
REFUSALS = {
    "too many": (answer(429, answers.TOO_MANY, **LIMIT), True, 40, False),
    "too many, in the words of version 1": (
        answer(429, {"errors": [{"code": 88, "message": "Rate limit exceeded"}]}, **LIMIT), True, 40, False,
    ),
    "too many, without a word until when": (answer(429, b"<html>"), True, UNTOLD_WAIT, False),
    "no more this month": (answer(429, answers.CAPPED, **LIMIT), False, None, True),
    "no more this month, by its type": (answer(429, CAPPED_BY_TYPE), False, None, True),
    "a wrong token": (answer(401, answers.UNAUTHORIZED), False, None, True),
    "no credit": (answer(402, answers.problem(402, "Payment Required", "no credits")), False, None, True),
    "not for this account": (answer(403, answers.problem(403, "Forbidden", "not in your product")), False, None, False),
    "no such path": (answer(404, answers.problem(404, "Not Found", "")), False, None, False),
    "a wrong question": (answer(400, answers.invalid("query", "(", "unbalanced")), False, None, False),
    "a broken server": (answer(503, answers.UNAVAILABLE), True, None, False),
    "a broken proxy": (answer(502, b"<html>Bad gateway</html>"), True, None, False),
    "an answer that is cut off": (answer(200, b'{"data":[{"id":"1"'), True, None, False),
    "an answer of something else": (answer(200, b'{"hello":"world"}'), False, None, False),
    "a page of a network's login": (answer(200, b"<html>Log in</html>"), True, None, False),
    "usage as other products have it": (
        answer(200, b'{"data":{"daily_project_usage":[]}}', Request(USAGE)), False, None, False,
    ),
    "nobody of that number": (answer(200, {"errors": [answers.not_found("user", "id", "1")]}), False, None, False),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSALS)
def test_a_refusal_is_repeated_only_where_that_may_help(name: str):
    refused, again, after, for_all = REFUSALS[name]
    trouble = judge(refused)
    assert trouble is not None
    assert (trouble.again, trouble.after, trouble.for_all) == (again, after, for_all)
    assert trouble.reason


def test_an_empty_page_is_an_answer():
    assert judge(answer(200, {"meta": {"result_count": 0}})) is None


def test_usage_is_read_whether_numbers_are_texts_or_not():
    days = [{"date": f"2026-{month}-27T00:00:00.000Z", "usage": usage} for month, usage in [("10", "7"), ("11", 5)]]
    told = {"project_usage": "12", "cap_reset_day": 10, "daily_project_usage": {"project_id": "1", "usage": days}}
    usage = read_usage(json.dumps({"data": told}).encode())
    assert (usage.project_usage, usage.posts_in(NOON.date())) == (12, 5)
    with pytest.raises(NotUnderstood):
        read_usage(b'{"data":{"daily_project_usage":[{"date":"2024-01-15"}]}}')


def test_everything_that_a_page_tells_is_paid_for():
    page = {"data": [{"id": "1"}], "includes": {"users": [{"id": "2"}], "tweets": [{"id": "3"}]}, "meta": {}}
    read = read_page(json.dumps(page).encode())
    assert (read.posts_read, read.users_read) == (["1", "3"], ["2"])


def test_a_request_at_midnight_is_of_two_days():
    late = NOON.replace(hour=23, minute=59, second=59)
    assert [day.day for day in days_between(late, late.replace(day=28, hour=0))] == [27, 28]


@pytest.mark.parametrize(("kind", "asked"), [(Kind.TIMELINE, "elonmusk"), (Kind.RECENT, "a" * 513), (Kind.ALL, "")])
def test_what_x_would_not_take_is_no_query(kind: Kind, asked: str):
    with pytest.raises(ValueError, match=r"expected digits|X takes 1 to"):
        Query(kind, asked)


def test_queries_and_series_are_told_from_each_other():
    queries = [
        Query(Kind.ALL, "from:elonmusk dogecoin"),
        Query(Kind.ALL, "from elonmusk dogecoin"),
        Query(Kind.RECENT, "ドージ"),
    ]
    series = [query.series() for query in queries]
    assert [Query.of(one) for one in series] == queries
    assert len({one.name for one in series}) == 3


@pytest.mark.parametrize(
    "told",
    [("300", "1", "9" * 400), ("0", "0", "1"), ("-9", "-9", "1"), ("9" * 400, "1", "1"), ("", "", "")],
    ids=["a time that is none", "no request at all", "less than none", "a limit that is none", "nothing"],
)
def test_headers_without_sense_tell_no_limit(told: tuple[str, str, str]):
    assert rate_limit(told, NOON) is None


def test_what_is_left_is_within_the_limit():
    ends = str(int(NOON.timestamp()) + 40)
    assert rate_limit(["300", "-5", ends], NOON) == (300, 0, 40)
    assert rate_limit(["300", "9999999999999999999999", ends], NOON) == (300, 300, 40)
