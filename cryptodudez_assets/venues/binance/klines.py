"""Candles of Binance's API, asked for page by page within its limits. Which stretches are asked for is decided elsewhere."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from decimal import Context, Decimal

from cryptodudez_assets.venues.binance.protocol import (
    API_URL,
    BANNED,
    GRACE,
    INVALID_INTERVAL,
    INVALID_SYMBOL,
    KLINES,
    KLINES_WEIGHT,
    LATER,
    LONGEST_ANSWER,
    MOST_CANDLES,
    RESTRICTED,
    TOO_MANY,
    USED_WEIGHT,
    WEIGHT_A_MINUTE,
    Interval,
    Kline,
    NotUnderstood,
    at_ms,
    error_of,
    interval_of,
    is_final,
    parameters,
    read_klines,
    symbol_of,
)
from cryptodudez_assets.venues.fetching import Http, Trouble, by_status
from cryptodudez_assets.venues.governor import Governor
from cryptodudez_assets.venues.pages import Access, Answer, Page, Request, Series, Span

MINUTE = 60.0
SPARE_WEIGHT = 100
"""Left to others at this address who ask without this governor."""
LIMIT = (WEIGHT_A_MINUTE - SPARE_WEIGHT, MINUTE + 5)
"""The venue counts what arrives in a minute of its clock: what was under way for some seconds must not make the next minute too full."""
BAN_SECONDS = 120.0
"""Of a ban that does not say how long it is: the shortest."""
MOST = Decimal(10**20)
"""No number is so large: tables keep 20 digits before the point."""
LEAST, EXACT = Decimal("1e-18"), Context(prec=60)
"""Nor do they keep more digits behind it."""
MOST_TRADES = 2**63 - 1
MOST_DIGITS = 9
"""Of a weight: a number that is longer says no more."""
OK, BAD_REQUEST, FIREWALL, NOT_THERE = 200, 400, 403, 404


def series_of(symbol: str, interval: str) -> Series:
    """Candles of a pair. Raises ValueError in words where that cannot be one."""
    pair, length = symbol_of(symbol), interval_of(interval)
    return Series(f"{pair}-{length.path_name}", {"symbol": pair, "interval": length.name})


class Klines:
    """A client of `klines`. `limit`: how much weight in how many seconds, by all processes of a home."""

    def __init__(self, access: Access, limit: tuple[int, float] = LIMIT) -> None:
        self._http = Http(
            "Binance",
            access.url or API_URL,
            judge=trouble_with,
            patience=access.patience,
            max_bytes=LONGEST_ANSWER,
            tell=access.tell,
        )
        self._governor = Governor(access.folder / "binance_weight.json", [limit])
        self._minute = limit[1]
        # One after the other: what is under way when the venue refuses would come in the time for which it told to wait.
        self._alone = asyncio.Lock()

    async def close(self) -> None:
        """Hang up."""
        await self._http.close()

    async def pages(self, series: Series, span: Span) -> AsyncIterator[Page]:
        """All candles that begin in this time, a thousand at a time, the oldest first."""
        interval = interval_of(series.parameters["interval"])
        begin, last = span.first, span.until - timedelta(milliseconds=1)
        while begin < span.until:
            asked = parameters(series.parameters["symbol"], interval, begin, last)
            async with self._alone:
                answer = await self._http.ask(Request(KLINES, asked), self._governor, KLINES_WEIGHT)
                self._count(answer)
            candles = read_klines(answer.body)
            is_full = len(candles) >= MOST_CANDLES
            end = min(span.until, next_of(interval, candles[-1])) if is_full else span.until
            covered = Span(begin, end)
            final = final_until(interval, candles, covered, answer.told_at)
            yield Page(answer, covered, final, is_empty=not candles)
            begin = end

    def _count(self, answer: Answer) -> None:
        used = answer.headers.get(USED_WEIGHT, "")
        if used.isdecimal():
            self._governor.told(int(used[:MOST_DIGITS]), self._minute)


def next_of(interval: Interval, candle: Kline) -> datetime:
    """When the candle behind this one begins; one that is off its grid stands for the one in whose time it lies."""
    if interval.step is not None and interval.anchor is None:
        behind = max(at_ms(candle.close_ms + 1), candle.opened + timedelta(seconds=1))
        return behind.replace(microsecond=0)
    return interval.behind(interval.floor(candle.opened))


def final_until(interval: Interval, candles: list[Kline], covered: Span, told_at: datetime) -> datetime:
    """Until when candles that begin change no more, by the server's clock when it told them. Within `covered`."""
    settled = (told_at - GRACE).replace(microsecond=0)
    unaligned = interval.step is not None and interval.anchor is None
    still_open = [one.opened for one in candles if not is_final(one.close_ms, told_at)]
    ends = settled - (interval.step or GRACE) if unaligned else interval.floor(settled)
    return max(covered.first, min(covered.until, ends, *(one.replace(microsecond=0) for one in still_open)))


def trouble_with(answer: Answer) -> Trouble | None:
    """What is wrong with an answer, in the words of who asked."""
    if answer.status == OK:
        return _trouble_with_candles(answer)
    found = by_status(answer) or Trouble(f"status {answer.status}")
    said = f" ({error})" if (error := error_of(answer.body)) else ""
    if answer.status in (TOO_MANY, BANNED):
        what = "too much was asked for" if answer.status == TOO_MANY else "this address is banned for a while"
        after = found.after or (MINUTE if answer.status == TOO_MANY else BAN_SECONDS)
        return Trouble(f"{what}{said}", again=True, after=after, locks=True)
    if told := FOR_GOOD.get(answer.status):
        return Trouble(f"{told}{said}", for_all=True)
    if (error and error.code in LATER) or found.again:
        return Trouble(f"{found.reason}{said}", again=True, after=found.after)
    named = dict(answer.request.parameters)
    if error and error.code == INVALID_SYMBOL:
        return Trouble(f"Binance has no symbol {named.get('symbol')}{said}")
    if error and error.code == INVALID_INTERVAL:
        return Trouble(f"Binance has no candles of {named.get('interval')}{said}")
    return Trouble(f"{found.reason}{said}", for_all=answer.status != BAD_REQUEST)


FOR_GOOD = {
    RESTRICTED: "it does not answer from where this machine is (status 451), however often it is asked: "
    f"{API_URL} tells the same to everybody, set CRYPTODUDEZ_BINANCE_URL to it, or leave that empty",
    FIREWALL: "its firewall took the request for an attack (status 403): wait some minutes, and ask less at once",
    NOT_THERE: "there is no such path (status 404): is CRYPTODUDEZ_BINANCE_URL the address of Binance?",
}


def _trouble_with_candles(answer: Answer) -> Trouble | None:
    """An answer that is cut off, or tells candles that nobody asked for, may be whole the next time."""
    try:
        candles = read_klines(answer.body)
    except NotUnderstood as error:
        return Trouble(f"it is no list of candles: {error}", again=True)
    asked = answer.request.parameters
    first, last = int(asked["startTime"]), int(asked["endTime"])
    for one in candles:
        if not first <= one.open_ms <= last:
            return Trouble(f"it tells a candle of {one.opened}, which was not asked for", again=True)
        if found := impossible(one):
            return Trouble(f"it tells a candle of {one.opened} {found}", again=True)
    if candles and answer.server_time and answer.server_time < candles[-1].opened:
        return Trouble(
            f"it says that it is {answer.server_time}, and tells a candle of {candles[-1].opened}", again=True
        )
    return None


def impossible(candle: Kline) -> str | None:
    """What of a candle cannot be, in words. It would be set aside when it is read, and what landed is not asked for again."""
    prices = {"open": candle.open, "high": candle.high, "low": candle.low, "close": candle.close}
    amounts = {"volume": candle.volume, "quote volume": candle.quote_volume}
    amounts |= {"taker's base volume": candle.taker_buy_base, "taker's quote volume": candle.taker_buy_quote}
    for name, number in (prices | amounts).items():
        if not number.is_finite() or not 0 <= number < MOST or number != number.quantize(LEAST, context=EXACT):
            return f"with the {name} {number}"
    if candle.n_trades > MOST_TRADES:
        return f"with {candle.n_trades} trades"
    if not candle.low <= min(candle.open, candle.close) <= max(candle.open, candle.close) <= candle.high:
        return f"whose prices are not between its lowest ({candle.low}) and its highest ({candle.high})"
    return None
