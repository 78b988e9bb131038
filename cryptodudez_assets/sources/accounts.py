"""What the sources of account histories share: times as exports of a database write them, names, keys of users, amounts."""

from collections.abc import Mapping
from functools import lru_cache

import polars as pl
import pyarrow as pa

from cryptodudez_assets.contracts.accounts import OTHER_STATUS, STATUS_RANKS
from cryptodudez_assets.contracts.keys import durable_key
from cryptodudez_assets.sources.declaration import Layout
from cryptodudez_assets.sources.text import MAYBE_INVISIBLE, identifier

OWNER = "team:accounts"


def moment(column: str) -> pl.Expr:
    """A time such as `2020-01-02 19:55:43.341+00`: with any number of digits of a second, in the zone that it tells.

    As ISO 8601 writes it (`2020-01-02T19:55:43Z`) and as DuckDB and BigQuery do (`… UTC`), too.
    """
    text = pl.col(column).str.replace(" UTC", "Z", literal=True).str.replace("T", " ", literal=True)
    return text.str.to_datetime("%Y-%m-%d %H:%M:%S%.f%#z", time_unit="us", time_zone="UTC", strict=False)


def name(column: str) -> pl.Expr:
    """A name that people may write in capitals, or with blanks around it; null where there is none."""
    return identifier(pl.col(column)).str.to_lowercase()


def user_of(column: str = "user_id") -> dict[str, pl.Expr]:
    """The user, and the key of that."""
    user = pl.col(column).map_batches(_visible, return_dtype=pl.String, is_elementwise=True)
    return {"user_id": user, "user_key": user.map_batches(_keys, return_dtype=pl.Int64, is_elementwise=True)}


def _visible(users: pl.Series) -> pl.Series:
    """Without invisible characters around them. To see that there are none costs a third of looking for them."""
    if users.str.contains(MAYBE_INVISIBLE).any() or (users == "").any():
        return users.to_frame().select(identifier(pl.first())).to_series()
    return users


def _keys(users: pl.Series) -> pl.Series:
    """Each user's once: a file has many rows of one."""
    told = users.to_arrow(compat_level=pl.CompatLevel.oldest()).dictionary_encode()
    keys = pa.array(map(_key, told.dictionary.to_pylist()), pa.int64())
    return pl.Series(users.name, keys.take(told.indices))


_key = lru_cache(1 << 16)(durable_key)  # of users who are in many files


def transactions(layout: str) -> Layout:
    """The layout of deposits and of withdrawals."""
    columns: Mapping[str, type[pl.DataType]] = {
        **dict.fromkeys(("id", "event_timestamp", "user_id"), pl.String),
        "amount": pl.Decimal,
        **dict.fromkeys(("interface", "currency", "tx_status"), pl.String),
    }
    rank = name("tx_status").replace_strict(STATUS_RANKS, default=OTHER_STATUS, return_dtype=pl.Int64)
    return Layout(
        name=layout,
        columns=columns,
        optional=["interface"],
        canonical={
            "id": pl.col("id"),
            **user_of(),
            "amount": pl.col("amount"),
            "currency": name("currency"),
            "status": name("tx_status"),
            "interface": identifier(pl.col("interface")),
            "precedence": rank,
            "event_ts": moment("event_timestamp"),
        },
    )


# Newer is what comes later, then what is surer, then what is greater: an order over all that a row tells, so that the order of
# landing does not count.
NEWEST_TRANSACTION = ("event_ts", "precedence", "status", "amount", "currency", "user_id", "interface", "extra")
