"""The table `market.trade_symbols`: of what candles are."""

from datetime import timedelta

import pandera.polars as pa
import polars as pl

from cryptodudez_assets.derived import Derived, Frames, Input, Parquet
from cryptodudez_assets.posts_and_candles.quality import OF_CANDLES
from cryptodudez_assets.posts_and_candles.splitting import Timed, each_once, listed
from cryptodudez_assets.posts_and_candles.trades import CANDLES, ID, SERIES, with_ids

TABLE = "market.trade_symbols"


class TradeSymbols(Timed):
    """Of what candles are, one row per candle of one symbol."""

    id: str = pa.Field(description=ID)
    symbol: str = pa.Field(description="Pair as the exchange names it.")
    interval: str = pa.Field(description="How long the candle is; 1m is a minute, 1M a month.")
    venue: str = pa.Field(description="The exchange.")


def transform(frames: Frames) -> pl.LazyFrame:
    """What the candles are of."""
    return with_ids(frames[CANDLES]).select("id", "event_ts", *SERIES)


DERIVED = Derived(
    TABLE,
    TradeSymbols,
    owner="team:market-data",
    key=["id"],
    inputs=[Input(CANDLES, [*SERIES, "event_ts", "is_gap"], reaches=timedelta(0))],
    transform=transform,
    time="event_ts",
    exports=[Parquet(by_month="event_ts", columns=listed(TradeSymbols))],
    checks=[each_once(TABLE, CANDLES, with_ids)],
    quality=OF_CANDLES,
    tags={"domain": "market"},
)
