"""How much to simulate: the three named sizes, and their limits."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

FIRST_DAY = date(2010, 1, 1)
EARLIEST_END = date(2021, 1, 1)
"""Both layouts of tweets are written whatever the last day is."""
LAST_DAY = date(2021, 12, 31)
"""Of a simulation that names no other: the same archives on every day."""
STUDIED_SINCE = date(2018, 6, 1)
"""The study of tweets that say "dogecoin" is about 2019, and looks at half a year before each of them."""

SizeName = Literal["tiny", "small", "large"]


@dataclass(frozen=True)
class Size:
    """Extent of each source. Coins listed late have fewer days; every tweet up to 2019 is in several scrapes.

    `crypto_days` and `stock_days` end with the last day of the simulation. `study_since`: Bitcoin and Dogecoin go back to
    this day, if that is longer. Posts about Bitcoin are of the last `post_days`. Of each user of an exchange there are some
    deposits, withdrawals and events in `account_days`.
    """

    coins: int
    crypto_days: int
    tweets: int
    stock_symbols: int
    stock_days: int
    study_since: date | None = None
    account_users: int = 20
    account_days: int = 60
    post_days: int = 40
    posts_a_day: int = 6

    def __post_init__(self) -> None:
        if self.account_users < 20 or self.account_days < 3:
            raise ValueError(
                "account_users, account_days: at least 20 and 3, for users of every kind, and files of whole days"
            )
        if min(self.post_days, self.posts_a_day) < 1:
            raise ValueError("post_days, posts_a_day: at least 1")
        if self.coins < 3:
            raise ValueError("coins: at least 3, for Bitcoin, Ethereum and Dogecoin")
        if self.tweets < 48:
            raise ValueError("tweets: at least 48, for a few in each year")
        if min(self.crypto_days, self.stock_symbols, self.stock_days) < 2:
            raise ValueError("crypto_days, stock_symbols, stock_days: at least 2")
        if self.crypto_days > (EARLIEST_END - FIRST_DAY).days or self.stock_days > 2700:
            raise ValueError(
                f"crypto_days, stock_days: at most {(EARLIEST_END - FIRST_DAY).days} and 2700: "
                f"the markets are simulated from {FIRST_DAY} on"
            )


SIZES: Mapping[SizeName, Size] = {
    # "tiny" has just enough days of Ether, and rows of stocks, for both models to be trained.
    "tiny": Size(coins=5, crypto_days=920, tweets=320, stock_symbols=6, stock_days=160, study_since=STUDIED_SINCE),
    "small": Size(
        coins=18,
        crypto_days=2150,
        tweets=13_500,
        stock_symbols=52,
        stock_days=504,
        study_since=STUDIED_SINCE,
        account_users=400,
        account_days=365,
        post_days=360,
        posts_a_day=30,
    ),
    "large": Size(
        coins=900,
        crypto_days=2150,
        tweets=60_000,
        stock_symbols=600,
        stock_days=2000,
        study_since=STUDIED_SINCE,
        account_users=10_000,
        account_days=900,
        post_days=900,
        posts_a_day=200,
    ),
}
