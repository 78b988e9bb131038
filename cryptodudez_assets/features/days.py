"""Whole UTC days, the grid of all daily features, and the last step of every transform: rows as the contract says.

Inputs must be on time: what becomes known after its day's end has no place in a row that claims to be known at the end.
"""

from collections.abc import Sequence

import polars as pl

from cryptodudez_assets.contracts.base import polars_schema
from cryptodudez_assets.features.declaration import FeatureContract
from cryptodudez_assets.ordering import in_order_lazily


def day_of(time: str) -> pl.Expr:
    """The first instant of the UTC day of a time."""
    return pl.col(time).dt.truncate("1d")


def end_of(day: str) -> pl.Expr:
    """The next midnight: when everything about the day has happened."""
    return pl.col(day).dt.offset_by("1d")


def on_time(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Daily rows that were known when their day ended."""
    return rows.filter(pl.col("known_ts") <= end_of("event_ts"))


def days_before(rows: pl.LazyFrame, days: int, columns: dict[str, str], keys: Sequence[str] = ()) -> pl.LazyFrame:
    """The rows with columns of exactly so many calendar days before; null where that day has no row."""
    earlier = rows.select(
        *keys, pl.col("event_ts").dt.offset_by(f"{days}d"), *(pl.col(name).alias(new) for name, new in columns.items())
    )
    return rows.join(earlier, on=[*keys, "event_ts"], how="left")


def as_contract(rows: pl.LazyFrame, contract: type[FeatureContract], keys: Sequence[str] = ()) -> pl.LazyFrame:
    """Exactly the contract's columns and types, in one order whatever the order of the inputs."""
    schema = polars_schema(contract)
    typed = rows.select(pl.col(name).cast(dtype) for name, dtype in schema.items())
    return in_order_lazily(typed, [*keys, "event_ts", "known_ts"])
