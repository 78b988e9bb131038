"""How values and rows are spelled in Dagster's UI."""

from datetime import UTC, date, datetime
from decimal import Decimal

import polars as pl
import pytest

from cryptodudez_assets.defs.shown import CELL_CHARACTERS, markdown, number, said, table

EVERY = [
    (0.3441803982451807, "0.34418"),
    (1.4412127746071742e-05, "1.44121e-05"),
    (123456.789, "123457"),
    (2704520.326069079, "2704520"),
    (21283436076205.863, "21283436076206"),
    (150.0, "150"),
    (-0.0, "0"),
    (float("nan"), "nan"),
    (1187859741222608896, "1187859741222608896"),
    (Decimal("0.100000000000000001"), "0.100000000000000001"),
    (Decimal("1500.000000"), "1500"),
    (Decimal("12345678901234567890.123456789012345678"), "12345678901234567890.123456789012345678"),
    (Decimal("-0.500000000000000000"), "-0.5"),
    (Decimal("1E+3"), "1000"),
    (datetime(2021, 1, 1, 23, 59, 59, tzinfo=UTC), "2021-01-01 23:59:59"),
    (datetime(2021, 1, 1, 23, 59, 59, 250_000, tzinfo=UTC), "2021-01-01 23:59:59.25"),
    (date(2021, 1, 1), "2021-01-01"),
    ([0.3441803982451807, None, 2.0], "[0.34418, , 2]"),
    ({"mean": 0.3441803982451807}, "{mean: 0.34418}"),
    (None, ""),
]


@pytest.mark.parametrize(("value", "text"), EVERY, ids=repr)
def test_no_digit_is_shown_that_tells_nothing_and_none_is_lost_that_is_exact(value: object, text: str):
    assert said(value) == text


def test_a_number_that_is_drawn_has_no_more_digits_than_one_that_is_read():
    assert number(0.3441803982451807).value == 0.34418
    assert number(150.0).value == 150.0


def test_a_preview_is_a_table_of_text_so_that_the_browser_rounds_no_id():
    frame = pl.DataFrame({"id": [1187859741222608896], "price": [0.1 + 0.2]})

    shown = table(frame)

    assert [column.name for column in shown.schema.columns] == ["id", "price"]
    (row,) = (record.data for record in shown.records)
    assert (row["id"], row["price"]) == ("1187859741222608896", "0.3")


def test_a_cell_is_shown_whole_or_not_at_all():
    """Half of somebody's id would be found by nobody who has to take it out of Dagster's log."""
    whole = "x" * CELL_CHARACTERS
    frame = pl.DataFrame({"raw": [whole, f"{whole}y"], "values": [[0.5], [0.5] * 300]})

    first, second = (record.data for record in table(frame).records)

    assert first == {"raw": whole, "values": "[0.5]"}
    assert second == {"raw": "(201 characters)", "values": "(300 values)"}
    assert "201 characters" in markdown(frame).value


def test_in_markdown_a_cell_cannot_end_its_row():
    lines = markdown(pl.DataFrame({"raw": ["a|b\r\nc"], "x": [0.1 + 0.2]})).value.splitlines()

    assert lines == ["| raw | x |", "| --- | --- |", "| a\\|b  c | 0.3 |"]
