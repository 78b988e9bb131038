"""Prices and candles of the simulated Binance: a function of seed, pair and time, whatever range is asked for."""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from cryptodudez_assets.venues.binance.protocol import Interval, Kline, at_ms, to_ms

Closes = Mapping[str, tuple[date, float]]
"""What a pair costs at the end of a UTC day."""
Numbers = NDArray[np.float64]
Whole = NDArray[np.int64]

DAY_MS = 86_400_000
SCALES_MS = [15_000 * 4**k for k in range(13)]
"""Waves that prices are made of, from 15 seconds to eight years."""
LOOKS = 9
"""Prices of a candle that its high and low are taken from."""
EIGHT = 10**8


@dataclass(frozen=True)
class Pair:
    """A pair: what it costs in the middle of its waves, how much it moves in a day (a share), the base traded in a minute, since when."""

    symbol: str
    price: float
    decimals: int
    a_minute: float
    listed: date
    volatility: float = 0.035


PAIRS = {
    pair.symbol: pair
    for pair in (
        Pair("BTCUSDT", 60_000, 2, 20, date(2017, 8, 17), 0.025),
        Pair("ETHUSDT", 2_500, 2, 250, date(2017, 8, 17), 0.03),
        Pair("DOGEUSDT", 0.15, 5, 700_000, date(2019, 7, 5), 0.05),
        Pair("BNBUSDT", 500, 2, 200, date(2017, 11, 6)),
        Pair("XRPUSDT", 0.8, 4, 150_000, date(2018, 5, 4)),
        Pair("ADAUSDT", 0.5, 4, 90_000, date(2018, 4, 17)),
        Pair("SOLUSDT", 140, 2, 2_500, date(2020, 8, 11), 0.05),
        Pair("LTCUSDT", 90, 2, 500, date(2017, 12, 13)),
        Pair("LINKUSDT", 14, 3, 2_500, date(2019, 1, 16)),
        Pair("TRXUSDT", 0.12, 5, 300_000, date(2018, 6, 11)),
        Pair("ATOMUSDT", 8, 3, 2_000, date(2019, 4, 29)),
        Pair("DOTUSDT", 6, 3, 4_000, date(2020, 8, 18)),
    )
}


class Market:
    """Candles of the pairs. `closes`: what a pair costs at the end of a UTC day; its other prices follow."""

    def __init__(self, seed: int = 7, closes: Closes | None = None) -> None:
        self._seed = seed
        self.pairs = dict(PAIRS)
        for symbol, (day, price) in (closes or {}).items():
            end = to_ms(datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1))
            there = float(np.exp(self._wave(self.pairs[symbol], np.array([end]))[0]))
            self.pairs[symbol] = replace(self.pairs[symbol], price=price / there)

    def candles(self, symbol: str, interval: Interval, first: datetime, last: datetime, most: int) -> list[Kline]:
        """The oldest candles, `most` of them, that begin from `first` to `last`, all of them over."""
        pair = self.pairs[symbol]
        listed = datetime(pair.listed.year, pair.listed.month, pair.listed.day, tzinfo=UTC)
        begin = interval.floor(max(first, listed))
        if begin < max(first, interval.floor(listed)):
            begin = interval.behind(begin)
        begins = _begins(interval, begin, last, most)
        return self._made(pair, np.array(begins[:-1], np.int64), np.array(begins[1:], np.int64)) if begins[1:] else []

    def until(self, candle: Kline, symbol: str, now_ms: int) -> Kline:
        """The candle as it is while it is open."""
        pair, begin = self.pairs[symbol], candle.open_ms
        share = max(1e-6, (now_ms - begin) / (candle.close_ms + 1 - begin))
        (partly,) = self._made(pair, np.array([begin]), np.array([max(begin + 1, now_ms)]))
        amounts = {name: _share(getattr(candle, name), share) for name in AMOUNTS}
        return _changed(candle, high=partly.high, low=partly.low, close=partly.close, **amounts,
                        n_trades=max(1, int(candle.n_trades * share)))  # fmt: skip

    def _made(self, pair: Pair, begins: Whole, ends: Whole) -> list[Kline]:
        looks = np.linspace(0, 1, LOOKS)
        at = begins[:, None] + ((ends - begins)[:, None] * looks[None, :]).astype(np.int64)
        scale = 10**pair.decimals
        prices = np.rint(pair.price * np.exp(self._wave(pair, at)) * scale).clip(1).astype(np.int64)
        minutes = (ends - begins) / 60_000
        traded = pair.a_minute * minutes * np.exp(0.8 * self._normal(pair, "volume", begins))
        volume = np.rint(np.maximum(traded, 1e-4) * 10**5).astype(np.int64)  # in 100,000ths of the base
        taken = np.rint(volume * (0.5 + 0.08 * np.tanh(self._normal(pair, "taker", begins)))).astype(np.int64)
        trades = np.maximum(1, (volume / 1e5 / pair.a_minute * 300).astype(np.int64))
        columns = (begins, prices[:, 0], prices.max(1), prices.min(1), prices[:, -1], volume, ends, taken, trades)
        return [_kline(pair.decimals, *row) for row in zip(*(one.tolist() for one in columns), strict=True)]

    def _wave(self, pair: Pair, at: Whole) -> Numbers:
        """Log prices around that of the middle: at each scale straight lines between random values."""
        total = np.zeros(at.shape)
        for scale in SCALES_MS:
            number, share = at // scale, (at % scale) / scale
            left, right = (self._normal(pair, str(scale), number + step) for step in (0, 1))
            total += 0.6 * pair.volatility * math.sqrt(scale / DAY_MS) * (left + (right - left) * share)
        return np.clip(total, -3, 3)

    def _normal(self, pair: Pair, kind: str, numbers: Whole) -> Numbers:
        """Random numbers, about normal, that belong to these whole ones."""
        digest = hashlib.sha256(f"{self._seed}/{pair.symbol}/{kind}".encode()).digest()
        salts = np.frombuffer(digest[:32], np.uint64)
        mixed = [_mixed(numbers.astype(np.uint64) ^ salt) for salt in salts]
        return sum((one / 2.0**64 for one in mixed), start=np.zeros(numbers.shape)) * math.sqrt(3) - 2 * math.sqrt(3)


AMOUNTS = ("volume", "quote_volume", "taker_buy_base", "taker_buy_quote")


def revised(candle: Kline) -> Kline:
    """The candle as it is told later: a little more was traded."""
    return _changed(candle, **{name: _share(getattr(candle, name), 1.01) for name in AMOUNTS})


def off_grid(candle: Kline) -> Kline:
    """The candle, begun a little late."""
    return _changed(candle, open_ms=candle.open_ms + (candle.close_ms - candle.open_ms) // 3)


def _changed(candle: Kline, **fields: object) -> Kline:
    return Kline(**{name: fields.get(name, getattr(candle, name)) for name in Kline.__struct_fields__})  # type: ignore[arg-type]


def _share(amount: Decimal, share: float) -> Decimal:
    return (amount * Decimal(repr(round(share, 6)))).quantize(amount)


def _kline(
    decimals: int,
    begin: int,
    first: int,
    high: int,
    low: int,
    last: int,
    volume: int,
    end: int,
    taken: int,
    trades: int,
) -> Kline:
    """Of whole numbers: prices in 10^-decimals, amounts in 10^-5. The quote is what they make at the middle price: exact."""
    middle = (first + last) // 2
    quote = [Decimal(amount * middle).scaleb(-5 - decimals).quantize(Decimal("1E-8")) for amount in (volume, taken)]
    opened, highest, lowest, closed = (
        Decimal(one * 10 ** (8 - decimals)).scaleb(-8) for one in (first, high, low, last)
    )
    base = [Decimal(amount * 1000).scaleb(-8) for amount in (volume, taken)]
    traded, taken_base = base
    return Kline(begin, opened, highest, lowest, closed, traded, end - 1, quote[0], trades, taken_base, quote[1])


def _begins(interval: Interval, begin: datetime, last: datetime, most: int) -> Sequence[int]:
    """When these candles begin, and when the one behind them would."""
    if interval.step is not None:
        step, first = interval.step // timedelta(milliseconds=1), to_ms(begin)
        n = min(most, (to_ms(last) - first) // step + 1)
        return range(first, first + (n + 1) * step, step) if n > 0 else []
    found = [begin]
    while found[-1] <= last and len(found) <= most:
        found.append(interval.behind(found[-1]))
    return [to_ms(one) for one in found] if begin <= last else []


def _mixed(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """SplitMix64, by which neighbours have nothing in common."""
    with np.errstate(over="ignore"):
        mixed = numbers + np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return mixed ^ (mixed >> np.uint64(31))


def is_chosen(seed: int, what: str, symbol: str, interval: Interval, open_ms: int, share: float) -> bool:
    """Whether a candle is one of this share of them, always the same ones."""
    if share <= 0:
        return False
    digest = hashlib.sha256(f"{seed}/{what}/{symbol}/{interval.name}/{open_ms}".encode()).digest()
    return int.from_bytes(digest[:8], "big") < share * 2**64


def day_of(candle: Kline) -> date:
    """The UTC day on which it begins."""
    return at_ms(candle.open_ms).date()
