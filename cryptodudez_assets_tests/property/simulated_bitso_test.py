"""The simulated exchange's socket and REST tell of one book: what follows the one arrives at the other."""

from hypothesis import given, settings
from hypothesis import strategies as st

from cryptodudez_assets.simulator.venues.bitso.books import BOOKS
from cryptodudez_assets.simulator.venues.bitso.exchange import Exchange
from cryptodudez_assets.simulator.venues.bitso.frames import diff_orders, orders
from cryptodudez_assets.simulator.venues.bitso.rest import Rest
from cryptodudez_assets_tests.order_book_client import PlainClient, orders_of, read

NOW = 1_790_126_713_000


def snapshot(exchange: Exchange, name: str) -> dict:
    return read(Rest(exchange).answer(f"/v3/order_book/?book={name}&aggregate=false").body)["payload"]


@settings(max_examples=25, deadline=None)
@given(
    name=st.sampled_from(sorted(BOOKS)),
    seed=st.integers(0, 10**6),
    legs=st.lists(st.integers(0, 400), min_size=1, max_size=4),
)
def test_diffs_applied_to_a_snapshot_make_the_next_snapshot(name: str, seed: int, legs: list[int]):
    exchange = Exchange([name], seed)
    book = exchange.books[name]
    client = PlainClient(snapshot(exchange, name))
    for leg in legs:
        for number in range(leg):
            book.delay()
            frame = read(diff_orders(book, book.step(NOW + number), NOW + number).text)
            assert 1 <= len(frame["payload"]) <= 3
            client.apply(frame)
        known = snapshot(exchange, name)
        assert client.orders == orders_of(known)
        assert client.sequence == int(known["sequence"])
        assert client.best() == tuple(map(float, book.best_prices))
        assert client.best()[0] < client.best()[1]
        top = read(orders(book, None, NOW).text)["payload"]  # type: ignore[arg-type]
        assert [one["o"] for one in top["bids"]] == [one["oid"] for one in known["bids"][:20]]


@settings(max_examples=15, deadline=None)
@given(name=st.sampled_from(sorted(BOOKS)), seed=st.integers(0, 10**6))
def test_prices_are_sorted_sums_are_right_and_values_are_cut_to_eight_decimals(name: str, seed: int):
    exchange = Exchange([name], seed)
    whole = snapshot(exchange, name)
    levels = read(Rest(exchange).answer(f"/v3/order_book?book={name}").body)["payload"]
    for side, sign in (("bids", -1), ("asks", 1)):
        prices = [sign * float(one["price"]) for one in whole[side]]
        assert prices == sorted(prices)
        for level in levels[side]:
            amounts = [one["amount"] for one in whole[side] if one["price"] == level["price"]]
            assert units(level["amount"]) == sum(map(units, amounts))
        assert len(levels[side]) == min(50, len({one["price"] for one in whole[side]}))
        assert all("oid" not in level for level in levels[side])


def units(amount: str) -> int:
    whole, _, fraction = amount.partition(".")
    assert len(fraction) == 8
    return int(whole + fraction)
