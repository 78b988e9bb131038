"""A daily candle that was told with two beginnings is one day of its coin."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from cryptodudez_assets.candles.candle_days import candle_days
from cryptodudez_assets.contracts.base import polars_schema
from cryptodudez_assets.contracts.candles import CandleRevisions

DAY = datetime(2026, 11, 1, tzinfo=UTC)
END = DAY + timedelta(days=1)
LATE = timedelta(seconds=20)


def told(opens: datetime, close: int) -> dict[str, object]:
    amounts = ("open", "high", "low", "volume", "quote_volume", "taker_buy_base", "taker_buy_quote")
    names = {"venue": "binance", "symbol": "ETHUSDT", "interval": "1d", "origin": "api"}
    times = {"open_time": opens, "close_time": END - timedelta(milliseconds=1), "known_ts": END}
    return {**names, **times, **dict.fromkeys(amounts, 1), "close": close, "n_trades": 1, "revision": 0}


@pytest.mark.parametrize("opens", [[DAY, DAY + LATE], [DAY + LATE, DAY], [DAY + 2 * LATE, DAY + LATE]])
def test_the_first_beginning_tells_the_day(opens: list[datetime]) -> None:
    rows = [told(one, 1 + round((one - DAY) / LATE)) for one in opens]
    frame = pl.LazyFrame(rows).cast(pl.Schema(polars_schema(CandleRevisions)))

    days = candle_days({"market.candle_revisions": frame}).collect()

    (day,) = days.iter_rows(named=True)
    assert day["close"] == 1 + min(opens).second // LATE.seconds
    assert day["event_ts"] == END - timedelta(seconds=1)
