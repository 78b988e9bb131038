"""The published queries against pandas on the exported CSV files, each question read anew from how it is asked."""

import random
from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from decimal import Context, Decimal, localcontext
from pathlib import Path

import pandas as pd  # type: ignore[import-untyped]
import polars as pl
import pytest

from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.sql import answer, connect
from cryptodudez_assets_tests.account_queries import FromQueries
from cryptodudez_assets_tests.accounts_home import LAST, SMALL

LOGINS = {"login", "login_api", "2falogin"}
DAYS = [LAST - timedelta(days=back) for back in random.Random(7).sample(range(-1, SMALL.days + 1), 6)]


class ByPandas:
    """Of the facts' files and the list of users; the snapshots, which the queries read, are not looked at."""

    def __init__(self, folder: Path) -> None:
        def read(name: str) -> pd.DataFrame:
            return pd.read_csv(folder / f"{name}.csv", dtype=str, keep_default_na=False)

        users, paid, done = (read(name) for name in ("dim_user", "fact_transaction", "fact_event"))
        for facts in (paid, done):
            facts["at"] = pd.to_datetime(facts["event_ts"], utc=True, format="ISO8601")
            facts["day"] = facts["at"].dt.date
        self.users = dict(users.loc[users["user_id"] != "", ["user_key", "user_id"]].itertuples(index=False))
        self.paid = paid.assign(amount=paid["amount"].map(Decimal))
        self.logins = done[done["event_name"].isin(LOGINS)]

    def without_deposit(self, *, counted: bool) -> set[int]:
        deposits = self.paid[self.paid["kind"] == "deposit"]
        with_one = deposits[deposits["status"] == "complete"] if counted else deposits
        return {int(key) for key in set(self.users) - set(with_one["user_key"])}

    def last_login(self) -> dict[int, datetime]:
        return {int(key): at.to_pydatetime() for key, at in self.logins.groupby("user_key")["at"].max().items()}

    def n_logins(self, first: date, last: date) -> dict[int, int]:
        within = self.logins[(self.logins["day"] >= first) & (self.logins["day"] <= last)]
        return {int(key): int(n) for key, n in within.groupby("user_key").size().items()}

    def _complete(self, kind: str, day: date) -> pd.DataFrame:
        is_it = (self.paid["kind"] == kind) & (self.paid["status"] == "complete") & (self.paid["day"] == day)
        return self.paid[is_it]

    def currencies(self, kind: str, day: date) -> set[str]:
        return set(self._complete(kind, day)["currency"])

    def total(self, currency: str, day: date) -> Decimal:
        deposits = self._complete("deposit", day)
        with localcontext(Context(prec=60)):  # by default sums have 28 digits
            return sum(deposits.loc[deposits["currency"] == currency, "amount"], Decimal(0))


@pytest.fixture(scope="module")
def by_pandas(exported: Lake) -> ByPandas:
    return ByPandas(exported.settings.home / "exports" / "accounts")


@pytest.fixture(scope="module")
def queries(exported: Lake, by_pandas: ByPandas) -> Iterator[FromQueries]:
    with connect(exported) as connection:  # once: it looks at all tables

        def ask(text: str, given: Mapping[str, object]) -> pl.DataFrame:
            return answer(connection, text, {name: str(value) for name, value in given.items()})

        yield FromQueries(ask, {int(key): name for key, name in by_pandas.users.items()})


def test_users_without_a_deposit_and_last_logins(queries: FromQueries, by_pandas: ByPandas) -> None:
    for counted in (True, False):
        assert queries.without_deposit(counted=counted) == by_pandas.without_deposit(counted=counted)
    assert by_pandas.without_deposit(counted=True) > by_pandas.without_deposit(counted=False)
    assert queries.last_login() == by_pandas.last_login() != {}


@pytest.mark.parametrize("day", DAYS, ids=str)
def test_questions_of_days(queries: FromQueries, by_pandas: ByPandas, day: date) -> None:
    first = day - timedelta(days=4)
    assert queries.logins(first, day) == by_pandas.n_logins(first, day)
    for kind in ("deposit", "withdrawal"):
        assert queries.currencies(kind, day) == by_pandas.currencies(kind, day)
    for currency in {*by_pandas.currencies("deposit", day), "btc", "tigres"}:
        assert queries.total(currency, day) == by_pandas.total(currency, day)
