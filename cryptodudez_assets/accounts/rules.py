"""What counts as what in accounts: the one place where statuses, logins, days, keys and identities are given a meaning."""

from datetime import UTC, datetime

import polars as pl

from cryptodudez_assets.contracts.keys import durable_key

COUNTED_STATUSES = ("complete",)
"""Statuses with which a deposit or a withdrawal took place. What `…_all_statuses` counts has any."""
LOGINS = ("login", "login_api", "2falogin")
"""Events by which somebody logged in."""
DEPOSIT, WITHDRAWAL = "deposit", "withdrawal"
"""The kinds of transactions. Their ids are two sequences."""
UNKNOWN = 0
"""The key of the member of a dimension that stands for nobody knows whom or what. No durable key is 0."""
FIRST, END = datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)
"""From when, and before when, versions of a user are valid. What happened before counts from the first on."""


def counts() -> pl.Expr:
    """Whether a transaction took place."""
    return pl.col("status").is_in(COUNTED_STATUSES)


def is_login() -> pl.Expr:
    """Whether an event is a login."""
    return pl.col("event_name").is_in(LOGINS)


def day_of(time: str = "event_ts") -> pl.Expr:
    """The day that a time lies on: that of UTC, from midnight to midnight."""
    return pl.col(time).dt.date()


def date_key(day: pl.Expr) -> pl.Expr:
    """The key of a day, such as 20210131."""
    year, month = day.dt.year().cast(pl.Int64), day.dt.month().cast(pl.Int64)
    return year * 10_000 + month * 100 + day.dt.day()


def keys_of(texts: pl.Series) -> pl.Series:
    """The durable keys of texts, `UNKNOWN` of null."""
    there = texts.drop_nulls().unique()
    keys = pl.Series([durable_key(text) for text in there], dtype=pl.Int64)
    return texts.replace_strict(there, keys, default=UNKNOWN, return_dtype=pl.Int64)
