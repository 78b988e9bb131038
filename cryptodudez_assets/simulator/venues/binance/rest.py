"""What the simulated exchange answers where nothing goes wrong, and where what is asked for cannot be: candles of its market."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from cryptodudez_assets.simulator.venues.binance.market import Market, is_chosen, off_grid, revised
from cryptodudez_assets.simulator.venues.http import Answer, Asked
from cryptodudez_assets.venues.binance import answers
from cryptodudez_assets.venues.binance.protocol import (
    INTERVALS,
    KLINES,
    KLINES_WEIGHT,
    MOST_CANDLES,
    SYMBOL,
    Interval,
    Kline,
    at_ms,
    to_ms,
)

USUAL_CANDLES = 500
PING, TIME = "/api/v3/ping", "/api/v3/time"
REVISED_AFTER_MS = 86_400_000
FAR_MS = 253_402_300_799_000


class Rest:
    """Public market data. `rates`: of the faults that strike candles. `now_ms`: by the exchange's clock."""

    def __init__(self, market: Market, seed: int, rates: Mapping[str, float], now_ms: Callable[[], int]) -> None:
        self._market, self._seed, self._rates, self._now_ms = market, seed, rates, now_ms
        self._told_otherwise: set[tuple[str, str, int]] = set()

    def weight(self, path: str) -> int:
        """What a request weighs."""
        return KLINES_WEIGHT if path == KLINES else 1

    def revise(self, symbol: str, interval: str, opened: datetime) -> None:
        """Tell a candle otherwise from now on."""
        self._told_otherwise.add((symbol, interval, to_ms(opened)))

    def answer(self, asked: Asked) -> Answer:
        """The answer to a GET."""
        if asked.path == PING:
            return Answer(200, b"{}")
        if asked.path == TIME:
            return Answer(200, b'{"serverTime":%d}' % self._now_ms())
        if asked.path != KLINES:
            return Answer(404, b"", content_type="text/html")
        return self._klines(asked.query)

    def candles(self, symbol: str, interval: Interval, first: datetime, last: datetime, most: int) -> list[Kline]:
        """The candles as they are told now, of a range: those that never are there left out, the open one as it stands."""
        now, told = self._now_ms(), list[Kline]()
        last = min(last, at_ms(min(now, FAR_MS)))
        while len(told) < most:
            found = self._market.candles(symbol, interval, first, last, most - len(told))
            told += [
                self._told(symbol, interval, one, now)
                for one in found
                if not self._is("missing", symbol, interval, one)
            ]
            if not found or found[-1].close_ms >= to_ms(last):
                break
            first = at_ms(found[-1].close_ms + 1)
        return told

    def _klines(self, query: dict[str, str]) -> Answer:
        symbol, named = query.get("symbol", ""), query.get("interval", "")
        for name, value in (("symbol", symbol), ("interval", named)):
            if not value:
                return Answer(400, answers.missing(name))
        if not SYMBOL.fullmatch(symbol) or symbol != symbol.upper():
            return Answer(400, answers.illegal_characters("symbol", "^[\\\\w\\\\-._&&[^a-z]]{1,50}$"))
        if symbol not in self._market.pairs:
            return Answer(400, answers.INVALID_SYMBOL)
        if named not in INTERVALS:
            return Answer(400, answers.INVALID_INTERVAL)
        for name in ("startTime", "endTime", "limit"):
            if not query.get(name, "0").isdecimal():
                return Answer(400, answers.illegal_characters(name, "^[0-9]{1,20}$"))
        most = min(MOST_CANDLES, int(query.get("limit", USUAL_CANDLES))) or USUAL_CANDLES
        return Answer(200, answers.klines(self._asked_for(symbol, INTERVALS[named], query, most)))

    def _asked_for(self, symbol: str, interval: Interval, query: dict[str, str], most: int) -> list[Kline]:
        last = at_ms(min(int(query.get("endTime", FAR_MS)), FAR_MS))
        if "startTime" in query:
            return self.candles(symbol, interval, at_ms(min(int(query["startTime"]), FAR_MS)), last, most)
        last = min(last, at_ms(self._now_ms()))
        first = last - (interval.step or timedelta(days=31)) * most
        return self.candles(symbol, interval, first, last, MOST_CANDLES)[-most:]

    def _told(self, symbol: str, interval: Interval, candle: Kline, now: int) -> Kline:
        if candle.close_ms >= now:
            return self._market.until(candle, symbol, now)
        if (symbol, interval.name, candle.open_ms) in self._told_otherwise:
            candle = revised(candle)
        if now > candle.close_ms + REVISED_AFTER_MS and self._is("revised", symbol, interval, candle):
            candle = revised(candle)
        return off_grid(candle) if self._is("off-grid", symbol, interval, candle) else candle

    def _is(self, fault: str, symbol: str, interval: Interval, candle: Kline) -> bool:
        return is_chosen(self._seed, fault, symbol, interval, candle.open_ms, self._rates.get(fault, 0.0))

    def differing(self, symbol: str, interval: Interval, candle: Kline) -> Kline:
        """The candle as archives tell it."""
        return revised(candle) if self._is("differs", symbol, interval, candle) else candle


def with_headers(answer: Answer, headers: dict[str, str]) -> Answer:
    """The answer with more headers."""
    return replace(answer, headers={**headers, **answer.headers})
