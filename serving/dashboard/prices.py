"""Days of coins as the lake has them, for charts and tables: prices of the archive, and of fetched candles where it lacks a day."""

from collections.abc import Mapping
from dataclasses import dataclass

from cryptodudez_assets.lake.lake import Lake
from serving.dashboard.tables import Table, ask, has

ARCHIVE, FETCHED = "market.crypto_prices", "market.candle_days"
OF_ARCHIVE = f"SELECT event_ts::DATE AS day, open, high, low, close, volume FROM {ARCHIVE} WHERE symbol = $coin"
# A fetched day tells no beginning: that is the end of the day before.
OF_BOTH = f"""SELECT day, coalesce(open, lag(close) OVER (ORDER BY day), close) AS open, high, low, close, volume
FROM (
  {OF_ARCHIVE}
  UNION ALL
  SELECT event_ts::DATE, NULL, high, low, close, volume FROM {FETCHED} AS fetched
  WHERE coin = $coin
    AND NOT EXISTS (SELECT 1 FROM {ARCHIVE} WHERE symbol = $coin AND event_ts::DATE = fetched.event_ts::DATE)
)"""


@dataclass(frozen=True)
class Range:
    """How far back a chart looks from the last day that is known. `days`: None for all."""

    label: str
    days: int | None


RANGES: Mapping[str, Range] = {"1m": Range("1M", 31), "1y": Range("1Y", 365), "all": Range("All", None)}
DEFAULT_RANGE = "1y"


def is_known(lake: Lake) -> bool:
    """Whether there are prices."""
    return has(lake, ARCHIVE)


def days_of(lake: Lake, coin: str, reach: str) -> Table:
    """Days of a coin within a range of `RANGES`, the newest first; no rows where nothing is known of it. There must be prices."""
    tables = [ARCHIVE, *([FETCHED] if has(lake, FETCHED) else [])]
    days = OF_BOTH if FETCHED in tables else OF_ARCHIVE
    length = RANGES[reach].days
    within = "" if length is None else f"\nWHERE day > (SELECT max(day) FROM days) - {length}"
    sql = f"WITH days AS (\n{days}\n)\nSELECT * FROM days{within}\nORDER BY day DESC"
    return ask(lake, "days", f"Days of {coin}", sql, tables, {"coin": coin})
