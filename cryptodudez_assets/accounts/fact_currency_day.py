"""`accounts.fact_currency_day`: what was paid in and drawn out of a currency on a day."""

from datetime import timedelta

import pandera.polars as pa
import polars as pl

from cryptodudez_assets.accounts import rules, star
from cryptodudez_assets.accounts.reconciling import CURRENCY_DAYS_ADD_UP
from cryptodudez_assets.contracts.base import EXACT, Exact
from cryptodudez_assets.derived import Daily, Derived, Frames, Input

TRANSACTIONS = "accounts.fact_transaction"
BY = ["kind", "currency_key", "date"]


def _amount(description: str) -> Exact:
    return pa.Field(description=description, metadata={"unit": "currency"})  # type: ignore[no-any-return]


class FactCurrencyDay(star.StarContract):
    """What was paid in and drawn out, one row per kind, currency and UTC day on which there was a transaction of it."""

    kind: str = pa.Field(description="`deposit` or `withdrawal`.", isin=[rules.DEPOSIT, rules.WITHDRAWAL])
    currency_key: pl.Int64 = star.currency_key()
    currency: str = pa.Field(description="Currency, in lower case.")
    date: pl.Date = star.date()
    date_key: pl.Int64 = star.date_key()
    n: pl.Int64 = star.count("Complete transactions.")
    amount: Exact = _amount("Sum of complete ones, to the last digit; 0 where there is none.")
    users: pl.Int64 = star.count("Users who made complete ones.")
    n_all_statuses: pl.Int64 = star.count("Transactions, whatever became of them.")
    amount_all_statuses: Exact = _amount("Sum of them, to the last digit.")
    users_all_statuses: pl.Int64 = star.count("Users who made them.")


def currency_days(frames: Frames) -> pl.LazyFrame:
    """Facts to a row a kind, currency and day."""
    counted = rules.counts()
    rows = frames[TRANSACTIONS].group_by(BY)
    return rows.agg(
        pl.col("currency").first(),
        n=counted.sum().cast(pl.Int64),
        amount=pl.col("amount").filter(counted).sum().cast(EXACT),
        users=pl.col("user_key").filter(counted).n_unique().cast(pl.Int64),
        n_all_statuses=pl.len().cast(pl.Int64),
        amount_all_statuses=pl.col("amount").sum().cast(EXACT),
        users_all_statuses=pl.col("user_key").n_unique().cast(pl.Int64),
        loaded_at=pl.col("loaded_at").max(),
        record_source=pl.col("record_source").first(),
    ).with_columns(date_key=rules.date_key(pl.col("date")))


DERIVED = Derived(
    "accounts.fact_currency_day",
    FactCurrencyDay,
    owner=star.OWNER,
    key=BY,
    inputs=[
        Input(
            TRANSACTIONS,
            [*BY, "currency", "status", "amount", "user_key", "loaded_at", "record_source"],
            time="date",
            reaches=timedelta(0),
        )
    ],
    transform=currency_days,
    partitions=Daily("date"),
    exports=[star.csv("date", "kind", "currency")],
    checks=[CURRENCY_DAYS_ADD_UP],
)
