"""What the simulated exchange answers over REST: bodies and errors. How often one may ask is in `limits.py`."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptodudez_assets.simulator.venues.bitso.exchange import Exchange
from cryptodudez_assets.simulator.venues.bitso.market import ASK, BID, Book
from cryptodudez_assets.simulator.venues.bitso.side import EIGHT, OrdersOfSide, eight_decimals
from cryptodudez_assets.venues.bitso import answers
from cryptodudez_assets.venues.bitso.answers import TradesEntry
from cryptodudez_assets.venues.bitso.protocol import UNKNOWN_BOOK

ORDER_BOOK = "/v3/order_book"
LEVELS = 50
"""Prices a side of an aggregated book."""
TRADES, MOST_TRADES = 25, 100
PRIVATE = re.compile(
    r"/v3/(account_status|balance|fees|ledger|user_trades|order_trades|open_orders|orders|withdrawals|fundings)(/.*)?"
)
NOT_ALLOWED = answers.error("0201", "Invalid Nonce or Invalid Credentials")


@dataclass(frozen=True)
class Answer:
    """Status and body; JSON, unless the body is empty or `html`."""

    status: int
    body: bytes = b""
    html: bool = False


class Rest:
    """The public part of REST, of one exchange."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._routes: dict[str, Callable[[dict[str, str]], Answer]] = {
            ORDER_BOOK: self._order_book,
            "/v3/ticker": self._ticker,
            "/v3/available_books": self._available_books,
            "/v3/trades": self._trades,
        }

    def answer(self, target: str) -> Answer:
        """The answer to a GET of a path with its query."""
        asked = urlsplit(target)
        path = asked.path.rstrip("/")
        route = self._routes.get(path)
        if route is not None:
            return route({name: values[-1] for name, values in parse_qs(asked.query).items()})
        return Answer(401, NOT_ALLOWED) if PRIVATE.fullmatch(path) else Answer(404)

    def _order_book(self, query: dict[str, str]) -> Answer:
        name = query.get("book", "missing")
        book = self._exchange.books.get(name)
        if book is None:
            return Answer(400, answers.error(UNKNOWN_BOOK, f"Unknown order book {name}"))
        aggregate = query.get("aggregate", "true")
        if aggregate not in {"true", "false"}:
            return Answer(400, answers.bad_field("aggregate"))
        entries = _levels if aggregate == "true" else _orders
        return _payload(
            {
                "updated_at": iso(self._exchange.now()),
                "bids": entries(name, book.sides[BID], book),
                "asks": entries(name, book.sides[ASK], book),
                "sequence": str(book.sequence),
            }
        )

    def _ticker(self, query: dict[str, str]) -> Answer:
        now = iso(self._exchange.now())
        if "book" not in query:
            return _payload([_ticker_of(book, now) for book in self._exchange.books.values()])
        book = self._exchange.books.get(query["book"])
        if book is None:
            return Answer(400, answers.unknown_ticker(query["book"]))
        return _payload(_ticker_of(book, now))

    def _available_books(self, query: dict[str, str]) -> Answer:
        return _payload([_available(book) for book in self._exchange.books.values()])

    def _trades(self, query: dict[str, str]) -> Answer:
        limit, marker, sort = query.get("limit", str(TRADES)), query.get("marker"), query.get("sort", "desc")
        if not limit.isdecimal() or not 1 <= int(limit) <= MOST_TRADES:
            return Answer(400, answers.bad_field("limit"))
        if marker is not None and not marker.isdecimal():
            return Answer(400, answers.bad_field("marker"))
        if sort not in {"asc", "desc"}:
            return Answer(400, answers.bad_field("sort"))
        book = self._exchange.books.get(query.get("book", ""))
        if book is None:
            return _payload([])
        trades = _from_marker(list(book.trades), marker, sort)[: int(limit)]
        return _payload([_trade(book.name, one) for one in trades])


def iso(milliseconds: int) -> str:
    """As `2026-09-23T01:18:16+00:00`."""
    return datetime.fromtimestamp(milliseconds // 1000, UTC).isoformat()


def _payload(content: Any) -> Answer:
    return Answer(200, answers.payload(content))


def _orders(name: str, orders: OrdersOfSide, book: Book) -> list[dict[str, str]]:
    return [{"book": name, "price": one.rate, "amount": one.amount_text, "oid": one.oid} for one in orders]


def _levels(name: str, orders: OrdersOfSide, book: Book) -> list[dict[str, str]]:
    amounts: dict[int, int] = {}
    for one in orders:
        if len(amounts) == LEVELS and one.ticks not in amounts:
            break
        amounts[one.ticks] = amounts.get(one.ticks, 0) + one.amount
    return [
        {"book": name, "price": book.prices.text(ticks), "amount": eight_decimals(amount)}
        for ticks, amount in amounts.items()
    ]


def _ticker_of(book: Book, now: str) -> dict[str, Any]:
    bid, ask = book.best_prices
    last, text = book.last, book.prices.text
    change = last - book.opening
    volume = book.volume / EIGHT
    return {
        "high": text(book.high),
        "last": text(last),
        "created_at": now,
        "book": book.name,
        "volume": eight_decimals(book.volume),
        "vwap": f"{book.turnover / volume:.10f}" if volume else text(last),
        "low": text(book.low),
        "ask": ask,
        "bid": bid,
        "change_24": ("-" if change < 0 else "") + text(abs(change)),
        "rolling_average_change": {"6": f"{100 * change / book.opening:.4f}"},
    }


def _available(book: Book) -> dict[str, Any]:
    price, tick = book.traits.price, book.traits.tick
    least = 10 / price
    return {
        "book": book.name,
        "minimum_price": f"{tick:f}",
        "maximum_price": f"{price * 20:f}",
        "minimum_amount": f"{least:.8f}",
        "maximum_amount": f"{least * 10**6:.8f}",
        "minimum_value": "10.00",
        "maximum_value": "10000000.00",
        "tick_size": f"{tick:f}",
        "default_chart": "candle",
        "margin_enabled": False,
        "fees": {
            "flat_rate": {"maker": "0.500", "taker": "0.650"},
            "structure": [{"volume": "1500000", "maker": "0.00500", "taker": "0.00650"}],
        },
    }


def _from_marker(trades: list[TradesEntry], marker: str | None, sort: str) -> list[TradesEntry]:
    """Trades in the order asked for, from behind the one that is named on."""
    if sort == "desc":
        trades.reverse()
    if marker is None:
        return trades
    named = int(marker)
    return [one for one in trades if (one.i < named if sort == "desc" else one.i > named)]


def _trade(book: str, one: TradesEntry) -> dict[str, Any]:
    return {
        "book": book,
        "created_at": iso(one.x),
        "amount": one.a,
        "maker_side": "sell" if one.t else "buy",
        "price": one.r,
        "tid": one.i,
    }
