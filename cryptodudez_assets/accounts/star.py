"""What the tables of the star have in common: where a row is from, and columns that several have."""

from typing import Any

import pandera.polars as pa
import polars as pl

from cryptodudez_assets.contracts.base import Contract, UtcTime
from cryptodudez_assets.derived import Csv

OWNER = "team:accounts"
DEPOSITS, WITHDRAWALS, EVENTS = "accounts.deposits", "accounts.withdrawals", "accounts.events"
HISTORIES = (DEPOSITS, WITHDRAWALS, EVENTS)
"""What says that somebody did something."""
USERS, USER_LEVELS = "accounts.users", "accounts.user_levels"
BETWEEN = ", "
"""Between the names of several sources."""


class StarContract(Contract):
    """Base of the contracts of the star: where a row is from, and since when that is known."""

    loaded_at: UtcTime = pa.Field(
        description="When the newest row that it is made from landed (UTC).", metadata={"unit": "UTC"}
    )
    record_source: str = pa.Field(description="Tables of the sources that it is made from.")


def user_key(**rules: Any) -> Any:
    """The column that says whose row it is."""
    return pa.Field(
        description="Durable key of the user (`accounts.dim_user`); 0 where nobody is named.", ge=0, **rules
    )


def date_key() -> Any:
    """The column that names a row's day."""
    return pa.Field(description="Key of the day (`accounts.dim_date`), such as 20210131.")


def date() -> Any:
    """The column with a row's day."""
    return pa.Field(description="UTC day.")


def currency_key() -> Any:
    """The column that names a row's currency."""
    return pa.Field(description="Key of the currency (`accounts.dim_currency`).", ge=0)


def count(description: str) -> Any:
    """A column that counts."""
    return pa.Field(description=description, ge=0)


def moment(description: str, **rules: Any) -> Any:
    """A column with a time."""
    return pa.Field(description=description, metadata={"unit": "UTC"}, **rules)


def sources_of(numbers: pl.Expr) -> pl.Expr:
    """The names of those of `HISTORIES` whose bits (1, 2, 4) are set in a number."""
    names = [BETWEEN.join(name for bit, name in enumerate(HISTORIES) if number >> bit & 1) for number in range(8)]
    return pl.lit(pl.Series(names)).gather(numbers)


def sources_that_told(*counts: str) -> pl.Expr:
    """The names of those of `HISTORIES` of which there is anything; `counts`: the columns with how much, of each."""
    bits = ((pl.col(name) > 0).cast(pl.Int64) * (1 << bit) for bit, name in enumerate(counts))
    return sources_of(pl.sum_horizontal(*bits))


def csv(*sort_by: str) -> Csv:
    """The file that a table of the star is written to, sorted by these columns or by its key: with a first one that has few values, as
    a day is, no more than some days are held in memory."""
    return Csv(folder="accounts", sort_by=sort_by or None)
