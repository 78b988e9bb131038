"""Candles of Binance, by its API."""

from collections.abc import Sequence
from datetime import date, timedelta
from itertools import product

from cryptodudez_assets.feeds.declaration import Chosen, Feed
from cryptodudez_assets.venues.binance.klines import Klines, series_of
from cryptodudez_assets.venues.pages import Series

SYMBOLS = (
    "BTCUSDT",
    "ETHUSDT",
    "DOGEUSDT",
    "BNBUSDT",
    "XRPUSDT",
    "ADAUSDT",
    "SOLUSDT",
    "LTCUSDT",
    "LINKUSDT",
    "TRXUSDT",
)
INTERVALS = ("1d",)
FIRST_DAY = date(2017, 7, 14)
"""On which the exchange opened."""


def series(chosen: Chosen) -> Sequence[Series]:
    """Candles of each pair and interval."""
    asked = product(chosen.get("symbol") or SYMBOLS, chosen.get("interval") or INTERVALS)
    return [series_of(symbol, interval) for symbol, interval in asked]


FEED = Feed(
    name="binance",
    venue="Binance",
    description="Candles of Binance: daily ones of ten pairs over the last 360 days, or others that are chosen.",
    owner="team:market-data",
    source="binance_klines",
    series=series,
    choices={"symbol": "a pair such as BTCUSDT", "interval": "how long candles are, such as 1d, 1h or 1m"},
    client=Klines,
    cron="1 0,6,12,18 * * *",
    covers=timedelta(days=360),
    costs="nothing; a call weighs 2 of the 6,000 a minute that an address may use",
    first_day=FIRST_DAY,
)
