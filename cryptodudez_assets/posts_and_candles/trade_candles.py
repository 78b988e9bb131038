"""The table `market.trade_candles`: prices and volumes of candles."""

from datetime import timedelta

import pandera.polars as pa
import polars as pl

from cryptodudez_assets.contracts.base import Exact
from cryptodudez_assets.derived import Derived, Frames, Input, Parquet
from cryptodudez_assets.posts_and_candles.quality import OF_CANDLES
from cryptodudez_assets.posts_and_candles.splitting import Timed, each_once, listed
from cryptodudez_assets.posts_and_candles.trades import CANDLES, ID, SERIES, with_ids

TABLE = "market.trade_candles"
PRICES = ["open", "high", "low", "close"]
VOLUMES = ["volume", "quote_volume", "taker_buy_base", "taker_buy_quote"]


class TradeCandles(Timed):
    """Prices and volumes of candles with all their digits, one row per candle of one symbol.

    `id` finds its symbol in `market.trade_symbols` and its time in `market.trade_time`. Where an exchange has no candle there is no row.
    """

    id: str = pa.Field(description=ID)
    open: Exact = pa.Field(description="First price.", metadata={"unit": "quote"})
    high: Exact = pa.Field(description="Highest price.", metadata={"unit": "quote"})
    low: Exact = pa.Field(description="Lowest price.", metadata={"unit": "quote"})
    close: Exact = pa.Field(description="Last price.", metadata={"unit": "quote"})
    volume: Exact = pa.Field(description="Traded.", nullable=True, metadata={"unit": "base"})
    quote_volume: Exact = pa.Field(
        description="Traded, at the prices of the trades.", nullable=True, metadata={"unit": "quote"}
    )
    number_of_trades: pl.Int64 = pa.Field(description="Trades.", nullable=True, metadata={"unit": "trades"})
    taker_buy_base: Exact = pa.Field(
        description="Bought by those who took an offer.", nullable=True, metadata={"unit": "base"}
    )
    taker_buy_quote: Exact = pa.Field(
        description="The same, at the prices of the trades.", nullable=True, metadata={"unit": "quote"}
    )


def transform(frames: Frames) -> pl.LazyFrame:
    """Prices and volumes of the candles."""
    rows = with_ids(frames[CANDLES])
    return rows.select("id", "event_ts", *PRICES, *VOLUMES, number_of_trades="n_trades")


DERIVED = Derived(
    TABLE,
    TradeCandles,
    owner="team:market-data",
    key=["id"],
    inputs=[Input(CANDLES, [*SERIES, "event_ts", "is_gap", *PRICES, *VOLUMES, "n_trades"], reaches=timedelta(0))],
    transform=transform,
    time="event_ts",
    exports=[Parquet(by_month="event_ts", columns=listed(TradeCandles))],
    checks=[each_once(TABLE, CANDLES, with_ids)],
    quality=OF_CANDLES,
    tags={"domain": "market"},
)
