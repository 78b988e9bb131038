"""`accounts.dim_currency`: currencies that were ever paid in or drawn out."""

import pandera.polars as pa
import polars as pl

from cryptodudez_assets.accounts import rules, star
from cryptodudez_assets.accounts.reconciling import known_to
from cryptodudez_assets.derived import Derived, Frames, Input

DAYS = "accounts.fact_currency_day"


class DimCurrency(star.StarContract):
    """Currencies, one row each. The member with the key 0 is one that nobody knows."""

    currency_key: pl.Int64 = star.currency_key()
    currency: str = pa.Field(description="Currency, in lower case; null of the unknown one.", nullable=True)
    first_seen: pl.Date = pa.Field(
        description="UTC day of its first transaction, of whatever status; null of the unknown one.", nullable=True
    )


def currencies(frames: Frames) -> pl.LazyFrame:
    """Each currency with its first day."""
    rows = frames[DAYS]
    first = rows.filter(pl.col("date") == pl.col("date").min().over("currency_key"))
    found = first.group_by("currency_key").agg(
        pl.col("currency").first(),
        first_seen=pl.col("date").first(),
        loaded_at=pl.col("loaded_at").max(),
        record_source=pl.col("record_source").unique().sort().str.join(star.BETWEEN),
    )
    unknown = pl.LazyFrame(
        {"currency_key": [rules.UNKNOWN], "loaded_at": [rules.FIRST], "record_source": [""]},
        schema_overrides={"loaded_at": pl.Datetime("us", "UTC")},
    )
    return pl.concat([found, unknown], how="diagonal")


DERIVED = Derived(
    "accounts.dim_currency",
    DimCurrency,
    owner=star.OWNER,
    key=["currency_key"],
    inputs=[Input(DAYS, ["currency_key", "currency", "date", "loaded_at", "record_source"])],
    transform=currencies,
    exports=[star.csv()],
    checks=[known_to("accounts.dim_currency", "currency_key", ["accounts.fact_transaction"])],
)
