"""How much an address may ask for: weight in each minute of the clock, and bans of those who do not stop. Everything is counted."""

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from cryptodudez_assets.simulator.venues.http import Answer
from cryptodudez_assets.venues.binance import answers
from cryptodudez_assets.venues.binance.protocol import BANNED, TOO_MANY, USED_WEIGHT

PATIENCE = 3
"""Requests that come although nobody should ask, until the address is banned."""
LONGEST_BAN = 3 * 86_400.0


@dataclass
class Counts:
    """What came, of all addresses. `early`: requests in a time for which a refusal had told to wait."""

    calls: int = 0
    weight: int = 0
    most_in_a_minute: int = 0
    refused: int = 0
    early: int = 0
    paths: Counter[str] = field(default_factory=Counter)


@dataclass
class _Address:
    minute: int = -1
    used: int = 0
    wait_until: float = 0.0
    early: int = 0
    ban: float = 0.0
    is_banned: bool = False


class Limits:
    """`limit`: weight in a minute. `minute`, `ban`: seconds that a minute, and a first ban, take. `now`: Unix time, in seconds."""

    def __init__(self, limit: int, minute: float, ban: float, now: Callable[[], float]) -> None:
        self._limit, self._minute, self._ban, self._now = limit, minute, ban, now
        self._addresses: dict[str, _Address] = {}
        self.counts = Counts()

    def refusal(self, address: str, weight: int) -> Answer | None:
        """What is answered instead, or None where the request may pass, which counts."""
        one, now = self._addresses.setdefault(address, _Address(ban=self._ban)), self._now()
        self.counts.calls += 1
        if now < one.wait_until:
            return self._too_early(one, now)
        one.is_banned, minute = False, int(now // self._minute)
        if minute != one.minute:
            one.minute, one.used = minute, 0
        one.used += weight
        self.counts.weight += weight
        self.counts.most_in_a_minute = max(self.counts.most_in_a_minute, one.used)
        return self.too_many(address) if one.used > self._limit else None

    def too_many(self, address: str) -> Answer:
        """Refuse an address until the minute is over."""
        one, now = self._addresses[address], self._now()
        one.early, one.wait_until = 0, (int(now // self._minute) + 1) * self._minute
        return self._refused(one, now)

    def banned(self, address: str) -> Answer:
        """Refuse an address for long; twice as long each time."""
        one, now = self._addresses[address], self._now()
        one.is_banned, one.wait_until = True, now + one.ban
        one.ban = min(LONGEST_BAN, 2 * one.ban)
        return self._refused(one, now)

    def used(self, address: str) -> dict[str, str]:
        """The header that tells what was used in this minute."""
        return {USED_WEIGHT.upper(): str(self._addresses[address].used)}

    def _too_early(self, one: _Address, now: float) -> Answer:
        self.counts.early += 1
        one.early += 1
        if one.early >= PATIENCE and not one.is_banned:
            one.is_banned, one.wait_until = True, now + one.ban
            one.ban = min(LONGEST_BAN, 2 * one.ban)
        return self._refused(one, now)

    def _refused(self, one: _Address, now: float) -> Answer:
        self.counts.refused += 1
        headers = {"Retry-After": str(math.ceil(one.wait_until - now))}
        if one.is_banned:
            return Answer(BANNED, answers.banned(int(one.wait_until * 1000)), headers)
        return Answer(TOO_MANY, answers.too_much_weight(self._limit), headers)
