"""What rows add up to does not depend on their order or files, and tells whatever is different."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal

import polars as pl
import pytest

from cryptodudez_assets.lake.moving.comparing import ROWS, WHOLE, sums_of

ALL = pl.DataFrame(
    {
        "number": [1, 2, None],
        "list": [["x", "y"], [], None],
        "amount": [Decimal("1.10"), Decimal(2), None],
        "time": [datetime(2020, 1, 1, tzinfo=UTC), datetime(2020, 1, 2, tzinfo=UTC), None],
        "flag": [True, False, None],
        "text": ["q", "ä", None],
        "real": [1.5, float("nan"), None],
        "day": [date(2020, 1, 1), date(2020, 1, 2), None],
    }
)


def differing(changed: pl.DataFrame) -> set[str]:
    before, after = sums_of(ALL.lazy()), sums_of(changed.lazy())
    return {name for name in before if before[name] != after[name]}


def test_order_and_division_do_not_count() -> None:
    assert differing(ALL.reverse()) == set()
    assert sums_of(ALL.head(1).lazy()) + sums_of(ALL.tail(2).lazy()) == sums_of(ALL.lazy())
    assert sums_of(ALL.lazy())[ROWS] == len(ALL)


@pytest.mark.parametrize("name", ALL.columns)
def test_a_value_that_is_another_is_told_by_its_column(name: str) -> None:
    assert differing(ALL.with_columns(pl.col(name).backward_fill())) == set()
    assert differing(ALL.with_columns(pl.col(name).forward_fill())) == {f"the column {name}", WHOLE}


CHANGES: dict[str, Callable[[pl.DataFrame], pl.DataFrame]] = {
    "a row twice": lambda rows: pl.concat([rows, rows.head(1)]),
    "a row less": lambda rows: rows.head(2),
}


@pytest.mark.parametrize("change", CHANGES)
def test_rows_that_are_missing_or_there_twice_are_told(change: str) -> None:
    assert {ROWS, WHOLE} < differing(CHANGES[change](ALL))


def test_values_that_changed_places_in_their_column_are_told() -> None:
    assert differing(ALL.with_columns(number=pl.Series([2, 1, None]))) == {WHOLE}
