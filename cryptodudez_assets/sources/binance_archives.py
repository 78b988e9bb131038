"""Archives of Binance's candles: a CSV for each pair, interval and month or day, in a zip. Most have no header."""

import polars as pl

from cryptodudez_assets.contracts.binance_klines import BinanceArchives
from cryptodudez_assets.sources.declaration import CATALOGUED, Layout, Source
from cryptodudez_assets.sources.klines import INTERVAL, NAMES, PLAIN, UNUSED, candle, columns

HEADED = PLAIN | {
    "n_trades": "count",
    "taker_buy_base": "taker_buy_volume",
    "taker_buy_quote": "taker_buy_quote_volume",
}
PATH = rf"(?:^|/)(?P<symbol>[^/]+?)-{INTERVAL}-\d{{4}}-\d{{2}}(?:-\d{{2}})?\.csv$"

SOURCE = Source(
    name="binance_archives",
    description="Archives of Binance's candles, a zip for each pair, interval and month or day.",
    owner="team:market-data",
    table="market.binance_archives",
    observations="market.binance_archive_observations",
    contract=BinanceArchives,
    layouts=[
        Layout(
            name="without_header",
            format="csv",
            path=PATH,
            columns=columns(PLAIN),
            names=NAMES,
            ignored=UNUSED,
            canonical=candle(PLAIN, pl.col(CATALOGUED), "archive"),
        ),
        Layout(
            name="with_header",
            format="csv",
            path=PATH,
            columns=columns(HEADED),
            ignored=["ignore"],
            canonical=candle(HEADED, pl.col(CATALOGUED), "archive"),
        ),
    ],
    key=["symbol", "interval", "open_time"],
    sort_by=["symbol", "interval", "open_time"],
)
