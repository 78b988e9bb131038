"""The budget at X: what a call may cost is kept back before it, what was read is paid for once a day, and no process spends alone."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cryptodudez_assets.lake.store.database import open_database
from cryptodudez_assets.venues.x.asking import Kind, Query, Worst
from cryptodudez_assets.venues.x.protocol import DOLLAR, POST_MICROS, USER_MICROS
from cryptodudez_assets.venues.x.spending import TABLES, OverBudget, Spending

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)
TODAY = NOON.date()
LONG_AGO = datetime(2026, 11, 1, tzinfo=UTC)


def posts_only(posts: int) -> Worst:
    return Worst(posts, 0)


class Clock:
    """A clock that tests turn."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'spending.db'}"


def opened(url: str, dollars: float, clock: Clock) -> Spending:
    return Spending(open_database(url, TABLES, "x_spending"), int(dollars * DOLLAR), clock)


@pytest.fixture
def spending(url: str, clock: Clock) -> Spending:
    return opened(url, 1.0, clock)


def test_what_a_call_may_cost_is_kept_back_and_then_what_it_came_to_is_spent(spending: Spending):
    call = spending.reserve("a", LONG_AGO, posts_only, 5, 100)
    assert (call.posts, spending.standing().pending) == (100, 100 * POST_MICROS)

    cost = spending.settle(call, ["1", "2", "2"], ["9"], [TODAY])

    assert cost == 2 * POST_MICROS + USER_MICROS
    standing = spending.standing()
    assert (standing.spent, standing.pending, standing.left) == (cost, 0, DOLLAR - cost)


def test_two_processes_spend_one_budget(url: str, clock: Clock):
    one, other = opened(url, 0.75, clock), opened(url, 0.75, clock)
    one.reserve("a", LONG_AGO, posts_only, 5, 100)

    assert other.reserve("b", LONG_AGO, posts_only, 5, 100).posts == 50
    with pytest.raises(
        OverBudget, match=r"may cost \$0\.025: \$0\.00 of \$0\.75 spent, \$0\.75 kept back .* \$0\.00 left in 2026-11"
    ):
        one.reserve("c", LONG_AGO, posts_only, 5, 100)


def test_the_same_post_is_paid_for_once_a_day_and_again_on_the_next(spending: Spending, clock: Clock):
    first = spending.settle(spending.reserve("a", LONG_AGO, posts_only, 5, 10), ["1"], [], [TODAY])
    again = spending.settle(spending.reserve("b", LONG_AGO, posts_only, 5, 10), ["1"], [], [TODAY])
    clock.now += timedelta(days=1)
    tomorrow = spending.settle(spending.reserve("a", LONG_AGO, posts_only, 5, 10), ["1"], [], [clock.now.date()])

    assert (first, again, tomorrow) == (POST_MICROS, 0, POST_MICROS)


def test_at_midnight_only_what_was_paid_for_on_both_days_is_free(spending: Spending):
    spending.settle(spending.reserve("a", LONG_AGO, posts_only, 5, 10), ["1"], [], [TODAY])

    over = spending.settle(
        spending.reserve("b", LONG_AGO, posts_only, 5, 10), ["1"], [], [TODAY, TODAY + timedelta(days=1)]
    )

    assert over == POST_MICROS


def test_a_call_without_an_answer_stays_kept_back_until_it_is_asked_again_that_day(spending: Spending, clock: Clock):
    spending.reserve("a", LONG_AGO, posts_only, 5, 100)
    spending.reserve("a", LONG_AGO, posts_only, 5, 100)  # the one before was killed: what X counted then is free now
    assert spending.standing().pending == 100 * POST_MICROS

    clock.now += timedelta(days=1)
    spending.reserve("a", LONG_AGO, posts_only, 5, 100)

    assert spending.standing().pending == 200 * POST_MICROS


def test_a_lost_call_is_asked_again_with_the_money_that_was_kept_back_for_it(url: str, clock: Clock):
    spending = opened(url, 0.5, clock)
    spending.reserve("a", LONG_AGO, posts_only, 5, 100)

    assert spending.reserve("a", LONG_AGO, posts_only, 5, 100).posts == 100


def test_a_lost_call_is_covered_only_by_one_that_asks_for_as_much(spending: Spending):
    spending.reserve("a", LONG_AGO, posts_only, 5, 100)
    spending.reserve("a", NOON, posts_only, 5, 100)  # what the other may have read before noon is not asked for
    assert spending.standing().pending == 200 * POST_MICROS
    with pytest.raises(OverBudget):  # and neither covers what was a larger page
        spending.reserve("a", LONG_AGO, posts_only, 5, 90)
    spending.reserve("a", LONG_AGO, posts_only, 5, 100)
    assert spending.standing().pending == 100 * POST_MICROS


def test_what_x_counts_beyond_ours_is_spent_as_well(spending: Spending):
    spending.settle(spending.reserve("a", LONG_AGO, posts_only, 5, 10), ["1", "2"], [], [TODAY])

    standing = spending.check(150)

    assert standing.elsewhere == 148 * POST_MICROS
    assert spending.check(3).elsewhere == 148 * POST_MICROS  # what X counted does not become less
    assert "$0.74 read elsewhere with this account" in standing.told
    with pytest.raises(OverBudget):
        spending.reserve("b", LONG_AGO, posts_only, 100, 100)


def test_a_month_begins_with_a_whole_budget(url: str, clock: Clock):
    spending = opened(url, 0.05, clock)
    spending.settle(spending.reserve("a", LONG_AGO, posts_only, 5, 10), map(str, range(10)), [], [TODAY])
    with pytest.raises(OverBudget):
        spending.reserve("b", LONG_AGO, posts_only, 5, 10)

    clock.now = datetime(2026, 12, 1, tzinfo=UTC)

    assert spending.reserve("b", LONG_AGO, posts_only, 5, 10).posts == 10


def test_a_page_is_as_large_as_can_be_paid_for(url: str, clock: Clock):
    spending = opened(url, 0.30, clock)
    search = Query(Kind.RECENT, "bitcoin", with_users=True)

    assert spending.reserve("a", LONG_AGO, search.worst, 10, 100).posts == 20  # with as many users


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from("abc"),
            st.booleans(),
            st.sets(st.integers(0, 60), max_size=20),
            st.integers(0, 40),
            st.booleans(),
        ),
        max_size=30,
    )
)
def test_no_order_of_calls_kills_and_days_costs_more_than_the_budget(tmp_path_factory, events):
    """X's own count, of pages that stay the same for a day, asked for by processes that may be killed behind the call."""
    clock = Clock()
    url = f"sqlite:///{tmp_path_factory.mktemp('home') / 'spending.db'}"
    processes = [opened(url, 0.6, clock) for _ in range(2)]
    paid: set[tuple[date, str, int]] = set()
    pages: dict[tuple[str, date], set[int]] = {}
    for question, other, posts, hours, is_killed in events:
        clock.now = min(clock.now + timedelta(hours=hours), datetime(2026, 11, 30, 23, tzinfo=UTC))
        day = clock.now.date()
        spending = processes[other]
        try:
            call = spending.reserve(f"{question} {day}", LONG_AGO, posts_only, 5, 20)
        except OverBudget:
            continue
        page = pages.setdefault((question, day), {*sorted(posts)[: call.posts]})
        paid |= {(day, question, one) for one in page}
        if not is_killed:
            spending.settle(call, [f"{question}{one}" for one in page], [], [day])
        ours = spending.standing()
        assert POST_MICROS * len(paid) <= ours.spent + ours.pending <= ours.budget
