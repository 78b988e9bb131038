"""Frames that were captured from the exchange are read as it documents them."""

from decimal import Decimal
from pathlib import Path

from cryptodudez_assets.venues.bitso.protocol import DiffOrders, KeepAlive, Other, Reply, Side, read_message


def test_captured_frames_are_read(real_data: Path) -> None:
    (path,) = (real_data / "fixtures" / "bitso_ws").glob("*.ndjson")
    read = [read_message(line) for line in path.read_bytes().splitlines()]
    assert [type(one) for one in read] == [Reply, Other, *[DiffOrders] * 4, Other, KeepAlive, *[Reply] * 3]
    diffs = [one for one in read if isinstance(one, DiffOrders)]
    assert [(one.book, one.sequence) for one in diffs[:2]] == [("btc_mxn", 4520986708), ("btc_mxn", 4520986709)]
    gone, there = (one.payload[0] for one in diffs[:2])
    assert (gone.status, there.status) == ("cancelled", "open")
    assert (there.rate, there.amount, there.side) == (Decimal(1499630), Decimal("0.00181072"), Side.ASK)
    completed, other = diffs[3].payload
    assert (completed.status, completed.amount, completed.value) == ("completed", None, None)
    assert (other.status, other.side) == ("open", Side.BID)
    replies = [one for one in read if isinstance(one, Reply)]
    assert [one.is_taken for one in replies] == [True, False, True, False]
