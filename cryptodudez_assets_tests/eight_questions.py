"""The eight questions about accounts, answered by three paths: from facts, from snapshots, and by hand from the histories.

An answer is a set or a dictionary by user's key. `counted`: whether only complete transactions count.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import polars as pl

from cryptodudez_assets.contracts.keys import durable_key
from cryptodudez_assets_tests.account_histories import Histories

Tables = Mapping[str, pl.DataFrame]
COL = pl.col
MANY = 2
"""More deposits than so many are many: few are made up."""


class FromFacts:
    """From `fact_transaction`, `fact_event` and the members."""

    def __init__(self, tables: Tables) -> None:
        self.transactions, self.events = tables["accounts.fact_transaction"], tables["accounts.fact_event"]
        self.members = tables["accounts.dim_user"].filter(COL("is_current"), COL("user_key") != 0)

    def _of(self, kind: str, *, counted: bool = True) -> pl.DataFrame:
        rows = self.transactions.filter(COL("kind") == kind)
        return rows.filter(COL("status") == "complete") if counted else rows

    def active(self, day: date) -> set[int]:
        return {key for rows in (self.transactions, self.events) for key in rows.filter(COL("date") == day)["user_key"]}

    def without_deposit(self, *, counted: bool) -> set[int]:
        return set(self.members["user_key"]) - set(self._of("deposit", counted=counted)["user_key"])

    def with_many_deposits(self, day: date, *, counted: bool) -> set[int]:
        until = self._of("deposit", counted=counted).filter(COL("date") <= day)
        return set(until.group_by("user_key").len().filter(COL("len") > MANY)["user_key"])

    def last_login(self) -> dict[int, datetime]:
        return dict(self.events.filter("is_login").group_by("user_key").agg(COL("event_ts").max()).iter_rows())

    def logins(self, first: date, last: date) -> dict[int, int]:
        rows = self.events.filter("is_login", COL("date").is_between(first, last))
        return dict(rows.group_by("user_key").len().iter_rows())

    def currencies(self, kind: str, day: date) -> set[str]:
        return set(self._of(kind).filter(COL("date") == day)["currency"])

    def total(self, currency: str, day: date) -> Decimal:
        rows = self._of("deposit").filter(COL("date") == day, COL("currency") == currency)
        return rows["amount"].sum() or Decimal(0)


class FromSnapshots:
    """From `fact_user_day` and `fact_currency_day` and the members."""

    def __init__(self, tables: Tables) -> None:
        self.days, self.by_currency = tables["accounts.fact_user_day"], tables["accounts.fact_currency_day"]
        self.members = tables["accounts.dim_user"].filter(COL("is_current"), COL("user_key") != 0)

    def _last(self, day: date = date.max) -> pl.DataFrame:
        return self.days.filter(COL("date") <= day).sort("date").group_by("user_key").last()

    def active(self, day: date) -> set[int]:
        return set(self.days.filter(COL("date") == day)["user_key"])

    def without_deposit(self, *, counted: bool) -> set[int]:
        to_date = "deposits_to_date" if counted else "deposits_all_statuses_to_date"
        return set(self.members["user_key"]) - set(self._last().filter(COL(to_date) > 0)["user_key"])

    def with_many_deposits(self, day: date, *, counted: bool) -> set[int]:
        to_date = "deposits_to_date" if counted else "deposits_all_statuses_to_date"
        return set(self._last(day).filter(COL(to_date) > MANY)["user_key"])

    def last_login(self) -> dict[int, datetime]:
        return dict(self._last().drop_nulls("last_login").select("user_key", "last_login").iter_rows())

    def logins(self, first: date, last: date) -> dict[int, int]:
        rows = self.days.filter(COL("date").is_between(first, last)).group_by("user_key").agg(COL("logins").sum())
        return dict(rows.filter(COL("logins") > 0).iter_rows())

    def currencies(self, kind: str, day: date) -> set[str]:
        rows = self.by_currency.filter(COL("kind") == kind, COL("date") == day, COL("n") > 0)
        return set(rows["currency"])

    def total(self, currency: str, day: date) -> Decimal:
        rows = self.by_currency.filter(COL("kind") == "deposit", COL("date") == day, COL("currency") == currency)
        return rows["amount"].item() if len(rows) else Decimal(0)


class ByHand:
    """Row by row, from what the histories say. It knows nothing of tables."""

    logins_are = ("login", "login_api", "2falogin")

    def __init__(self, told: Histories) -> None:
        self.told = told

    @staticmethod
    def _day(at: datetime) -> date:
        midnight = datetime.min.replace(tzinfo=UTC)
        return date.min + timedelta(days=(at - midnight).days)

    def active(self, day: date) -> set[int]:
        found: list[tuple[Any, ...]] = [*self.told.deposits.values(), *self.told.withdrawals.values()]
        found += self.told.events.values()
        return {durable_key(row[1]) for row in found if self._day(row[-1]) == day}

    def _everybody(self) -> set[int]:
        rows: list[tuple[Any, ...]] = [*self.told.deposits.values(), *self.told.withdrawals.values()]
        rows += self.told.events.values()
        names = {row[1] for row in rows} | self.told.users | {row[0] for row in self.told.levels}
        return {durable_key(name) for name in names}

    def without_deposit(self, *, counted: bool) -> set[int]:
        paid = {durable_key(row[1]) for row in self.told.deposits.values() if not counted or row[4] == "complete"}
        return self._everybody() - paid

    def with_many_deposits(self, day: date, *, counted: bool) -> set[int]:
        n = Counter[int]()
        for row in self.told.deposits.values():
            if self._day(row[5]) <= day and (not counted or row[4] == "complete"):
                n[durable_key(row[1])] += 1
        return {key for key, number in n.items() if number > MANY}

    def last_login(self) -> dict[int, datetime]:
        last: dict[int, datetime] = {}
        for _, user, name, at in self.told.events.values():
            if name in self.logins_are:
                last[durable_key(user)] = max(at, last.get(durable_key(user), at))
        return last

    def logins(self, first: date, last: date) -> dict[int, int]:
        n = Counter[int]()
        for _, user, name, at in self.told.events.values():
            n[durable_key(user)] += name in self.logins_are and first <= self._day(at) <= last
        return {key: number for key, number in n.items() if number}

    def currencies(self, kind: str, day: date) -> set[str]:
        rows = self.told.deposits if kind == "deposit" else self.told.withdrawals
        return {row[3] for row in rows.values() if row[4] == "complete" and self._day(row[5]) == day}

    def total(self, currency: str, day: date) -> Decimal:
        rows = self.told.deposits.values()
        return sum(
            (row[2] for row in rows if row[3] == currency and row[4] == "complete" and self._day(row[5]) == day),
            Decimal(0),
        )
