"""Expressions that several sources share, so that none of them needs another's file."""

from datetime import date, time
from functools import cache

import polars as pl

from cryptodudez_assets.venues.bitso.protocol import MONEYS

UTC_TIME = pl.Datetime("us", "UTC")


def recorded(column: str) -> pl.Expr:
    """Zero in the early years means that nobody recorded it."""
    return pl.when(pl.col(column) != 0).then(column)


def iso_time(column: str) -> pl.Expr:
    """A time as ISO 8601 writes it, with or without a fraction, in the zone that it tells."""
    return pl.col(column).str.to_datetime("%+", time_unit="us", time_zone="UTC", strict=False)


def book_name(column: str) -> pl.Expr:
    """The venue's name of an order book, which people may write in capitals, or with the money first."""
    name = pl.col(column).str.strip_chars().str.to_lowercase().str.replace("-", "_", literal=True)
    major, minor = (name.str.split("_").list.get(at, null_on_oob=True) for at in (0, 1))
    ranks = {money: number for number, money in enumerate(MONEYS)}
    first, second = (side.replace_strict(ranks, default=len(ranks), return_dtype=pl.Int64) for side in (major, minor))
    return pl.when(first < second).then(pl.concat_str(minor, pl.lit("_"), major)).otherwise(name)


def regular_close_of(day: pl.Expr) -> pl.Expr:
    """When trading ends on that day, in UTC."""
    return day.map_batches(_closes, return_dtype=UTC_TIME, is_elementwise=True)


def _closes(days: pl.Series) -> pl.Series:
    """Looked up rather than computed: candles are many, their days few, and time zones cost more than all else in a row."""
    first, closes = _known_closes()
    at = days.to_physical() - first
    known = at.is_between(0, len(closes) - 1).all()
    return closes.gather(at) if known else _computed_closes(days)


@cache
def _known_closes() -> tuple[int, pl.Series]:
    """Those of two centuries, and the number of the first day."""
    days = pl.date_range(date(1900, 1, 1), date(2099, 12, 31), eager=True)
    return days.to_physical()[0], _computed_closes(days)


def _computed_closes(days: pl.Series) -> pl.Series:
    in_new_york = days.dt.combine(time(16)).dt.replace_time_zone("America/New_York")
    return in_new_york.dt.convert_time_zone("UTC").cast(UTC_TIME)
