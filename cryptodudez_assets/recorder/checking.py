"""Whether a book is what the venue says it is: compared with an answer over REST, at the sequence that the answer has."""

from decimal import Decimal

from cryptodudez_assets.recorder.book_state import BookState
from cryptodudez_assets.recorder.order_book import Impossible, OrderBook
from cryptodudez_assets.venues.bitso.protocol import NotUnderstood, OrderBookPayload, read_order_book

Quote = tuple[Decimal | None, Decimal | None]


class Check:
    """One comparison: from when the answer is asked for, best bid and ask are kept by sequence, since it may be of any of them."""

    def __init__(self, book: BookState) -> None:
        self.book = book
        self._quotes: dict[int, Quote] = {}
        self._answer: OrderBookPayload | None = None
        self._is_unreadable = False
        self._note()

    def _note(self) -> None:
        if self.book.sequence is not None:
            self._quotes[self.book.sequence] = self.book.book.quote

    def answer(self, body: bytes) -> None:
        """The venue's book."""
        try:
            self._answer = read_order_book(body)
        except NotUnderstood:
            self._is_unreadable = True

    def outcome(self) -> bool | None:
        """Whether both are the same; None until that can be told, True where it cannot: the book was lost meanwhile."""
        self._note()
        if self._is_unreadable or not self.book.in_sequence:
            return True
        if self._answer is None or int(self._answer.sequence) > (self.book.sequence or 0):
            return None
        quote = self._quotes.get(int(self._answer.sequence))
        try:
            return quote is None or quote == OrderBook(self._answer.bids, self._answer.asks).quote
        except Impossible:
            return False
