"""Contracts of the histories of an exchange's accounts: `accounts.deposits`, `withdrawals`, `events`, `users`, `user_levels`.

What is computed of them is described elsewhere. That a user's id is personal is said here (metadata `personal`).
"""

from datetime import timedelta
from typing import Any

import pandera.polars as pa
import polars as pl
from pandera.api.polars.types import PolarsData

from cryptodudez_assets.contracts.base import OF_THE_OBSERVER, Exact, TableContract

PERSONAL = {"personal": "account"}
STATUS_RANKS = {"complete": 2, "failed": 1}
"""Of two rows with one id and time: which status counts. Any other comes behind."""
OTHER_STATUS = 0

TEXT = {"min_value": 1}
GREATEST = 10**14
"""What an amount stays below, so that sums stay below the 10^20 that `Exact` can keep: a million of the greatest fit. The greatest of the
real ones is 6.8e12, of a coin of which there are 10^15."""
AHEAD = timedelta(days=1)
"""How far a time may lie ahead of its file's landing: clocks go wrong, and zones are mistaken."""


def user_id() -> Any:
    """The column that says whose row it is."""
    return pa.Field(
        description="User, as the exchange writes it, without invisible characters around it.",
        str_length=TEXT,
        metadata=PERSONAL,
    )


def user_key() -> Any:
    """The column that stands for it."""
    return pa.Field(description="Durable key of `user_id`: 64 bits of its BLAKE2b, never 0.", gt=0)


def extra() -> Any:
    """The column of what nobody declared."""
    return pa.Field(description="Further columns of the file, as JSON; null where there are none.", nullable=True)


def not_of_kind(kind: str) -> pl.Expr:
    """Whether what a file says in a further column `type` is nothing, or something else than this kind."""
    return ~pl.col("extra").str.contains(rf'(?i)"type":\s*"{kind}s?"')


class History(TableContract):
    """Base of what tells when something happened, and is known since its file landed."""

    # A rule that several contracts share is called as its function: a name of its own Pandera gives to the first of them only.
    @pa.dataframe_check()
    def time_ahead(cls, data: PolarsData) -> pl.LazyFrame:
        """More than a day after its file landed, when it had not happened yet: look at year, zone, and order of day and month."""
        return data.lazyframe.select(pl.col("event_ts") <= pl.col("known_ts") + AHEAD)


class Transaction(History):
    """Base of deposits and of withdrawals, which differ in their kind alone."""

    id: str = pa.Field(
        description="The exchange's number; deposits and withdrawals have a sequence each, so that one may be in both.",
        str_length=TEXT,
    )
    user_id: str = user_id()
    user_key: pl.Int64 = user_key()
    amount: Exact = pa.Field(
        description="How much was paid in or drawn out, digit by digit as it is written.",
        metadata={"unit": "currency"},
    )
    currency: str = pa.Field(description="Currency, in lower case; `tigres` is a real one.", str_length=TEXT)
    status: str = pa.Field(
        description="What became of it, in lower case: `complete`, `failed`, or another.", str_length=TEXT
    )
    interface: str = pa.Field(
        description="By what it was asked for, such as `app` or `web`; null where not told.", nullable=True
    )
    precedence: pl.Int64 = pa.Field(
        description="Rank of the status: 2 complete, 1 failed, 0 any other. Of two rows with one id the later `event_ts` counts, "
        "then the higher rank, then the greater values; never which landed first.",
        isin=[OTHER_STATUS, *sorted(STATUS_RANKS.values())],
    )
    extra: str = extra()

    @pa.dataframe_check()
    def amount_too_great(cls, data: PolarsData) -> pl.LazyFrame:
        """100,000,000,000,000 (1e14) or more of a currency in one transaction: sums of such amounts could not be kept, look at the unit."""
        return data.lazyframe.select(pl.col("amount").abs() < GREATEST)

    @pa.dataframe_check(raise_warning=True)
    def negative_amount(cls, data: PolarsData) -> pl.LazyFrame:
        """Odd, but what the exchange says."""
        return data.lazyframe.select(pl.col("amount") >= 0)


class Deposits(Transaction):
    """What users paid in, one row per deposit, whatever became of it."""

    @pa.dataframe_check(name="a_withdrawal")
    def a_deposit(cls, data: PolarsData) -> pl.LazyFrame:
        """A file of both kinds says in `type` that the row is a withdrawal."""
        return data.lazyframe.select(not_of_kind("withdrawal"))


class Withdrawals(Transaction):
    """What users drew out, one row per withdrawal, whatever became of it."""

    @pa.dataframe_check(name="a_deposit")
    def a_withdrawal(cls, data: PolarsData) -> pl.LazyFrame:
        """A file of both kinds says in `type` that the row is a deposit."""
        return data.lazyframe.select(not_of_kind("deposit"))


class Events(History):
    """What users did, one row per event: logins, levels, keys, documents.

    Of two rows with one `id` the later `event_ts` counts, then the greater values; never which landed first.
    """

    id: str = pa.Field(description="The exchange's number of the event.", str_length=TEXT)
    user_id: str = user_id()
    user_key: pl.Int64 = user_key()
    event_name: str = pa.Field(description="What it was, in lower case, such as `login`.", str_length=TEXT)
    extra: str = extra()


class Users(TableContract):
    """Who has an account, one row per user.

    The files say nothing of their time: `event_ts` is when a user first landed here, however often that is told again.
    """

    user_id: str = user_id()
    user_key: pl.Int64 = user_key()
    precedence: pl.Int64 = pa.Field(
        description="Microseconds from `event_ts` to 2200, so that of a user's rows the first to land counts.",
        metadata={**OF_THE_OBSERVER, "unit": "µs"},
    )
    extra: str = extra()


class UserLevels(History):
    """Levels that users had in jurisdictions, one row per user, time, level and jurisdiction.

    A level holds from its time until another one comes. Which of several at one time counts is decided where they are used.
    """

    user_id: str = user_id()
    user_key: pl.Int64 = user_key()
    jurisdiction: str = pa.Field(description="Where it holds, such as `mx`, in lower case.", str_length=TEXT)
    level: pl.Int64 = pa.Field(description="Level of verification.")
    extra: str = extra()
