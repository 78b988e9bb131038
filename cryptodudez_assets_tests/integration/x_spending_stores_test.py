"""The budget at X is the same on SQLite and PostgreSQL, for several processes at once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cryptodudez_assets.lake.store.database import open_database
from cryptodudez_assets.venues.x.asking import Kind, Query
from cryptodudez_assets.venues.x.protocol import DOLLAR, POST_MICROS, USER_MICROS
from cryptodudez_assets.venues.x.spending import TABLES, Call, OverBudget, Spending

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)
WORST = Query(Kind.TIMELINE, "44196397", with_users=True).worst
BUDGET = 3 * DOLLAR


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    is_sqlite = request.param == "sqlite"
    return f"sqlite:///{tmp_path / 'spending.db'}" if is_sqlite else str(request.getfixturevalue("database"))


def opened(url: str) -> Spending:
    return Spending(open_database(url, TABLES, "x_spending"), BUDGET, lambda: NOON)


def test_many_at_once_keep_back_no_more_than_there_is_and_pay_for_a_post_once(url: str):
    with ThreadPoolExecutor(4) as threads:
        all_of_them = list(threads.map(lambda _: opened(url), range(4)))

        def reserved(number: int) -> Call | None:
            try:
                return all_of_them[number % 4].reserve(f"page {number}", NOON, WORST, 5, 100)
            except OverBudget:
                return None

        calls = [call for call in threads.map(reserved, range(12)) if call]
        standing = all_of_them[0].standing()
        assert BUDGET - WORST(5).micros < standing.pending <= BUDGET
        same = [str(post) for post in range(50)]
        costs = threads.map(
            lambda told: all_of_them[told[0] % 4].settle(told[1], same, ["44196397"], [NOON.date()]), enumerate(calls)
        )
        assert sum(costs) == 50 * POST_MICROS + USER_MICROS

    standing = all_of_them[1].check(60)
    assert (standing.spent, standing.pending) == (50 * POST_MICROS + USER_MICROS, 0)
    assert standing.elsewhere == 10 * POST_MICROS
    lost = all_of_them[2].reserve("lost", NOON, WORST, 5, 100)
    assert all_of_them[3].reserve("lost", NOON, WORST, 5, 100).posts == lost.posts
    assert all_of_them[0].standing().pending == WORST(100).micros
    for one in all_of_them:
        one.close()
