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
    of_transactions = _by_kind(frames[TRANSACTIONS])
    of_events = (
        frames[EVENTS]
        .group_by("user_key", "date")
        .agg(
            logins=pl.col("is_login").sum().cast(pl.Int64),
            events=pl.len().cast(pl.Int64),
            last_login=pl.col("event_ts").filter("is_login").max(),
            loaded_at=pl.col("loaded_at").max(),
        )
    )
    counts = [*OF_TRANSACTIONS, *OF_EVENTS]
    days = (
        of_events.join(of_transactions, on=["user_key", "date"], how="full", coalesce=True)
        .with_columns(
            pl.col(counts).fill_null(0),
            pl.max_horizontal("loaded_at", "loaded_at_right").alias("loaded_at"),
            *(pl.col(name).fill_null(0).alias(f"{name}_to_date") for name in ADDED_UP),
        )
        .drop("loaded_at_right")
    )
    before = frames[TABLE].select(
        "user_key", "date", *(f"{name}_to_date" for name in ADDED_UP), "last_login", "loaded_at"
    )
    to_date = [f"{name}_to_date" for name in ADDED_UP]
    added_up = (
        pl.concat([before.with_columns(is_before=True), days.with_columns(is_before=False)], how="diagonal")
        .sort("user_key", "date")
        .with_columns(
            pl.col(to_date).cum_sum().over("user_key"),
            pl.col("last_login").cum_max().forward_fill().over("user_key"),
            pl.col("loaded_at").cum_max().over("user_key"),
        )
        .filter(~pl.col("is_before"))
        .drop("is_before")
    )
    bits = [pl.col(name) > 0 for name in ("deposits_all_statuses", "withdrawals_all_statuses", "events")]
    number = pl.sum_horizontal(one.cast(pl.Int64) * (1 << bit) for bit, one in enumerate(bits))
    return added_up.with_columns(
        date_key=rules.date_key(pl.col("date")),
        record_source=star.sources_of(number),
    )


def _by_kind(rows: pl.LazyFrame) -> pl.LazyFrame:
    is_deposit = pl.col("kind") == rules.DEPOSIT
    kinds = {"deposits": is_deposit, "withdrawals": ~is_deposit}
    counted = {name: kind & rules.counts() for name, kind in kinds.items()}
    counted |= {f"{name}_all_statuses": kind for name, kind in kinds.items()}
    return rows.group_by("user_key", "date").agg(
        *(one.sum().cast(pl.Int64).alias(name) for name, one in counted.items()),
        loaded_at=pl.col("loaded_at").max(),
    )


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
    checks=[DAYS_ADD_UP],
)
