"""How much to simulate: the three named sizes, and their limits."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

FIRST_DAY = date(2010, 1, 1)
LAST_DAY = date(2021, 12, 31)

SizeName = Literal["tiny", "small", "large"]


@dataclass(frozen=True)
class Size:
    """Extent of each source. Coins listed late have fewer days; every tweet up to 2019 is in several scrapes."""

    coins: int
    crypto_days: int
    tweets: int
    stock_symbols: int
    stock_days: int
    crypto_end: date = date(2021, 6, 30)

    def __post_init__(self) -> None:
        if self.coins < 3:
            raise ValueError("coins: at least 3, for Bitcoin, Ethereum and Dogecoin")
        if self.tweets < 24:
            raise ValueError("tweets: at least 24, for a few in each year")
        if min(self.crypto_days, self.stock_symbols, self.stock_days) < 2:
            raise ValueError("crypto_days, stock_symbols, stock_days: at least 2")
        if (
            self.crypto_days > (self.crypto_end - FIRST_DAY).days
            or self.crypto_end > LAST_DAY
            or self.stock_days > 3000
        ):
            raise ValueError(
                f"crypto_end, crypto_days, stock_days: the markets are simulated from {FIRST_DAY} to {LAST_DAY}"
            )


SIZES: Mapping[SizeName, Size] = {
    # The few days of "tiny" lie around April 2019, where its tweets about Dogecoin are.
    "tiny": Size(coins=5, crypto_days=300, tweets=320, stock_symbols=6, stock_days=60, crypto_end=date(2019, 6, 30)),
    "small": Size(coins=23, crypto_days=2985, tweets=13_500, stock_symbols=52, stock_days=504),
    "large": Size(coins=900, crypto_days=2985, tweets=60_000, stock_symbols=600, stock_days=2000),
}
