"""Metrics: the SELECT that is made of a declaration, and what it says."""

from datetime import date
from decimal import Decimal

import polars as pl
import pytest

from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.metrics import METRICS, Joined, Metric
from cryptodudez_assets.metrics.asking import NoRows, ask, ask_of, statement

TINY, HUGE = Decimal("0.000000000000000001"), Decimal("6800000000000.000000000000000009")
SALES = Metric(
    "sales",
    "What was sold.",
    table="shop.sales",
    measure="sum(amount) FILTER (done)",
    all_statuses="sum(amount)",
    day="date",
    unit="units of the currency",
    where="amount >= 0",
    dimensions={
        "currency": "currency",
        "town": Joined("c.town", "shop.customers", "JOIN shop.customers AS c USING (who)"),
    },
    always_by=("currency",),
)


@pytest.fixture
def tables() -> dict[str, pl.LazyFrame]:
    rows = [
        (date(2024, 1, 31), "btc", HUGE, True, 1),
        (date(2024, 1, 31), "btc", TINY, True, 2),
        (date(2024, 2, 1), "btc", Decimal(3), False, 1),
        (date(2024, 2, 1), "mxn", Decimal(5), True, 2),
        (date(2024, 2, 1), "mxn", Decimal(-5), True, 2),
    ]
    schema = {"date": pl.Date, "currency": pl.String, "amount": pl.Decimal(38, 18), "done": pl.Boolean, "who": pl.Int64}
    customers = {"who": [1, 2], "town": ["Oslo", "Lima"]}
    return {
        "shop.sales": pl.LazyFrame(rows, schema=schema, orient="row"),
        "shop.customers": pl.LazyFrame(customers),
    }


def test_amounts_add_up_to_the_last_digit_and_are_never_added_across_currencies(tables):
    told = ask_of(tables, statement(SALES), {})

    assert told.columns == ["currency", "sales", "sales_all_statuses"]
    assert told.rows() == [
        ("btc", Decimal("6800000000000.000000000000000010"), Decimal("6800000000003.000000000000000010")),
        ("mxn", Decimal(5), Decimal(5)),
    ]


def test_days_from_and_to_are_among_those_that_count(tables):
    text = statement(SALES, ["month"], since=True, until=True)
    february = {"from": date(2024, 2, 1), "to": date(2024, 2, 1)}

    assert ask_of(tables, text, february).rows() == [
        (date(2024, 2, 1), "btc", Decimal(0), Decimal(3)),
        (date(2024, 2, 1), "mxn", Decimal(5), Decimal(5)),
    ]
    assert ask_of(tables, text, {"from": date(2024, 2, 2), "to": date(2024, 3, 1)}).is_empty()


def test_a_dimension_of_another_table_is_joined_only_where_it_is_asked_for(tables):
    assert "JOIN" not in statement(SALES, ["day"])
    assert ask_of(tables, statement(SALES, ["town"]), {}).select("town", "currency", "sales").rows() == [
        ("Lima", "btc", TINY),
        ("Lima", "mxn", Decimal(5)),
        ("Oslo", "btc", HUGE),
    ]


@pytest.mark.parametrize(("by", "first"), [("day", 31), ("week", 29), ("month", 1), ("quarter", 1), ("year", 1)])
def test_a_stretch_of_time_is_told_by_its_first_day(tables, by: str, first: int):
    assert ask_of(tables, statement(SALES, [by]), {})[by].min() == date(2024, 1, first)


def test_what_it_cannot_be_asked_by_is_told_with_what_it_can():
    with pytest.raises(
        ValueError, match=r"sales cannot be asked by hour; it can by day, week, month, .*, currency, town"
    ):
        statement(SALES, ["day", "hour"])


def test_a_table_that_is_not_there_is_named(lake: Lake):
    with pytest.raises(NoRows, match=r"no rows in accounts\.fact_user_day and accounts\.dim_user yet"):
        ask(lake, METRICS["active_users"], ["level"])
