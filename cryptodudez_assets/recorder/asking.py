"""What a recorder asks for over REST: whole books, the ticker, and comparisons with the venue's books.

When something must be asked for says `market_state.py`; how often one may ask, the governor behind the client.
"""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any

from cryptodudez_assets.recorder.capture import Kind
from cryptodudez_assets.recorder.checking import Check
from cryptodudez_assets.recorder.gaps import Cause
from cryptodudez_assets.recorder.happenings import Happenings
from cryptodudez_assets.recorder.metrics import Metrics
from cryptodudez_assets.recorder.order_book import Impossible
from cryptodudez_assets.venues.bitso.protocol import NotUnderstood
from cryptodudez_assets.venues.bitso.rest import BitsoRest, Refused, Told

LOOK_SECONDS = 0.1
CHECK_SECONDS, CHECK_PATIENCE_SECONDS = 60.0, 5.0


class Asker:
    """Asks for these books."""

    def __init__(self, on: Happenings, books: Sequence[str], rest: BitsoRest, metrics: Metrics) -> None:
        self.on, self.books, self.rest, self.metrics = on, books, rest, metrics
        self._comparison: Check | None = None

    async def seed(self) -> None:
        """Ask for the books that are out of sequence, one after the other."""
        told = 0
        while True:
            waiting = self.on.state.to_seed(self.on.now_us())
            if not waiting:
                told = 0
                await asyncio.sleep(LOOK_SECONDS)
                continue
            if told == 0 and len(waiting) > 1:
                self.on.say(f"{len(waiting)} books are to be seeded, which takes about {len(waiting)} s")
            told += 1
            if told % 10 == 0:
                self.on.say(f"{len(waiting)} books are still to be seeded")
            book = waiting[0].name
            if answer := await self._asked(self.rest.order_book(book)):
                self._answered("order_book", answer, book)
            else:
                await asyncio.sleep(1.0)

    async def fill_in(self) -> None:
        """Ask for the ticker while the socket does not tell of all books: one answer tells of each."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if self.on.state.wants_ticker(self.on.now_us()):
                if answer := await self._asked(self.rest.tickers()):
                    self._answered("tickers", answer)
                await asyncio.sleep(1.0 - LOOK_SECONDS)

    async def compare(self) -> None:
        """Compare a book with what the venue says of it, one after the other."""
        number = 0
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            state = self.on.state.books[self.books[number % len(self.books)]]
            number += 1
            if state.in_sequence:
                self._comparison = check = Check(state)
                if answer := await self._asked(self.rest.order_book(state.name)):
                    check.answer(answer.body)
                    await self._wait_for(check)
                self._comparison = None

    async def _wait_for(self, check: Check) -> None:
        """Until the socket has told what the answer knows: a socket that does not has lost something."""
        for _ in range(int(CHECK_PATIENCE_SECONDS / LOOK_SECONDS)):
            self.settle()
            if self._comparison is not check:
                return  # it was told, or the book was lost meanwhile
            await asyncio.sleep(LOOK_SECONDS)
        self.on.say(f"{check.book.name}: the venue knows more than its socket tells; the book is seeded anew")
        since_us = check.book.newest.received_us if check.book.newest else self.on.now_us()
        check.book.lose(Cause.SEQUENCE, since_us, goes_on=False)

    def settle(self) -> None:
        """A frame came: if a comparison is going on, it may tell now."""
        check = self._comparison
        if check is None or (same := check.outcome()) is None:
            return
        self._comparison = None
        self.metrics.on_match(same)
        if not same:
            self.on.say(f"{check.book.name}: the venue's book differs from the recorder's; it is seeded anew")
            check.book.lose(Cause.SEQUENCE, self.on.now_us(), goes_on=False)

    async def _asked(self, asking: Coroutine[Any, Any, Told]) -> Told | None:
        try:
            return await asking
        except Refused as error:
            self.metrics.refused.inc()
            self.on.trouble("rest", str(error))
            return None

    def _answered(self, kind: Kind, answer: Told, book: str = "") -> None:
        try:
            self.on.happened(kind, answer.body.decode("utf-8", "replace"), book, answer.requested_us)
        except (NotUnderstood, Impossible, ValueError) as error:
            self.metrics.not_understood.inc()
            self.on.say(f"{kind} of {book or 'all books'}: not understood: {error}")
