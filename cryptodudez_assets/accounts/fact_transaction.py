"""`accounts.fact_transaction`: deposits and withdrawals, as the histories tell them last."""

from datetime import timedelta

import pandera.polars as pa
import polars as pl

from cryptodudez_assets.accounts import rules, star
from cryptodudez_assets.accounts.reconciling import TRANSACTIONS_ADD_UP, members_of
from cryptodudez_assets.contracts.accounts import Deposits, Withdrawals
from cryptodudez_assets.contracts.base import EXACT, Exact, UtcTime
from cryptodudez_assets.derived import Daily, Derived, Frames, Input

KINDS = {star.DEPOSITS: rules.DEPOSIT, star.WITHDRAWALS: rules.WITHDRAWAL}
CONTRACTS = {star.DEPOSITS: Deposits, star.WITHDRAWALS: Withdrawals}


class FactTransaction(star.StarContract):
    """Deposits and withdrawals, one row each, whatever became of them.

    Ids of deposits and of withdrawals are two sequences, so that `kind` and `id` together identify one. By default only those that
    are `complete` count as having taken place.
    """

    kind: str = pa.Field(description="`deposit` or `withdrawal`.", isin=[rules.DEPOSIT, rules.WITHDRAWAL])
    id: str = pa.Field(description="The exchange's number among those of its kind.")
    user_key: pl.Int64 = star.user_key()
    currency_key: pl.Int64 = star.currency_key()
    currency: str = pa.Field(description="Currency, in lower case.")
    date_key: pl.Int64 = star.date_key()
    date: pl.Date = star.date()
    status: str = pa.Field(description="What became of it, such as `complete` or `failed`.")
    amount: Exact = pa.Field(description="How much, to the last digit.", metadata={"unit": "currency"})
    interface: str = pa.Field(description="By what it was asked for; null where not told.", nullable=True)
    event_ts: UtcTime = star.moment("When it happened (UTC).")


def transactions(frames: Frames) -> pl.LazyFrame:
    """Both histories in one."""
    rows = pl.concat(
        [frames[name].with_columns(kind=pl.lit(kind), record_source=pl.lit(name)) for name, kind in KINDS.items()]
    )
    day = rules.day_of()
    return rows.select(
        "kind",
        "id",
        pl.col("user_key").fill_null(rules.UNKNOWN),
        pl.col("currency").map_batches(rules.keys_of, return_dtype=pl.Int64, is_elementwise=True).alias("currency_key"),
        "currency",
        rules.date_key(day).alias("date_key"),
        day.alias("date"),
        "status",
        pl.col("amount").cast(EXACT),
        "interface",
        "event_ts",
        pl.col("known_ts").alias("loaded_at"),
        "record_source",
    )


READS = ["id", "user_key", "amount", "currency", "status", "interface", "event_ts", "known_ts"]
DERIVED = Derived(
    "accounts.fact_transaction",
    FactTransaction,
    owner=star.OWNER,
    key=["kind", "id"],
    inputs=[Input(name, READS, reaches=timedelta(0), absent=told) for name, told in CONTRACTS.items()],
    transform=transactions,
    partitions=Daily("date"),
    exports=[star.csv("date", "kind", "id")],
    checks=[TRANSACTIONS_ADD_UP, members_of("accounts.fact_transaction")],
)
