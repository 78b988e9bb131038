"""Rows are sorted as Polars sorts them, whether they were in order or not."""

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from cryptodudez_assets.ordering import LEAST_RUN, in_order, in_order_lazily

rows = st.lists(st.tuples(st.sampled_from(["", "a", "b", None]), st.sampled_from([None, 1, 2, 3])), max_size=6)


@given(rows, st.sampled_from([1, LEAST_RUN]))
@settings(max_examples=300)
def test_rows_are_sorted_as_polars_sorts_them(pairs: list[tuple[str | None, int | None]], times: int) -> None:
    repeated = [pair for pair in pairs for _ in range(times)]
    frame = pl.DataFrame(repeated, schema={"name": pl.String, "number": pl.Int64}, orient="row").with_row_index()
    expected = frame.sort("name", "number", maintain_order=True)
    chosen = expected.columns[1:]
    assert_frame_equal(in_order(frame, chosen).select(chosen), expected.select(chosen))
    assert_frame_equal(in_order_lazily(frame.lazy(), chosen).collect().select(chosen), expected.select(chosen))
    assert in_order(frame, ["index"]) is frame
    assert in_order(frame, []) is frame


def test_runs_that_change_places_take_their_rows_along() -> None:
    runs = [pl.DataFrame({"name": name, "number": range(LEAST_RUN)}) for name in "cab"]
    moved = in_order(pl.concat(runs), ["name", "number"])
    assert_frame_equal(moved, pl.concat([runs[1], runs[2], runs[0]]))


def test_what_is_in_order_is_left_as_it_is() -> None:
    frame = pl.DataFrame({"name": ["a", "a", "b"], "number": [1, 1, 0]})
    assert in_order(frame, ["name", "number"]) is frame
    assert in_order(frame, ["number", "name"]) is not frame


def test_a_filter_and_a_selection_behind_it_mean_the_same() -> None:
    frame = pl.DataFrame({"name": ["b", "a", "a"], "number": [1, 2, 1]})
    query = in_order_lazily(frame.lazy(), ["name", "number"]).filter(pl.col("number") == 1).select("name")
    assert query.collect()["name"].to_list() == ["a", "b"]
