"""How the market's messages reach one client: as they are, or with the faults that are switched on."""

import asyncio
from collections.abc import Callable, Mapping
from decimal import Decimal
from random import Random

from cryptodudez_assets.simulator.venues.bitso.faults import (
    GAP_MESSAGES,
    OF_CONNECTIONS,
    OF_MESSAGES,
    SLOW_BY_SECONDS,
    SLOW_SECONDS,
    STALL_SECONDS,
    Chance,
)
from cryptodudez_assets.simulator.venues.bitso.forced import DEAD_MS, Ledger
from cryptodudez_assets.simulator.venues.bitso.frames import Said
from cryptodudez_assets.simulator.venues.bitso.link import Link
from cryptodudez_assets.simulator.venues.bitso.market import BID, MOST_ENTRIES, NAMES
from cryptodudez_assets.simulator.venues.bitso.side import stripped
from cryptodudez_assets.venues.bitso.answers import ENCODE, DiffEntry, DiffFrame

GOING_AWAY = 1001


class Delivery:
    """Faults of one connection. `books` are those that it follows; `now` is the true time in milliseconds.

    Faults of messages strike `diff-orders` alone, whose sequence shows them; those of the connection, everything.
    """

    def __init__(
        self,
        number: int,
        link: Link,
        random: Random,
        rates: Mapping[str, float],
        ledger: Ledger,
        now: Callable[[], int],
    ) -> None:
        self.number, self.books = number, set[str]()
        self._link, self._random, self._ledger, self._now = link, random, ledger, now
        self._chance = Chance(OF_MESSAGES, rates, random)
        self._jumping: dict[str, int] = {}
        self._behind: dict[str, list[bytes]] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}
        for name in OF_CONNECTIONS:
            if rates.get(name):
                self._plan(name, rates[name])

    def gone(self) -> None:
        """The connection is no more."""
        for timer in self._timers.values():
            timer.cancel()

    def force(self, fault: str) -> None:
        """Make a fault happen: one of messages strikes the next one."""
        if fault in OF_CONNECTIONS:
            self._strike(fault)
        else:
            self._chance.force(fault)

    def pass_on(self, said: Said) -> None:
        """Send a message, or what a fault makes of it."""
        if said.diff is None:
            self._link.say(said.text, said.frame)
            return
        if self._link.is_silent or self._jumps(said.book):
            return
        fault = self._chance.draw()
        if fault is None or fault == "duplicate":
            self._deliver(said)
        else:
            self._spoil(fault, said, said.diff)
        if fault == "duplicate":
            self._repeat(said)

    def _deliver(self, said: Said, text: bytes | None = None) -> None:
        """Send the message, changed to `text` if that is given, and what waited for it."""
        self._ledger.came(self.number, said.book, self._arrival())
        if text is None:
            self._link.say(said.text, said.frame)
        else:
            self._link.say(text)
        for late in self._behind.pop(said.book, ()):
            self._link.say(late)

    def _spoil(self, fault: str, said: Said, diff: DiffFrame) -> None:
        book, now = said.book, self._now()
        if fault == "crossed":
            self._ledger.noticed(self.number, book, fault, now, self._arrival())
            self._deliver(said, self._with_phantom(said, diff))
            return
        self._ledger.lost(self.number, book, fault, now)
        if fault == "gap":
            self._jumping[book] = self._random.randint(*GAP_MESSAGES) - 1
        elif fault == "reorder":
            self._behind.setdefault(book, []).append(said.text)
        elif fault == "bad-json":
            self._link.say(said.text[: self._random.randrange(1, len(said.text))])

    def _jumps(self, book: str) -> bool:
        """Whether a message is one of those that a jump of the sequence left out."""
        left = self._jumping.get(book, 0)
        if left:
            self._jumping[book] = left - 1
        return left > 0

    def _repeat(self, said: Said) -> None:
        if self._random.random() < 0.5:
            self._link.say(said.text, said.frame)
        else:
            self._behind.setdefault(said.book, []).append(said.text)

    def _with_phantom(self, said: Said, diff: DiffFrame) -> bytes:
        """The message with a bid at twice the price of the best ask, which nobody made."""
        price = stripped(f"{2 * Decimal(said.best_ask):f}")
        name = "".join(self._random.choices(NAMES, k=16))
        phantom = DiffEntry(
            a="1.00000000", d=diff.sent, o=name, r=price, s="open", t=BID, v=f"{Decimal(price):.8f}", z=diff.sent
        )
        entries = [*diff.payload[: MOST_ENTRIES - 1], phantom]
        return ENCODE(DiffFrame(diff.book, diff.sequence, diff.type, entries, diff.sent))

    def _plan(self, fault: str, a_minute: float) -> None:
        def strike() -> None:
            self._plan(fault, a_minute)
            self._strike(fault)

        loop = asyncio.get_running_loop()
        self._timers[fault] = loop.call_later(self._random.expovariate(a_minute / 60), strike)

    def _strike(self, fault: str) -> None:
        if self._link.is_over or self._link.is_silent:
            return
        now, books = self._now(), sorted(self.books)
        if fault == "stall":
            seconds = self._random.uniform(*STALL_SECONDS)
            self._link.stall(seconds)
            self._ledger.silent(self.number, books, fault, now, now + round(1000 * seconds))
        elif fault == "slow":
            seconds = self._random.uniform(*SLOW_SECONDS)
            self._link.slow(seconds, SLOW_BY_SECONDS)
            self._ledger.silent(self.number, books, fault, now, now + round(1000 * (seconds + SLOW_BY_SECONDS)))
        elif fault == "half-open":
            self._link.is_silent = True
            self._ledger.ended(self.number, books, fault, now, now + DEAD_MS)
        else:
            self._disconnect(books, now)

    def _disconnect(self, books: list[str], now: int) -> None:
        if self._random.random() < 0.5:
            self._ledger.ended(self.number, books, "disconnect", now, now)
            self._link.cut()
        else:
            self._ledger.ended(self.number, books, "disconnect", now, self._arrival())
            self._link.close(GOING_AWAY)

    def _arrival(self) -> int:
        """When it comes what is said now."""
        return self._now() + round(1000 * self._link.late_by())
