"""Who may ask how often over REST, and the faults that requests meet."""

from collections import deque
from collections.abc import Mapping
from random import Random
from urllib.parse import parse_qs, urlsplit

from cryptodudez_assets.simulator.venues.bitso.exchange import Exchange
from cryptodudez_assets.simulator.venues.bitso.faults import OF_REQUESTS, Chance
from cryptodudez_assets.simulator.venues.bitso.forced import Ledger
from cryptodudez_assets.simulator.venues.bitso.rest import ORDER_BOOK, Answer, Rest
from cryptodudez_assets.simulator.venues.http import BROKEN
from cryptodudez_assets.venues.bitso import answers
from cryptodudez_assets.venues.bitso.protocol import LOCKED_SECONDS, TOO_MANY_REQUESTS

TOO_MANY = answers.error(TOO_MANY_REQUESTS, "You have hit the request rate-limit")
STILL_TOO_MANY = answers.error("0802", "Too many attempts")
PAGE = "<html><head><title>{0}</title></head><body><center><h1>{0}</h1></center><hr><center>cloudflare</center></body></html>"


class Limit:
    """So many requests a minute for each address; who asks more is locked out for a minute. Nothing tells for how long."""

    def __init__(self, a_minute: int, locked_seconds: float = LOCKED_SECONDS) -> None:
        self._most, self._locked_seconds = a_minute, locked_seconds
        self._asked: dict[str, deque[float]] = {}
        self._locked: dict[str, float] = {}

    def refusal(self, address: str, now: float) -> Answer | None:
        """What is answered instead, or None where the request may pass. `now` is in seconds, of a clock that only goes forward."""
        if now < self._locked.get(address, now):
            return Answer(420, STILL_TOO_MANY)
        asked = self._asked.setdefault(address, deque())
        while asked and asked[0] <= now - 60:
            asked.popleft()
        if len(asked) >= self._most:
            asked.clear()
            return self.lock(address, now)
        asked.append(now)
        return None

    def lock(self, address: str, now: float) -> Answer:
        """Refuse an address from now on, for a while."""
        self._locked[address] = now + self._locked_seconds
        return Answer(420, TOO_MANY)


class FaultyRest:
    """REST as an address meets it: within the limit, and with the faults that are switched on."""

    def __init__(
        self, exchange: Exchange, a_minute: int, rates: Mapping[str, float], random: Random, ledger: Ledger
    ) -> None:
        self._exchange, self._rest, self._limit = exchange, Rest(exchange), Limit(a_minute)
        self._random, self._chance, self._ledger = random, Chance(OF_REQUESTS, rates, random), ledger

    def force(self, fault: str) -> None:
        """Make a fault happen to the next request."""
        self._chance.force(fault)

    def answer(self, target: str, address: str, now: float) -> Answer:
        """The answer to a GET. `now` is in seconds, of a clock that only goes forward."""
        if refusal := self._limit.refusal(address, now):
            return refusal
        fault = self._chance.draw()
        if fault is None:
            return self._answered(target)
        at = self._exchange.true_time(self._exchange.now())
        if fault == "420":
            self._ledger.refused(None, fault, at, at + round(1000 * LOCKED_SECONDS))
            return self._limit.lock(address, now)
        self._ledger.refused(_whole_book(target), fault, at, at)
        status = self._random.choice(BROKEN)
        return Answer(status, PAGE.format(status).encode(), html=True)

    def _answered(self, target: str) -> Answer:
        answer = self._rest.answer(target)
        if answer.status == 200 and (book := _whole_book(target)):
            self._ledger.answered(book)
        return answer


def _whole_book(target: str) -> str:
    """The book whose orders are asked for; nothing where it is something else that is asked for."""
    asked = urlsplit(target)
    return parse_qs(asked.query).get("book", [""])[-1] if asked.path.rstrip("/") == ORDER_BOOK else ""
