"""The table `market.trade_time`: when candles were."""

from datetime import timedelta

import pandera.polars as pa
import polars as pl

from cryptodudez_assets.contracts.base import UtcTime
from cryptodudez_assets.derived import Derived, Frames, Input, Parquet
from cryptodudez_assets.posts_and_candles.quality import OF_CANDLES
from cryptodudez_assets.posts_and_candles.splitting import (
    Calendar,
    calendar,
    each_once,
    listed,
    one_in_each_sister,
)
from cryptodudez_assets.posts_and_candles.trades import CANDLES, ID, SERIES, SISTERS, with_ids

TABLE = "market.trade_time"


class TradeTime(Calendar):
    """When candles were, one row per candle of one symbol, with the calendar of its opening."""

    id: str = pa.Field(description=ID)
    datetime: UtcTime = pa.Field(description="When the candle begins (UTC).", metadata={"unit": "UTC"})
    close_time: UtcTime = pa.Field(description="The last millisecond that belongs to it.", metadata={"unit": "UTC"})


def transform(frames: Frames) -> pl.LazyFrame:
    """The times of the candles."""
    rows = with_ids(frames[CANDLES])
    return rows.select("id", "event_ts", "close_time", datetime=pl.col("event_ts"), **calendar("event_ts"))


DERIVED = Derived(
    TABLE,
    TradeTime,
    owner="team:market-data",
    key=["id"],
    inputs=[Input(CANDLES, [*SERIES, "event_ts", "close_time", "is_gap"], reaches=timedelta(0))],
    transform=transform,
    time="event_ts",
    exports=[Parquet(by_month="event_ts", columns=listed(TradeTime))],
    checks=[each_once(TABLE, CANDLES, with_ids), one_in_each_sister(TABLE, SISTERS)],
    quality=OF_CANDLES,
    tags={"domain": "market"},
)
