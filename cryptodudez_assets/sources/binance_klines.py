"""Candles of Binance: answers of its API as they were fetched, and files in which somebody kept candles of it.

A path tells what candles do not: pair, interval, and of an answer the venue's time at which it was given.
"""

from datetime import timedelta

import polars as pl

from cryptodudez_assets.contracts.base import EXACT
from cryptodudez_assets.contracts.binance_klines import BinanceKlines
from cryptodudez_assets.sources.declaration import CATALOGUED, Layout, Source
from cryptodudez_assets.sources.klines import (
    INTERVAL,
    NAMES,
    PLAIN,
    UNUSED,
    candle,
    columns,
    fields,
    interval,
    told,
    wire_time,
)
from cryptodudez_assets.venues.pages import STAMP, STAMP_PATTERN

told_at = pl.col("told_at").str.to_datetime(STAMP, time_unit="us", time_zone="UTC", strict=False)
opened = pl.col("Opened").str.to_datetime("%Y-%m-%d %H:%M:%S", time_unit="us", time_zone="UTC", strict=False)
closed = opened.dt.offset_by(interval.replace({"1M": "1mo"})) - pl.duration(milliseconds=1)
KEPT = ("Open", "High", "Low", "Close", "Volume")
IN_EVENTS = {name: f"data.k.{field}" for name, field in zip(NAMES, "tohlcvTqnVQB", strict=True)}
"""Where the fields of a candle are in an event of the socket."""
OF_EVENTS = ("data.k.s", "data.k.i", "data.k.x")

SOURCE = Source(
    name="binance_klines",
    description="Candles of Binance: answers of its API, each about a pair, an interval and a range.",
    owner="team:market-data",
    table="market.binance_klines",
    observations="market.binance_kline_observations",
    contract=BinanceKlines,
    layouts=[
        Layout(
            name="answer",
            format="json",
            path=rf"series=(?P<symbol>[^/]+)-{INTERVAL}/(?P<told_at>{STAMP_PATTERN})(?:_{STAMP_PATTERN}){{3}}(?:-\d+)?\.json$",
            columns=columns(PLAIN),
            names=NAMES,
            ignored=UNUSED,
            canonical=candle(PLAIN, told_at, "api"),
        ),
        Layout(
            name="socket_event",
            format="jsonl",
            columns={**columns(IN_EVENTS), "data.E": pl.Int64, **dict.fromkeys(OF_EVENTS, pl.String)},
            canonical={
                "symbol": pl.col("data.k.s"),
                "interval": pl.col("data.k.i"),
                **fields(IN_EVENTS),
                **told(wire_time("data.k.T"), wire_time("data.E"), "stream"),
                "is_final": pl.col("data.k.x") == "true",
            },
        ),
        Layout(
            name="kept",
            format="csv",
            path=rf"/{INTERVAL}_data/(?P<symbol>[^/]+)/(?:[^/]+/)?[^/]+\.csv$",
            columns={"Opened": pl.String, **dict.fromkeys(KEPT, pl.Decimal)},
            canonical={
                "symbol": pl.col("symbol"),
                "interval": interval,
                "open_time": opened,
                **{name.lower(): pl.col(name) for name in KEPT},
                **dict.fromkeys(("quote_volume", "taker_buy_base", "taker_buy_quote"), pl.lit(None, EXACT)),
                "n_trades": pl.lit(None, pl.Int64),
                **told(closed, pl.col(CATALOGUED), "file"),
            },
        ),
    ],
    key=["symbol", "interval", "open_time"],
    newest_by="known_ts",
    sort_by=["symbol", "interval", "open_time"],
    fresh_within=timedelta(days=3),
)
