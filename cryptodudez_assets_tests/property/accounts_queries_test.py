"""The published queries and the metrics on random histories, against what is counted by hand."""

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Context, Decimal, localcontext

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cryptodudez_assets.lake.sql import answer, connect_to
from cryptodudez_assets.metrics import METRICS
from cryptodudez_assets.metrics.asking import statement
from cryptodudez_assets_tests import eight_questions
from cryptodudez_assets_tests.account_histories import CURRENCIES, DAYS, START, Histories, histories, made_of
from cryptodudez_assets_tests.account_queries import FromQueries
from cryptodudez_assets_tests.eight_questions import ByHand

days = st.integers(-1, DAYS).map(lambda day: (START + timedelta(days=day)).date())
PAID = ["deposit", "withdrawal"]


@pytest.fixture(scope="module", autouse=True)
def _more_than_five():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(eight_questions, "MANY", 5)
        yield


@given(histories(most=60), days, days)
@settings(max_examples=25, deadline=None)
def test_queries_and_metrics_say_what_is_counted_by_hand(told: Histories, one: date, other: date) -> None:
    tables = made_of(told.frames())
    first, last = sorted([one, other])
    by_hand = ByHand(told)
    users = tables["accounts.dim_user"].filter(pl.col("user_id").is_not_null())
    with connect_to({name: rows.lazy() for name, rows in tables.items()}) as connection, localcontext(Context(prec=60)):
        queries = FromQueries(
            lambda text, values: answer(connection, text, values), dict(users.select("user_key", "user_id").iter_rows())
        )
        assert queries.active(one) == by_hand.active(one)
        for counted in (True, False):
            assert queries.without_deposit(counted=counted) == by_hand.without_deposit(counted=counted)
        assert queries.with_many_deposits(one) == by_hand.with_many_deposits(one, counted=True)
        assert queries.last_login() == by_hand.last_login()
        assert queries.logins(first, last) == by_hand.logins(first, last)
        for kind in PAID:
            assert queries.currencies(kind, one) == by_hand.currencies(kind, one)
        totals = {currency: by_hand.total(currency, one) for currency in CURRENCIES}
        assert {currency: queries.total(currency, one) for currency in CURRENCIES} == totals

        def metric(name: str, *by: str) -> pl.DataFrame:
            text = statement(METRICS[name], by, since=True, until=True)
            return answer(connection, text, {"from": one, "to": one})

        assert metric("active_users").item(0, "active_users") == len(by_hand.active(one))
        assert metric("logins").item(0, "logins") == sum(by_hand.logins(one, one).values())
        volume = metric("volume", "kind").filter(pl.col("kind") == "deposit", pl.col("volume") != 0)
        assert dict(volume.select("currency", "volume").iter_rows()) == {
            currency: total for currency, total in totals.items() if total
        }
        currencies = dict(metric("currencies", "kind").select("kind", "currencies").iter_rows())
        assert {kind: currencies.get(kind, 0) for kind in PAID} == {
            kind: len(by_hand.currencies(kind, one)) for kind in PAID
        }


def test_more_than_five_deposits_are_six_completed_ones_until_the_day_also_where_it_is_idle() -> None:
    statuses = {"u1": ["complete"] * 6, "u2": ["complete"] * 5, "u3": ["complete"] * 5 + ["failed"]}
    made = [(user, status, hour) for user, told in statuses.items() for hour, status in enumerate(told)]
    deposits = {
        str(n): (str(n), user, Decimal(1), "btc", status, START + timedelta(hours=hour))
        for n, (user, status, hour) in enumerate(made)
    }
    deposits["later"] = ("later", "u2", Decimal(1), "btc", "complete", START + timedelta(days=3))
    tables = made_of(Histories(deposits=deposits).frames())
    with connect_to({name: rows.lazy() for name, rows in tables.items()}) as connection:
        queries = FromQueries(lambda text, values: answer(connection, text, values), {})
        found = [queries.rows(3, day=(START + timedelta(days=n)).date())["user_id"].to_list() for n in (-1, 0, 2, 3)]

    assert [sorted(users) for users in found] == [[], ["u1"], ["u1"], ["u1", "u2"]]


@given(histories())
@settings(max_examples=15, deadline=None)
def test_users_by_level_are_all_users_and_each_counts_once_a_day(told: Histories) -> None:
    tables: Mapping[str, pl.DataFrame] = made_of(told.frames())
    with connect_to({name: rows.lazy() for name, rows in tables.items()}) as connection:
        for name in ("active_users", "transacting_users", "logins"):
            by_day = answer(connection, statement(METRICS[name], ["day"]))
            by_level = answer(connection, statement(METRICS[name], ["day", "level", "jurisdiction"]))
            summed = by_level.group_by("day").agg(pl.col(name).sum()).sort("day")
            assert summed.select("day", name).rows() == by_day.select("day", name).rows()
