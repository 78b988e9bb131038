"""Contracts of the histories of an exchange's accounts: `accounts.deposits`, `withdrawals`, `events`, `users`, `user_levels`.

What is computed of them is described elsewhere. That a user's id is personal is said here (metadata `personal`).
"""

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


def amount(what: str) -> Any:
    """The column of an amount."""
    return pa.Field(description=f"{what}, digit by digit as it is written.", metadata={"unit": "currency"})


def currency() -> Any:
    """The column that says of what an amount is."""
    return pa.Field(description="Currency, in lower case; `tigres` is a real one.", str_length=TEXT)


def status() -> Any:
    """The column that says what became of it."""
    return pa.Field(description="What became of it, in lower case: `complete`, `failed`, or another.", str_length=TEXT)


def interface() -> Any:
    """The column that says by what it was asked for."""
    return pa.Field(description="By what it was asked for, such as `app` or `web`; null where not told.", nullable=True)


def precedence() -> Any:
    """The column that ranks the status."""
    return pa.Field(
        description="Rank of the status among rows with one id and time: 2 complete, 1 failed, 0 any other.",
        isin=[OTHER_STATUS, *sorted(STATUS_RANKS.values())],
    )


def not_of_kind(kind: str) -> pl.Expr:
    """Whether what a file says in a further column `type` is nothing, or something else than this kind."""
    return ~pl.col("extra").str.contains(rf'(?i)"type":\s*"{kind}s?"')


class Deposits(TableContract):
    """What users paid in, one row per deposit, whatever became of it.

    `event_ts` is its time; what a row says is known since its file landed. Of two rows with one `id` the later `event_ts` counts,
    then complete before failed before any other status, then the greater values; never which landed first. Ids of deposits and of
    withdrawals are two sequences, so that one may be in both.
    """

    id: str = pa.Field(description="The exchange's number of the deposit.", str_length=TEXT)
    user_id: str = user_id()
    user_key: pl.Int64 = user_key()
    amount: Exact = amount("What was paid in")
    currency: str = currency()
    status: str = status()
    interface: str = interface()
    precedence: pl.Int64 = precedence()
    extra: str = extra()

    @pa.dataframe_check(name="negative_amount", raise_warning=True)
    def amount_not_negative(cls, data: PolarsData) -> pl.LazyFrame:
        """Odd, but what the exchange says."""
        return data.lazyframe.select(pl.col("amount") >= 0)

    @pa.dataframe_check(name="a_withdrawal")
    def a_deposit(cls, data: PolarsData) -> pl.LazyFrame:
        """A file of both kinds says in `type` that the row is a withdrawal."""
        return data.lazyframe.select(not_of_kind("withdrawal"))


class Withdrawals(TableContract):
    """What users drew out, one row per withdrawal, whatever became of it.

    `event_ts` is its time; what a row says is known since its file landed. Of two rows with one `id` the later `event_ts` counts,
    then complete before failed before any other status, then the greater values; never which landed first.
    """

    id: str = pa.Field(description="The exchange's number of the withdrawal.", str_length=TEXT)
    user_id: str = user_id()
    user_key: pl.Int64 = user_key()
    amount: Exact = amount("What was drawn out")
    currency: str = currency()
    status: str = status()
    interface: str = interface()
    precedence: pl.Int64 = precedence()
    extra: str = extra()

    @pa.dataframe_check(name="negative_amount", raise_warning=True)
    def amount_not_negative(cls, data: PolarsData) -> pl.LazyFrame:
        """Odd, but what the exchange says."""
        return data.lazyframe.select(pl.col("amount") >= 0)

    @pa.dataframe_check(name="a_deposit")
    def a_withdrawal(cls, data: PolarsData) -> pl.LazyFrame:
        """A file of both kinds says in `type` that the row is a deposit."""
        return data.lazyframe.select(not_of_kind("deposit"))


class Events(TableContract):
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


class UserLevels(TableContract):
    """Levels that users had in jurisdictions, one row per user, time, level and jurisdiction.

    A level holds from its time until another one comes. Which of several at one time counts is decided where they are used.
    """

    user_id: str = user_id()
    user_key: pl.Int64 = user_key()
    jurisdiction: str = pa.Field(description="Where it holds, such as `mx`, in lower case.", str_length=TEXT)
    level: pl.Int64 = pa.Field(description="Level of verification.")
    extra: str = extra()
