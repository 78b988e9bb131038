"""`market.candles`: final candles of all venues as they are known now, and rows that say where one lacks."""

import polars as pl

from cryptodudez_assets.candles.grid import missing
from cryptodudez_assets.contracts.base import polars_schema
from cryptodudez_assets.contracts.candles import VALUES, Candles
from cryptodudez_assets.derived import Derived, Frames, Input

REVISIONS = "market.candle_revisions"
SERIES = ["venue", "symbol", "interval"]


def candles(frames: Frames) -> pl.LazyFrame:
    """The last revision of each candle, and gaps."""
    told = frames[REVISIONS]
    newest = told.filter(pl.col("revision") == pl.col("revision").max().over(*SERIES, "open_time"))
    gaps = missing(newest, SERIES, "open_time").with_columns(
        is_gap=pl.lit(value=True),
        revision=pl.lit(0, pl.Int64),
        known_ts=pl.col("close_time") + pl.duration(milliseconds=1),
    )
    rows = pl.concat([newest.with_columns(is_gap=pl.lit(value=False)), gaps], how="diagonal")
    return rows.rename({"open_time": "event_ts"}).select(polars_schema(Candles).names())


DERIVED = Derived(
    "market.candles",
    Candles,
    owner="team:market-data",
    key=[*SERIES, "event_ts"],
    # Gaps depend on the candles around them: a change reaches all of its series, of which the time is no part.
    inputs=[Input(REVISIONS, [*SERIES, "open_time", *VALUES, "revision", "known_ts"])],
    transform=candles,
    time="event_ts",
)
