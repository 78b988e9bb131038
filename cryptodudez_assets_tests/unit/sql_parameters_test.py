"""Parameters of people's SQL, and files of several statements."""

from datetime import date

import duckdb
import pytest

from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.sql import Locked, NotGiven, by_heading, query

FILE = """-- Questions about days.

-- question 1
-- What follows the day?
SELECT $day::DATE + 1 AS next;

-- question 2
SELECT ';-- not a heading' AS text, $from::DATE AS first, $to AS last
-- said behind it
;

SELECT 3 AS three"""


def test_each_statement_of_a_file_is_found_by_the_first_line_of_the_comment_above_it():
    found = by_heading(FILE)

    assert list(found) == ["question 1", "question 2", "3"]
    assert "next" in found["question 1"]
    assert "not a heading" in found["question 2"]


def test_two_statements_with_one_heading_are_told():
    with pytest.raises(ValueError, match="two statements are headed 'a'"):
        by_heading("-- a\nSELECT 1;\n-- a\nSELECT 2")


def test_parameters_are_values_and_never_sql(lake: Lake):
    given = {"day": "2024-02-28", "from": "2024-01-01", "to": "'; DROP TABLE x; --", "unused": 1}
    found = by_heading(FILE)

    assert query(lake, found["question 1"], given).rows() == [(date(2024, 2, 29),)]
    assert query(lake, found["question 2"], given).rows() == [(";-- not a heading", date(2024, 1, 1), given["to"])]


def test_parameters_of_several_statements_go_to_those_that_name_them(lake: Lake):
    assert (
        query(lake, "SET VARIABLE a = $a::INT; SELECT getvariable('a') + $b::INT AS sum", {"a": 1, "b": 2}).item() == 3
    )


def test_a_parameter_without_a_value_is_named(lake: Lake):
    with pytest.raises(NotGiven, match=r"no value for \$from, \$to") as told:
        query(lake, "SELECT $to, $from, $day", {"day": "2024-01-01"})
    assert told.value.names == ["from", "to"]


def test_a_value_that_is_none_of_its_type_is_told_by_duckdb(lake: Lake):
    with pytest.raises(duckdb.ConversionException, match="2024-02-30"):
        query(lake, "SELECT $day::DATE", {"day": "2024-02-30"})


def test_a_statement_before_the_last_is_run_and_reads_only(lake: Lake):
    with pytest.raises(Locked, match="CREATE"):
        query(lake, "CREATE TABLE t AS SELECT $a; SELECT 1", {"a": "1"})
