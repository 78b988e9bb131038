"""Archives of Binance's candles: a second account of the same, for long histories and to compare with what the API tells."""

from datetime import timedelta

from cryptodudez_assets.feeds.binance import FIRST_DAY, series
from cryptodudez_assets.feeds.declaration import Feed
from cryptodudez_assets.venues.binance.archives import Archives

FEED = Feed(
    name="binance_archives",
    venue="Binance's archives",
    description="Archives of Binance's candles, a zip for each month or day, verified by its checksum.",
    owner="team:market-data",
    source="binance_archives",
    series=series,
    choices={"symbol": "a pair such as BTCUSDT", "interval": "how long candles are, such as 1d, 1h or 1m"},
    client=Archives,
    cron="30 9 * * *",
    covers=timedelta(days=360),
    is_revised=False,
    first_day=FIRST_DAY,
    suffix=".zip",
)
