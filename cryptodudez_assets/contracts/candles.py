"""Contracts of `market.candles`, `market.candle_revisions` and `market.candle_differences`."""

import pandera.polars as pa
import polars as pl
from pandera.api.polars.types import PolarsData

from cryptodudez_assets.contracts.base import Contract, Exact, UtcTime
from cryptodudez_assets.contracts.binance_klines import ORIGINS, amount, price

VALUES = (
    *("close_time", "open", "high", "low", "close"),
    *("volume", "quote_volume", "n_trades", "taker_buy_base", "taker_buy_quote"),
)
"""What is told of a candle."""


class Candle(Contract):
    """What both tables say of a candle."""

    venue: str = pa.Field(description="Exchange that it is of, such as binance.")
    symbol: str = pa.Field(description="Pair as the venue names it.")
    interval: str = pa.Field(description="How long the candle is; 1m is a minute, 1M a month.")
    close_time: UtcTime = pa.Field(description="The last millisecond that belongs to it.", metadata={"unit": "UTC"})
    open: Exact = price("First price; null in a gap.", nullable=True)
    high: Exact = price("Highest price; null in a gap.", nullable=True)
    low: Exact = price("Lowest price; null in a gap.", nullable=True)
    close: Exact = price("Last price; null in a gap.", nullable=True)
    volume: Exact = amount("Traded.", "base")
    quote_volume: Exact = amount("Traded, at the prices of the trades.", "quote")
    n_trades: pl.Int64 = amount("Trades.", "trades")
    taker_buy_base: Exact = amount("Bought by those who took an offer.", "base")
    taker_buy_quote: Exact = amount("The same, at the prices of the trades.", "quote")
    revision: pl.Int64 = pa.Field(description="How often it was told otherwise before.", ge=0)
    known_ts: UtcTime = pa.Field(
        description="Since when these values could be known: the first since the candle's end (one that an earlier answer lacked, since it "
        "was seen), others since they were seen.",
        metadata={"unit": "UTC"},
    )


class CandleRevisions(Candle):
    """Every value that a final candle was told with, one row per candle and revision.

    What was known of a candle at a time is its row with the greatest `known_ts` that is not later. Values that were told again are no
    revision; what an observation does not tell (a file without the number of trades) is as it was told before. When the first
    value was seen may be long after the candle's end: that it was the first that was told is not known.
    """

    open_time: UtcTime = pa.Field(description="When the candle begins.", metadata={"unit": "UTC"})
    origin: str = pa.Field(description="Who told it: api, stream, archive or file.", isin=list(ORIGINS))


class Candles(Candle):
    """Final candles of all venues as they are known now, one row per venue, symbol, interval and time at which the candle opens.

    Between the first and the last candle of a series none is left out: where the venue has none (it stood still), a row says so,
    with `is_gap` and without prices. Candles that are still open are not here.
    """

    event_ts: UtcTime = pa.Field(description="When the candle begins.", metadata={"unit": "UTC", "known": "event_ts"})
    is_gap: pl.Boolean = pa.Field(description="The venue has no such candle.")

    @pa.dataframe_check(name="gap_or_price")
    def gaps_have_no_price(cls, data: PolarsData) -> pl.LazyFrame:
        """A gap has no prices, a candle has all four."""
        there = [pl.col(name).is_not_null() for name in ("open", "high", "low", "close")]
        return data.lazyframe.select(pl.all_horizontal(one != pl.col("is_gap") for one in there))


class CandleDifferences(Contract):
    """What archives of Binance tell otherwise than its API, one row per candle and number. It is empty where both agree.

    Only final candles that both tell are compared, as each told them last.
    """

    symbol: str = pa.Field(description="Pair as the venue names it.")
    interval: str = pa.Field(description="How long the candle is; 1m is a minute, 1M a month.")
    open_time: UtcTime = pa.Field(description="When the candle begins.", metadata={"unit": "UTC"})
    column: str = pa.Field(description="Which number differs, as the column of `market.candles` is called.")
    api: Exact = pa.Field(description="What the API tells.", nullable=True)
    archive: Exact = pa.Field(description="What the archive tells.", nullable=True)
