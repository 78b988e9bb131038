"""`accounts.fact_user_day`: what a user did on a day, and until then."""

import polars as pl

from cryptodudez_assets.accounts import rules, star
from cryptodudez_assets.accounts.fact_event import FactEvent
from cryptodudez_assets.accounts.fact_transaction import FactTransaction
from cryptodudez_assets.accounts.reconciling import DAYS_ADD_UP
from cryptodudez_assets.contracts.base import UtcTime
from cryptodudez_assets.derived import Daily, Derived, Frames, Input

TABLE = "accounts.fact_user_day"
TRANSACTIONS, EVENTS = "accounts.fact_transaction", "accounts.fact_event"
OF_TRANSACTIONS = ("deposits", "deposits_all_statuses", "withdrawals", "withdrawals_all_statuses")
OF_EVENTS = ("logins", "events")
OF_HISTORIES = ("deposits_all_statuses", "withdrawals_all_statuses", "events")
"""Counts of all that each of `star.HISTORIES` told, in their order."""
ADDED_UP = (*OF_TRANSACTIONS, "logins")
"""Counts that are kept to date, too."""


class FactUserDay(star.StarContract):
    """What users did, one row per user and UTC day on which he did anything, with what he had done until then (a sparse
    accumulating snapshot).

    How a user stood on a day on which he did nothing says his last row before it; a user without a row until then had done nothing.
    """

    user_key: pl.Int64 = star.user_key()
    date: pl.Date = star.date()
    date_key: pl.Int64 = star.date_key()
    deposits: pl.Int64 = star.count("Complete deposits of the day.")
    deposits_all_statuses: pl.Int64 = star.count("Deposits of the day, whatever became of them.")
    withdrawals: pl.Int64 = star.count("Complete withdrawals of the day.")
    withdrawals_all_statuses: pl.Int64 = star.count("Withdrawals of the day, whatever became of them.")
    logins: pl.Int64 = star.count("Logins of the day.")
    events: pl.Int64 = star.count("Events of the day, logins among them.")
    deposits_to_date: pl.Int64 = star.count("Complete deposits up to and with the day.")
    deposits_all_statuses_to_date: pl.Int64 = star.count("Deposits up to and with the day, whatever became of them.")
    withdrawals_to_date: pl.Int64 = star.count("Complete withdrawals up to and with the day.")
    withdrawals_all_statuses_to_date: pl.Int64 = star.count(
        "Withdrawals up to and with the day, whatever became of them."
    )
    logins_to_date: pl.Int64 = star.count("Logins up to and with the day.")
    last_login: UtcTime = star.moment(
        "The last login up to and with the day (UTC); null before the first.", nullable=True
    )


def user_days(frames: Frames) -> pl.LazyFrame:
    """Days from facts, added up on each user's last row before them."""
    facts = pl.concat([_of_transactions(frames[TRANSACTIONS]), _of_events(frames[EVENTS])], how="diagonal")
    days = facts.group_by("user_key", "date").agg(
        pl.col(*OF_TRANSACTIONS, *OF_EVENTS).sum(), pl.col("last_login", "loaded_at").max()
    )
    to_date = {name: f"{name}_to_date" for name in ADDED_UP}
    before = frames[TABLE].select("user_key", "date", *to_date.values(), "last_login", "loaded_at", is_before=True)
    days = days.with_columns(pl.col(name).alias(told) for name, told in to_date.items())
    added_up = (
        pl.concat([before, days.with_columns(is_before=False)], how="diagonal")
        .sort("user_key", "date")
        .with_columns(is_first=pl.col("user_key").ne_missing(pl.col("user_key").shift()))
        .with_columns(
            _summed_up(*to_date.values()), _last_told("last_login"), pl.col("loaded_at").cum_max().over("user_key")
        )
        .filter(~pl.col("is_before"))
        .drop("is_before", "is_first")
    )
    told_by = star.sources_that_told(*OF_HISTORIES)
    return added_up.with_columns(date_key=rules.date_key(pl.col("date")), record_source=told_by)


def _summed_up(*counts: str) -> pl.Expr:
    """Sums from a user's first row on, of rows in order: without a window for each user a fifth of the time."""
    added = pl.col(*counts).cum_sum()
    return added - pl.when("is_first").then(added - pl.col(*counts)).forward_fill()


def _last_told(time: str) -> pl.Expr:
    """The last of a user's times that are told, of rows in order; those of later days are later."""
    none = pl.lit(rules.END)
    told = pl.when(pl.col("is_first") & pl.col(time).is_null()).then(none).otherwise(time).forward_fill()
    return pl.when(told != none).then(told).alias(time)


def _of_transactions(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Each transaction as the counts that it adds one to."""
    is_deposit = pl.col("kind") == rules.DEPOSIT
    kinds = {"deposits": is_deposit, "withdrawals": ~is_deposit}
    counted = {name: kind & rules.counts() for name, kind in kinds.items()}
    counted |= {f"{name}_all_statuses": kind for name, kind in kinds.items()}
    ones = (one.cast(pl.Int64).alias(name) for name, one in counted.items())
    return rows.select("user_key", "date", "loaded_at", *ones)


def _of_events(rows: pl.LazyFrame) -> pl.LazyFrame:
    login = pl.when("is_login").then("event_ts")
    logins, events = pl.col("is_login").cast(pl.Int64), pl.lit(1, pl.Int64)
    return rows.select("user_key", "date", "loaded_at", logins=logins, events=events, last_login=login)


READS_OF_BOTH = ["user_key", "date", "loaded_at"]
DERIVED = Derived(
    TABLE,
    FactUserDay,
    owner=star.OWNER,
    key=["user_key", "date"],
    inputs=[
        Input(TRANSACTIONS, [*READS_OF_BOTH, "kind", "status"], time="date", reaches="later", absent=FactTransaction),
        Input(EVENTS, [*READS_OF_BOTH, "is_login", "event_ts"], time="date", reaches="later", absent=FactEvent),
    ],
    transform=user_days,
    partitions=Daily("date"),
    accumulates=True,
    exports=[star.csv("date", "user_key")],
    checks=[DAYS_ADD_UP],
)
