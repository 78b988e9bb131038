"""One client's websocket: what it subscribes to, what it is answered, and the keep-alives. Bytes and connections belong to `link.py`."""

import asyncio
from collections.abc import Callable
from random import Random

import msgspec

from cryptodudez_assets.simulator.venues.bitso.delivery import Delivery
from cryptodudez_assets.simulator.venues.bitso.exchange import Exchange
from cryptodudez_assets.simulator.venues.bitso.frames import SAYERS
from cryptodudez_assets.simulator.venues.bitso.link import Link
from cryptodudez_assets.venues.bitso import answers
from cryptodudez_assets.venues.bitso.protocol import KEEP_ALIVE_SECONDS

DIFFS = "diff-orders"
FIRST_KEEP_ALIVE = (5.0, 15.0)
"""Seconds after the connection was opened."""
UNEVEN = 0.02
SECONDS_TO_FAIL = 0.45
"""After a subscription without a book, the connection is closed; not at once."""
INTERNAL_ERROR = 1011


class Client:
    """One connection. `on_subscribed` hears of each book that is followed anew by `diff-orders`."""

    def __init__(
        self,
        link: Link,
        delivery: Delivery,
        exchange: Exchange,
        random: Random,
        on_subscribed: Callable[["Client", str], None],
    ) -> None:
        self.link, self.delivery, self.opened = link, delivery, exchange.true_time(exchange.now())
        self.subscriptions: set[tuple[str, str]] = set()
        self._exchange, self._random, self._on_subscribed = exchange, random, on_subscribed
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_later(random.uniform(*FIRST_KEEP_ALIVE), self._keep_alive)

    def gone(self) -> None:
        """The connection is no more."""
        self._timer.cancel()
        self.delivery.gone()

    def hear(self, text: bytes) -> None:
        """A text message of the client."""
        now = self._exchange.now()
        try:
            asked = msgspec.json.decode(text)
        except (msgspec.DecodeError, UnicodeError):
            asked = None
        if not isinstance(asked, dict):
            self.link.say(answers.not_understood(now))
            return
        action, kind, book = (str(asked.get(name, "")) for name in ("action", "type", "book"))
        refused = self._refusal(action, kind, book, "book" in asked)
        if refused is not None:
            self.link.say(answers.refused(action, kind, refused, now))
        elif "book" not in asked:
            self._loop.call_later(SECONDS_TO_FAIL, self.link.close, INTERNAL_ERROR)
        elif action == "subscribe":
            self._subscribe(kind, book, now)
        else:
            self.subscriptions.discard((kind, book))
            if kind == DIFFS:
                self.delivery.books.discard(book)
            self.link.say(answers.taken(action, "ok", kind, book, now))

    def _refusal(self, action: str, kind: str, book: str, has_book: bool) -> str | None:
        if action not in {"subscribe", "unsubscribe"}:
            return "unknown subscription"
        if kind not in SAYERS:
            return f"This type of channel is not supported - {kind}"
        if has_book and book not in self._exchange.books:
            return f"This book is not supported - {book}"
        return None

    def _subscribe(self, kind: str, book: str, now: int) -> None:
        if (kind, book) in self.subscriptions:
            already = f"Already subscribed to channel: {kind}:{book}"
            self.link.say(answers.taken("subscribe", already, kind, book, now))
            return
        self.subscriptions.add((kind, book))
        self.link.say(answers.taken("subscribe", "ok", kind, book, now))
        if kind == DIFFS:
            self.delivery.books.add(book)
            self._on_subscribed(self, book)

    def _keep_alive(self) -> None:
        self.link.say(answers.KEEP_ALIVE)
        uneven = self._random.uniform(-UNEVEN, UNEVEN)
        self._timer = self._loop.call_later(KEEP_ALIVE_SECONDS + uneven, self._keep_alive)
