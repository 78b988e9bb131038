"""How what is computed is cut: long reaches into stretches of days, and keys by when what they are reached by begins."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cryptodudez_assets.derived.upkeep import stretches
from cryptodudez_assets.derived.upkeep.reach import AffectedRange, affected_by
from cryptodudez_assets.derived.upkeep.stretches import EPOCH, cuts, stretches_of
from cryptodudez_assets_tests.declared_tables import TOY_TABLES

DAYS = TOY_TABLES["toys.coin_days"]  # by SQL, each day by itself
file = st.tuples(st.integers(0, 5_000_000), st.integers(0, 400), st.integers(0, 400)).map(
    lambda told: (told[0], min(told[1:]), max(told[1:]))
)


class Files:
    """A table whose files say how many rows they have on which days."""

    def __init__(self, *told: tuple[int, int, int]) -> None:
        self.told = told

    def days(self, _column: str) -> tuple[tuple[int, int, int], ...]:
        return self.told


def day(number: int) -> datetime:
    return EPOCH + timedelta(days=number)


def cut(reach: AffectedRange | None, *told: tuple[int, int, int]) -> list[AffectedRange | None]:
    return list(stretches_of({"market.crypto_prices": Files(*told)}, DAYS, reach))  # type: ignore[dict-item]


def test_what_is_little_is_computed_at_once() -> None:
    assert cut(None, (900_000, 0, 90)) == [None]


def test_days_are_put_together_up_to_a_number_of_rows() -> None:
    found = cut(None, (3_000_000, 0, 29))
    assert [(one.start, one.end) for one in found if one] == [(None, day(10)), (day(10), day(20)), (day(20), None)]


def test_only_what_is_within_reach_is_cut_and_its_ends_stay() -> None:
    reach = AffectedRange(pl.DataFrame({"symbol": ["A"]}), day(5), day(20))
    found = cut(reach, (3_000_000, 0, 29))
    assert [(one.start, one.end) for one in found if one] == [(day(5), day(15)), (day(15), day(20))]
    assert all(one is not None and one.keys is reach.keys for one in found)
    assert cut(AffectedRange(None, day(20), day(21)), (30_000_000, 0, 29)) == [AffectedRange(None, day(20), day(21))]


def test_where_a_file_does_not_say_its_days_nothing_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Files, "days", lambda *_: None)
    assert cut(None, (30_000_000, 0, 29)) == [None]


@given(st.lists(file, max_size=6), st.none() | st.integers(0, 400), st.none() | st.integers(0, 400))
def test_a_stretch_of_several_days_has_few_rows(
    files: list[tuple[int, int, int]], first: int | None, last: int | None
) -> None:
    found = list(cuts(files, first, last))
    low, high = 0 if first is None else first, 400 if last is None else last
    bounds = [low, *found, high + 1]
    assert found == sorted({*found})
    assert all(low < one <= high for one in found)
    a_day = [
        sum(n / (end - begin + 1) for n, begin, end in files if begin <= one <= end) for one in range(low, high + 1)
    ]
    for begin, end in pairwise(bounds):
        inside = a_day[begin - low : end - low]
        several = sum(rows > 0 for rows in inside) > 1
        assert not several or sum(inside) <= stretches.STRETCH_ROWS * 1.001


def test_keys_that_something_late_reaches_are_computed_by_themselves() -> None:
    table = replace(TOY_TABLES["toys.coin_days"], key=["day"])
    now = datetime(2021, 6, 1, tzinfo=UTC)
    first = [now, now + timedelta(days=1), datetime(2020, 1, 1, tzinfo=UTC), now]
    changes = pl.DataFrame({"key": ["a", "b", "late", "c"], "first": first, "end": [None] * 4}).with_columns(
        pl.col("first", "end").cast(pl.Datetime("us", "UTC"))
    )
    found = affected_by(changes, table)
    assert [one.keys["key"].to_list() for one in found if one.keys is not None] == [["late"], ["a", "b", "c"]]
    assert [one.start for one in found] == [first[2], now]
