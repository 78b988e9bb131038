"""Contract of `market.candle_days`: days of coins by candles."""

import pandera.polars as pa

from cryptodudez_assets.contracts.base import Contract, UtcTime


class CandleDays(Contract):
    """Days of coins by the daily candles of a venue, one row per coin and UTC day, as each candle was first told.

    A candle that is told otherwise later is a revision: what was traded on at the time is the first. Prices are in USDT, a token that
    is kept near a US dollar, and are taken for dollars.
    """

    coin: str = pa.Field(description="Ticker of the coin.", str_length={"min_value": 1, "max_value": 20})
    pair: str = pa.Field(description="What was traded, as the venue names it.")
    high: float = pa.Field(description="Highest price of the day.", ge=0, metadata={"unit": "USDT"})
    low: float = pa.Field(description="Lowest price of the day.", ge=0, metadata={"unit": "USDT"})
    close: float = pa.Field(description="Last price of the day.", gt=0, metadata={"unit": "USDT"})
    volume: float = pa.Field(
        description="Traded of this pair, at this venue alone; null where nothing was.",
        nullable=True,
        gt=0,
        metadata={"unit": "USDT"},
    )
    event_ts: UtcTime = pa.Field(
        description="The UTC day's last second (23:59:59), as archives of candles write a day.",
        metadata={"unit": "UTC", "known": "event_ts"},
    )
    known_ts: UtcTime = pa.Field(description="Since when the candle could be known.", metadata={"unit": "UTC"})
