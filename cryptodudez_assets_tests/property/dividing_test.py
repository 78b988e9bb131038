"""However a table is divided, it holds the same bits: ranges of keys cover all rows once."""

from itertools import pairwise

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from cryptodudez_assets.derived.upkeep.key_ranges import KeyRange

value = st.none() | st.sampled_from(["", "a", "b", "ä", "zz"])
pair = st.tuples(value, st.none() | st.integers(-2, 2))


@given(st.lists(pair, max_size=30), st.lists(pair, max_size=4, unique=True))
def test_ranges_hold_every_row_once_nulls_too_whatever_their_bounds(
    rows: list[tuple[str | None, int | None]], cuts: list[tuple[str | None, int | None]]
) -> None:
    frame = pl.DataFrame(rows, schema={"name": pl.String, "number": pl.Int64}, orient="row").with_row_index("row")
    ordered = pl.DataFrame(cuts, schema={"name": pl.String, "number": pl.Int64}, orient="row").sort("name", "number")
    bounds = [None, *ordered.iter_rows(), None]
    parts = [KeyRange(("name", "number"), low, high).of(frame.lazy()).collect() for low, high in pairwise(bounds)]
    assert sorted(pl.concat(parts)["row"]) == list(range(len(rows)))
    for before, after in pairwise(parts):  # and ranges follow each other
        both = pl.concat([before.sort("name", "number"), after.sort("name", "number")])
        assert both.select("name", "number").equals(both.sort("name", "number").select("name", "number"))
