"""Candles as Binance writes them, in answers of its API and in archives: expressions that its sources share."""

from collections.abc import Mapping

import polars as pl

from cryptodudez_assets.venues.binance.protocol import GRACE, INTERVALS, LEAST_MICROSECONDS

NAMES = (
    *("open_time", "open", "high", "low", "close", "volume", "close_time"),
    *("quote_volume", "n_trades", "taker_buy_base", "taker_buy_quote", "unused"),
)
"""Of the fields of a candle, in their order."""
UNUSED = ("unused",)
PLAIN = {name: name for name in NAMES}
WHOLE = {"open_time", "close_time", "n_trades"}
INTERVAL = r"(?P<interval>\d+(?:mo|[smhdwM]))"
"""In a path. What a month is called there is not told apart by capitals from a minute."""

interval = pl.col("interval").replace({one.path_name: one.name for one in INTERVALS.values()})


def columns(names: Mapping[str, str]) -> dict[str, type[pl.DataType]]:
    """Raw columns of a candle whose fields are called so."""
    return {told: pl.Int64 if name in WHOLE else pl.Decimal for name, told in names.items() if name not in UNUSED}


def candle(names: Mapping[str, str], known: pl.Expr, origin: str) -> dict[str, pl.Expr]:
    """Columns of the contract for a candle whose fields are called so, told at a time by somebody."""
    closed = wire_time(names["close_time"])
    return {
        "symbol": pl.col("symbol"),
        "interval": interval,
        **fields(names),
        **told(closed, known, origin),
    }


def fields(names: Mapping[str, str]) -> dict[str, pl.Expr]:
    """Columns that are fields of a candle, but for when it closes."""
    plain = {name: pl.col(names[name]) for name in NAMES if name not in ("open_time", "close_time", *UNUSED)}
    return {"open_time": wire_time(names["open_time"]), **plain}


def told(closed: pl.Expr, known: pl.Expr, origin: str) -> dict[str, pl.Expr]:
    """Columns that follow from when a candle closes, and from who told it when."""
    return {
        "close_time": closed,
        "event_ts": closed,
        "is_final": closed + pl.lit(GRACE) < known,
        "origin": pl.lit(origin),
        "known_ts": known,
    }


def wire_time(name: str) -> pl.Expr:
    """A time in milliseconds of Unix time, or in microseconds. Finer than a millisecond archives alone tell: it is cut off."""
    at = pl.col(name)
    milliseconds = pl.when(at >= LEAST_MICROSECONDS).then(at // 1000).otherwise(at)
    return pl.from_epoch(milliseconds * 1000, "us").dt.replace_time_zone("UTC")
