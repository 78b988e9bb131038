"""A venue that says what none should: what it says costs at most some seconds of that book, and never the recorder."""

import json
from collections.abc import Callable

import polars as pl
import pytest

from cryptodudez_assets.recorder.market_state import MOST_TOLD, MarketState
from cryptodudez_assets.recorder.order_book import MOST_ORDERS, Impossible
from cryptodudez_assets.recorder.record import Origin, Record, to_frame
from cryptodudez_assets.venues.bitso.protocol import (
    NotUnderstood,
    error_of,
    read_message,
    read_order_book,
    read_tickers,
)

START = 1_800_000_000
SECOND_US = 1_000_000
LIFE_SECONDS, GARBLED_AT = 30, 5.5
RECOVERED_WITHIN = 12
"""A sequence that no answer knows of is believed for 10 s."""


def message(sequence: int, sent_ms: float, price: str = "99", amount: str = "1") -> str:
    order = {"a": amount, "d": 1, "o": f"o{sequence}"[:20], "r": price, "s": "open", "t": 0, "v": "1", "z": 1}
    told = {"book": "btc_mxn", "sequence": sequence, "type": "diff-orders", "payload": [order], "sent": int(sent_ms)}
    return json.dumps(told)


def whole_book(sequence: int | str = 100, **levels: str) -> bytes:
    level = {"book": "btc_mxn", "amount": "1", **levels}
    sides = {"bids": [{"price": "100", "oid": "b", **level}], "asks": [{"price": "101", "oid": "a", **level}]}
    return json.dumps({"payload": {"updated_at": "", "sequence": str(sequence), **sides}}).encode()


def followed() -> MarketState:
    state = MarketState(["btc_mxn"], "a", START * SECOND_US)
    state.on_connected(START * SECOND_US)
    state.books["btc_mxn"].on_subscribed(START * SECOND_US)
    return state


def life_with(garbled: Callable[[int, float], str]) -> list[Record]:
    """The records of a lively book, which is seeded when it asks to be, and of which one more message comes that is garbled."""
    state, sequence, records = followed(), 99, []
    book = state.books["btc_mxn"]
    told = False
    for step in range(LIFE_SECONDS * 5):
        now = START + 0.1 + step / 5
        now_us = int(now * SECOND_US)
        if now > START + GARBLED_AT and not told:
            told = True
            state.on_frame(garbled(sequence, now * 1000), now_us)
        sequence += 1
        state.on_frame(message(sequence, now * 1000 - 20), now_us)
        if step % 5 == 0 and state.to_seed(now_us):
            book.on_seed(read_order_book(whole_book(sequence)), now_us - 10_000, now_us)
        if step % 5 == 4:
            records += state.records(START + step // 5 + 1, now_us + 100_000)
    return records


GARBLED: dict[str, Callable[[int, float], str]] = {
    "a sequence far ahead": lambda sequence, now: message(sequence + 10**6, now),
    "a sequence that fits nowhere": lambda sequence, now: message(2**63, now),
    "an old sequence": lambda sequence, now: message(5, now),
    "sent some seconds from now": lambda sequence, now: message(sequence + 1, now + 5_000),
    "sent in a hundred days": lambda sequence, now: message(sequence + 1, now + 1e10),
    "an old sequence, sent later": lambda sequence, now: message(5, now + 3_000),
    "sent at no time": lambda sequence, now: message(sequence + 1, 2**62),
    "sent at no time, beyond 64 bits": lambda sequence, now: message(sequence + 1, 2**70),
    "sent long ago": lambda sequence, now: message(sequence + 1, 0),
    "a price below all floats": lambda sequence, now: message(sequence + 1, now, price="1e-400"),
    "an amount that is none": lambda sequence, now: message(sequence + 1, now, amount="NaN"),
    "lists in lists": lambda sequence, now: '{"book":' * 100_000,
    "lists in lists, as a reply": lambda sequence, now: '{"action":"x","y":' + "[" * 100_000 + "]" * 100_000 + "}",
}


@pytest.mark.parametrize("garbled", GARBLED.values(), ids=GARBLED.keys())
def test_one_garbled_message_costs_a_few_seconds(garbled: Callable[[int, float], str]) -> None:
    records = life_with(garbled)
    assert [one.second for one in records if one.source is not Origin.WS and one.second > START + 1] == [
        one.second
        for one in records
        if one.source is not Origin.WS and START + GARBLED_AT <= one.second < START + GARBLED_AT + RECOVERED_WITHIN
    ]
    frame = to_frame(records, "a")
    prices = pl.col("bid", "ask")
    assert frame.filter(pl.any_horizontal(prices <= 0) | (pl.col("bid") >= pl.col("ask"))).is_empty()


@pytest.mark.parametrize("times", ["sent in a hundred days", "sent some seconds from now"])
def test_a_first_message_with_a_garbled_time_is_forgotten(times: str) -> None:
    state = followed()
    state.on_frame(GARBLED[times](99, START * 1000.0), START * SECOND_US)
    state.books["btc_mxn"].on_seed(read_order_book(whole_book(100)), START * SECOND_US + 1, START * SECOND_US + 2)
    for number in range(1, 5):
        state.on_frame(message(100 + number, (START + number) * 1000 - 30), (START + number) * SECOND_US - 20_000)
        record = state.records(START + number, (START + number) * SECOND_US)[0]
    assert (record.source, record.sequence) == (Origin.WS, 104)


@pytest.mark.parametrize("read", [read_order_book, read_tickers])
@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"payload":' + b"[" * 100_000, b'{"error":' + b"[" * 100_000])
def test_answers_nested_without_end_are_not_understood(read: Callable[[bytes], object], body: bytes) -> None:
    with pytest.raises(NotUnderstood):
        read(body)
    assert error_of(body) == ""


def test_a_message_of_more_changes_than_any_has_is_not_understood() -> None:
    told = json.loads(message(1, 1))
    with pytest.raises(NotUnderstood):
        read_message(json.dumps(told | {"payload": told["payload"] * 1000}))
    with pytest.raises(NotUnderstood):
        read_message(json.dumps(told | {"payload": [told["payload"][0] | {"o": "x" * 100_000}]}))


@pytest.mark.parametrize(
    "body",
    [
        whole_book(2**63),
        whole_book(-5),
        whole_book(book="usd_mxn"),
        whole_book(oid="twice"),
        whole_book(price="1e-400"),
        whole_book(amount="1" * 5000),
    ],
    ids=["sequence too large", "sequence below 0", "another book", "an order twice", "no price", "no amount"],
)
def test_a_whole_book_that_cannot_be_is_not_taken(body: bytes) -> None:
    book = followed().books["btc_mxn"]
    with pytest.raises((Impossible, ValueError)):
        book.on_seed(read_order_book(body), START * SECOND_US + 1, START * SECOND_US + 2)
    assert not book.in_sequence


def test_a_book_does_not_grow_without_bound() -> None:
    told = json.loads(whole_book())
    told["payload"]["bids"] = [
        {"book": "btc_mxn", "price": f"{100 - n / 1e7:.7f}", "amount": "1", "oid": f"b{n}"} for n in range(MOST_ORDERS)
    ]
    book = followed().books["btc_mxn"]
    with pytest.raises(Impossible, match="more than"):
        book.on_seed(read_order_book(json.dumps(told).encode()), START * SECOND_US + 1, START * SECOND_US + 2)


@pytest.mark.parametrize(("bid", "ask"), [("105", "100"), ("100", "100")])
def test_a_ticker_whose_bid_is_not_below_its_ask_tells_nothing(bid: str, ask: str) -> None:
    state = MarketState(["btc_mxn"], "a", START * SECOND_US)
    told = {"payload": [{"book": "btc_mxn", "created_at": "", "bid": bid, "ask": ask}]}
    state.on_tickers(read_tickers(json.dumps(told).encode()), START * SECOND_US + 1, START * SECOND_US + 2)
    record = state.records(START + 1, (START + 1) * SECOND_US)[0]
    assert (record.source, record.is_gap, record.bid) == (Origin.CARRIED, True, None)


def test_a_flood_of_refusals_is_told_once_each_and_not_without_end() -> None:
    state = followed()
    for number in range(1000):
        state.on_frame('{"error":"invalid message","time":1}', START * SECOND_US)
        state.on_frame(json.dumps({"error": f"{number} {'x' * 1000}", "time": 1}), START * SECOND_US)
    assert len(state.refused) == MOST_TOLD
    assert max(map(len, state.refused)) < 1000
    state.on_connected(START * SECOND_US)
    state.on_frame('{"error":"invalid message","time":1}', START * SECOND_US)
    assert len(state.refused) == MOST_TOLD + 1
