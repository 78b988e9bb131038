"""Narrow tables of any candles, however these change: a full join finds each candle once, with its symbol and every digit."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import pandera.polars as pa
import polars as pl
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from pyiceberg.expressions import AlwaysTrue

from cryptodudez_assets.contracts.base import Contract, Exact, UtcTime, polars_schema
from cryptodudez_assets.derived import all_derived
from cryptodudez_assets.derived.upkeep.looking import look
from cryptodudez_assets.derived.upkeep.materialize import materialize
from cryptodudez_assets.lake.iceberg.spec import TableSpec
from cryptodudez_assets.products.exports import exports_of
from cryptodudez_assets.settings import Settings
from cryptodudez_assets_tests.builders import open_lake, rows_of

NAMES = ["market.trade_candles", "market.trade_symbols", "market.trade_time"]
FIRST = datetime(2020, 12, 30, tzinfo=UTC)
STEP = {"1d": timedelta(days=1), "1h": timedelta(hours=1)}


class AnyCandles(Contract):
    """Candles as the narrow tables read them."""

    venue: str = pa.Field(description="Exchange.")
    symbol: str = pa.Field(description="Pair.")
    interval: str = pa.Field(description="How long.")
    event_ts: UtcTime = pa.Field(description="Opening.")
    close_time: UtcTime = pa.Field(description="Close.")
    open: Exact = pa.Field(description="First price.", nullable=True)
    high: Exact = pa.Field(description="Highest price.", nullable=True)
    low: Exact = pa.Field(description="Lowest price.", nullable=True)
    close: Exact = pa.Field(description="Last price.", nullable=True)
    volume: Exact = pa.Field(description="Traded.", nullable=True)
    quote_volume: Exact = pa.Field(description="Traded.", nullable=True)
    n_trades: pl.Int64 = pa.Field(description="Trades.", nullable=True)
    taker_buy_base: Exact = pa.Field(description="Bought.", nullable=True)
    taker_buy_quote: Exact = pa.Field(description="Bought.", nullable=True)
    is_gap: pl.Boolean = pa.Field(description="None.")


KEY = ["venue", "symbol", "interval", "event_ts"]
SPEC = TableSpec("market.candles", AnyCandles, (("event_ts", "month"),), tuple(KEY))
prices = st.decimals(Decimal("0.000000000000000001"), Decimal("99999999999999999999"), places=18)


@st.composite
def candles(draw: st.DrawFn) -> pl.DataFrame:
    """A few candles of three pairs, some of them gaps; several open at one time."""
    at = st.tuples(st.sampled_from(["BTCUSDT", "ETHUSDT", "1:1d"]), st.sampled_from(["1d", "1h"]), st.integers(0, 40))
    rows = []
    for symbol, interval, number in draw(st.lists(at, min_size=1, max_size=12, unique=True)):
        opened, is_gap = FIRST + number * STEP[interval], draw(st.booleans())
        price = None if is_gap else draw(prices)
        told = dict.fromkeys(["open", "high", "low", "close", "volume", "quote_volume"], price)
        rows.append(
            {
                **{"venue": "binance", "symbol": symbol, "interval": interval, "event_ts": opened, "is_gap": is_gap},
                **told,
                **{"close_time": opened + STEP[interval], "n_trades": None if is_gap else number},
                **{"taker_buy_base": price, "taker_buy_quote": None},
            }
        )
    return pl.DataFrame(rows, schema=polars_schema(AnyCandles))


@settings(max_examples=4, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(before=candles(), after=candles())
def test_each_candle_is_found_once_in_each_with_its_symbol_and_digits(
    before: pl.DataFrame, after: pl.DataFrame
) -> None:
    with TemporaryDirectory() as folder:
        lake = open_lake(Settings(home=Path(folder), settle_seconds=0))
        for rows in (before, pl.concat([after, before]).unique(KEY, keep="first", maintain_order=True)):
            with lake.tables.changing(SPEC) as change:
                change.delete(AlwaysTrue())
                change.add(rows)
            tables = [all_derived()[name] for name in NAMES]
            for table in tables:
                materialize(lake, table)
            first, second, third = (rows_of(lake, name).drop("event_ts") for name in NAMES)
            joined = first.join(second, on="id", validate="1:1").join(third, on="id", validate="1:1")
            found = joined.rename({"datetime": "event_ts", "number_of_trades": "n_trades"}).sort(KEY)
            wanted = rows.filter(~pl.col("is_gap")).drop("is_gap").sort(KEY)
            assert found.select(wanted.columns).equals(wanted)
            assert all(look(lake, table, check).passed for table in tables for check in table.checks)  # type: ignore[union-attr]
            for one in exports_of([], tables):
                assert one.write(lake) == len(wanted)
