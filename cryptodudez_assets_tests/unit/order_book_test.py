"""A book of orders: what messages make of it."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cryptodudez_assets.recorder.order_book import Impossible, OrderBook
from cryptodudez_assets.venues.bitso.protocol import Diff, Side, read_message

MESSAGE = (
    b'{"book":"btc_mxn","sequence":2,"type":"diff-orders","payload":['
    b'{"d":1,"o":"x","r":"1494400","s":"completed","t":0,"z":2},'
    b'{"a":"0.00199645","d":1,"o":"y","r":"1494390","s":"open","t":0,"v":"2983.47","z":2}],"sent":3}'
)


def diff(order: str, side: Side, price: str, amount: str | None, status: str = "open") -> Diff:
    told = None if amount is None else Decimal(amount)
    return Diff(order=order, rate=Decimal(price), side=side, status=status, created_ms=1, amount=told)  # type: ignore[arg-type]


def test_an_order_is_replaced_when_it_opens_again_and_gone_with_any_other_word() -> None:
    book = OrderBook()
    book.apply(diff("a", Side.BID, "10", "1.5"))
    book.apply(diff("a", Side.BID, "11", "0.25"))
    assert book.quote[0] == Decimal(11)
    book.apply(diff("a", Side.BID, "11", None, "completed"))
    book.apply(diff("never seen", Side.BID, "12", "1", "cancelled"))
    assert book.quote == (None, None)


def test_a_message_of_the_wire_is_applied_entry_by_entry() -> None:
    book = OrderBook()
    book.apply(diff("x", Side.BID, "1494400", "1"))
    for entry in read_message(MESSAGE).payload:  # type: ignore[union-attr]
        book.apply(entry)
    assert book.quote == (Decimal(1494390), None)


def test_amounts_at_the_best_price_are_summed_exactly_and_depth_is_ten_basis_points() -> None:
    book = OrderBook()
    for order, price, amount in [("a", "1000", "0.1"), ("b", "1000", "0.2"), ("c", "999", "1"), ("d", "998.99", "4")]:
        book.apply(diff(order, Side.BID, price, amount))
    best = book.best(Side.BID)
    assert best is not None
    assert (best.price, best.amount, best.depth) == (1000.0, 0.3, 1.3)


@pytest.mark.parametrize(
    ("price", "amount"),
    [("0", "1"), ("-1", "1"), ("NaN", "1"), ("1", "0"), ("1", "Infinity"), ("1e30", "1"), ("1", None)],
)
def test_what_no_book_can_hold_is_refused(price: str, amount: str | None) -> None:
    with pytest.raises(Impossible):
        OrderBook().apply(diff("a", Side.ASK, price, amount))


orders = st.lists(
    st.tuples(
        st.sampled_from("abcdefgh"),
        st.sampled_from(Side),
        st.integers(1, 6).map(str),
        st.integers(1, 9).map(lambda n: f"0.{n}"),
        st.sampled_from(["open", "open", "cancelled", "completed"]),
    ),
    max_size=60,
)


@given(orders)
def test_best_prices_are_those_of_a_plain_dictionary(told: list[tuple[str, Side, str, str, str]]) -> None:
    book, plain = OrderBook(), dict[str, tuple[Side, Decimal, Decimal]]()
    for order, side, price, amount, status in told:
        book.apply(diff(order, side, price, amount, status))
        plain.pop(order, None)
        if status == "open":
            plain[order] = (side, Decimal(price), Decimal(amount))
    for side, best in ((Side.BID, max), (Side.ASK, min)):
        prices = [price for one, price, _ in plain.values() if one is side]
        found = book.best(side)
        if not prices:
            assert found is None
            continue
        top = best(prices)
        assert found is not None
        assert found.price == float(top)
        assert found.amount == float(sum(a for one, p, a in plain.values() if one is side and p == top))
