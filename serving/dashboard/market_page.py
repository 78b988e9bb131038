"""The page of the market: how all coins stand, and one of them as a chart and day by day."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.samples import is_planted, last_day_of
from cryptodudez_assets.models.signal.signal import OF_PLANTED
from serving.dashboard.candles import charted
from serving.dashboard.frame import one_of
from serving.dashboard.frame import render as made
from serving.dashboard.prices import ARCHIVE, RANGES, days_of, is_known
from serving.dashboard.tables import Table, ask

COINS = f"""WITH days AS (
  SELECT symbol AS coin, event_ts::DATE AS day, close, volume, max(event_ts::DATE) OVER (PARTITION BY symbol) AS last
  FROM {ARCHIVE}
)
SELECT coin, last AS newest, arg_max(close, day) AS close,
  round(100 * (arg_max(close, day) / arg_max(close, day) FILTER (day <= last - 1) - 1), 1) AS day_percent,
  round(100 * (arg_max(close, day) / arg_max(close, day) FILTER (day <= last - 30) - 1), 1) AS month_percent,
  round(100 * (arg_max(close, day) / arg_max(close, day) FILTER (day <= last - 365) - 1), 1) AS year_percent,
  arg_max(volume, day) AS volume
FROM days GROUP BY coin, last ORDER BY volume DESC NULLS LAST, coin"""


@dataclass(frozen=True)
class Market:
    """One look at it. `coin`: of which `days` are; empty where there are no prices yet."""

    coin: str
    reach: str
    coins: Table | None
    days: Table | None
    samples_until: date | None = None
    """The last day of the demo's simulated data; None where it has put none into the lake."""
    planted: bool = False
    """Whether a signal was planted in them."""

    @property
    def tables(self) -> Mapping[str, Table]:
        """What can be had as files."""
        return {one.name: one for one in (self.coins, self.days) if one}


def gather(lake: Lake, coin: str, reach: str, usual: str = "") -> Market:
    """Look at all coins, and at the days of one within a range. Where `coin` is empty, it is the usual one, or that with the most volume.

    Raises what is answered where there is no such coin.
    """
    if not is_known(lake):
        return Market("", reach, None, None)
    coins = ask(lake, "coins", "Coins", COINS, [ARCHIVE])
    names = coins.rows["coin"].to_list()
    chosen = one_of(names, coin or (usual if usual in names else names[0]), "coin")
    days = days_of(lake, chosen, reach)
    return Market(chosen, reach, coins, days, last_day_of(lake.settings), is_planted(lake.settings))


def render(market: Market) -> str:
    """The whole page."""
    return made(
        "market.html",
        market=market,
        coins=market.coins.rows["coin"].to_list() if market.coins else [],
        chart=charted(market.days, market.coin) if market.days else None,
        ranges=RANGES,
        of_planted=OF_PLANTED,
    )
