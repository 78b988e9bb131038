"""The spread of a record, as the brief defines it."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cryptodudez_assets.recorder.record import Record, spread, to_frame

prices = st.decimals("0.00000001", "100000000", places=8).map(float)


@given(prices, prices)
def test_a_spread_is_the_part_of_the_ask_that_lies_between_in_percent(bid: float, ask: float) -> None:
    exact = (Fraction(ask) - Fraction(bid)) * 100 / Fraction(ask)
    assert spread(bid, ask) == pytest.approx(float(exact), rel=1e-12)
    assert to_frame([Record(0, "btc_mxn", bid, ask)], "alpha")["spread"].to_list() == [spread(bid, ask)]


@pytest.mark.parametrize(("bid", "ask"), [(None, 100.0), (99.0, None), (None, None), (99.0, 0.0)])
def test_there_is_none_where_a_side_is_unknown(bid: float | None, ask: float | None) -> None:
    assert spread(bid, ask) is None
