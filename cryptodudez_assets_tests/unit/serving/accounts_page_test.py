"""What the page of the accounts makes of numbers: stretches of time, ticks, lines that are cut off, words."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from serving.accounts.data import Picture
from serving.accounts.page import brief, cut_off, exact, render, stretches_of
from serving.dashboard.plot import compact, round_ticks

SATURDAY, SUNDAY = date(2026, 11, 28), date(2026, 11, 29)


def picture(span: str, since: date | None, until: date | None, samples: date | None = None) -> Picture:
    return Picture(span, since, until, [], [], samples)


@pytest.mark.parametrize(
    ("span", "since", "until", "n", "n_over"),
    [
        ("quarter", date(2026, 11, 26), SUNDAY, 4, 4),
        ("year", date(2026, 11, 16), SUNDAY, 2, 2),
        ("year", date(2026, 11, 16), SATURDAY, 2, 1),
        ("all", date(2026, 9, 15), date(2026, 11, 30), 3, 3),
        ("all", date(2026, 9, 15), SUNDAY, 3, 2),
        ("all", SUNDAY, SUNDAY, 1, 0),
        ("all", None, None, 0, 0),
    ],
)
def test_a_chart_has_all_stretches_of_time_that_are_over(span: str, since, until, n: int, n_over: int):
    found = stretches_of(picture(span, since, until))

    assert (len(found.starts), found.n_over) == (n, n_over)
    assert found.starts == sorted(set(found.starts))


@pytest.mark.parametrize(
    ("high", "ticks"),
    [(0, [0, 1]), (1, [0, 0.2, 0.4, 0.6, 0.8, 1]), (7, [0, 2, 4, 6, 8]), (6.8e12, [0, 2e12, 4e12, 6e12, 8e12])],
)
def test_ticks_are_round_and_reach_the_highest_value(high: float, ticks: list[float]):
    assert round_ticks(high) == ticks


@pytest.mark.parametrize("high", [10**power * digit for power in range(-18, 13) for digit in (1, 1.01, 3.3, 9.99)])
def test_there_are_few_ticks_whatever_the_size(high: float):
    ticks = round_ticks(high)

    assert 3 <= len(ticks) <= 7
    assert ticks[-1] >= high * (1 - 1e-6) > ticks[-2] * (1 - 1e-6)


def test_what_would_press_all_else_to_the_ground_is_cut_off_and_counted():
    days = [date(2026, 1, 1) + timedelta(days=n) for n in range(20)]
    usual = [(day, 1.0 + n % 3) for n, day in enumerate(days)]

    assert cut_off([usual]) == ([usual], 0)
    (drawn,), n_cut = cut_off([[*usual[:-1], (days[-1], 6.8e12)]])
    assert (drawn[-1], drawn[:-1], n_cut) == ((days[-1], 6.0), usual[:-1], 1)
    assert cut_off([[(day, 0.0) for day in days]])[1] == 0


def test_numbers_are_short_at_a_glance_and_whole_in_tables():
    assert [compact(value) for value in (0, 0.00012, 999, 1500, 6.8e12)] == ["0", "0.00012", "999", "1.5k", "6.8T"]
    assert brief(1_234_567) == exact(1_234_567) == "1,234,567"
    assert exact(Decimal("6800000000000.100000000000000009")) == "6,800,000,000,000.1"
    assert exact(Decimal("0E-18")) == "0"


def test_a_page_without_accounts_says_what_to_do_and_what_is_simulated():
    page = render(picture("year", None, None, SUNDAY))

    assert "Nothing is known of accounts yet" in page
    assert "Simulated." in page
    assert "29 November 2026" in page
    assert "Simulated." not in render(picture("year", None, None))
