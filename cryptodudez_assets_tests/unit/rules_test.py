"""The split between good rows and bad: every kind of rule finds the rows that break it, and no others."""

from datetime import UTC, datetime
from typing import Any

import pandera.polars as pa
import polars as pl
import pytest
from pandera.errors import SchemaErrors

from cryptodudez_assets.contracts.base import PLACE, Contract, places_of, polars_schema, table_rules
from cryptodudez_assets.contracts.rules import assert_holds, breaking, broken_rules, evaluate_rules
from cryptodudez_assets.sources import all_sources
from cryptodudez_assets_tests.toy import Gauges

GOOD = {
    "name": "g", "value": 1.0, "count": 1, "note": None, "extra": None,
    "event_ts": datetime(2024, 1, 1, tzinfo=UTC), "known_ts": datetime(2024, 1, 1, tzinfo=UTC), "file_id": "f", "file_row": 1,
}  # fmt: skip


def frame(*changes: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame([GOOD | change for change in changes], schema=polars_schema(Gauges))


BAD = [
    ({"name": None}, ["name:missing"]),
    ({"name": ""}, ["name:str_length"]),
    ({"value": float("nan")}, ["value:not_finite", "value:less_than_or_equal_to"]),
    ({"value": float("inf")}, ["value:not_finite", "value:less_than_or_equal_to"]),
    ({"value": float("-inf")}, ["value:not_finite"]),
    ({"value": 2e9}, ["value:less_than_or_equal_to"]),
    ({"count": -1}, ["count:greater_than_or_equal_to"]),
    ({"event_ts": None}, ["event_ts:missing"]),
    ({"event_ts": datetime(20, 1, 1, tzinfo=UTC)}, ["event_ts:in_range"]),
    ({"known_ts": datetime(9999, 1, 1, tzinfo=UTC)}, ["known_ts:in_range"]),
    ({"name": "", "count": -1}, ["name:str_length", "count:greater_than_or_equal_to"]),
    ({"value": None, "count": None}, []),
    ({}, []),
]


@pytest.mark.parametrize(("change", "rules"), BAD, ids=[str(change) for change, _ in BAD])
def test_a_row_breaks_the_rules_it_should_whatever_stands_around_it(change: dict[str, Any], rules: list[str]) -> None:
    findings = list(evaluate_rules(Gauges, frame({}, change, {})))
    wrong = breaking(findings)
    assert (wrong.to_list() if wrong is not None else [False] * 3) == [False, bool(rules), False]
    assert (broken_rules(findings, wrong) if wrong is not None else []) == ([rules] if rules else [])


def test_a_warning_is_no_error() -> None:
    findings = list(evaluate_rules(Gauges, frame({"value": 2e8}, {})))
    assert breaking(findings) is None
    warned = breaking(findings, warnings=True)
    assert warned is not None
    assert (warned.to_list(), broken_rules(findings, warned)) == ([True, False], [])


def test_rules_over_whole_rows_are_told_with_whether_they_only_warn() -> None:
    class Ordered(Contract):
        low: float
        high: float

        @pa.dataframe_check(name="low_below_high")
        def low_below_high(cls, data: pa.PolarsData) -> pl.LazyFrame:  # noqa: N805
            return data.lazyframe.select(pl.col("low") <= pl.col("high"))

        @pa.dataframe_check(name="far_apart", raise_warning=True)
        def far_apart(cls, data: pa.PolarsData) -> pl.LazyFrame:  # noqa: N805
            return data.lazyframe.select(pl.col("high") < 2 * pl.col("low"))

    assert table_rules(Ordered) == [("low_below_high", False), ("far_apart", True)]


def test_columns_that_say_where_something_lies_are_known() -> None:
    class Placed(Contract):
        name: str
        uri: str = pa.Field(metadata=PLACE)
        copy_uri: str = pa.Field(metadata={**PLACE, "unit": "none"})
        other: str = pa.Field(metadata={"unit": "none"})

    assert places_of(Placed) == ["uri", "copy_uri"]


def test_no_rows_break_no_rule() -> None:
    assert list(evaluate_rules(Gauges, frame({}).clear())) == []


def test_what_a_lazy_validation_would_let_pass_is_found_and_fails_the_post_condition() -> None:
    bad = frame({"count": -1})
    Gauges.validate(bad.lazy()).collect()  # the trap: Pandera looks at the schema only, and says nothing
    assert [finding.rule for finding in evaluate_rules(Gauges, bad)] == ["count:greater_than_or_equal_to"]
    with pytest.raises(SchemaErrors):
        assert_holds(Gauges, bad)


@pytest.mark.parametrize(
    "bad",
    [frame({}).drop("note"), frame({}).with_columns(more=1), frame({}).with_columns(pl.col("count").cast(pl.Int32))],
)
def test_the_post_condition_knows_columns_and_types(bad: pl.DataFrame) -> None:
    with pytest.raises(SchemaErrors):
        assert_holds(Gauges, bad)
    assert_holds(Gauges, frame({}))


class Unique(Contract):
    """Says something about the whole table."""

    name: str = pa.Field(unique=True)


class Whole(Contract):
    """Has a rule with one answer for all rows."""

    name: str

    @pa.dataframe_check
    def enough(cls, data: Any) -> pl.LazyFrame:  # noqa: N805
        return data.lazyframe.select(pl.len() > 1)


class Steps(Contract):
    """Has a rule that is more than one expression."""

    name: str

    @pa.dataframe_check
    def short(cls, data: Any) -> pl.LazyFrame:  # noqa: N805
        return data.lazyframe.with_columns(n=pl.col("name").str.len_chars()).select(pl.col("n") < 3)


def test_a_rule_that_takes_more_than_one_expression_is_refused() -> None:
    with pytest.raises(TypeError, match="check short: must be one expression"):
        list(evaluate_rules(Steps, pl.DataFrame({"name": ["a"]})))


@pytest.mark.parametrize("contract", [Unique, Whole])
def test_rules_that_do_not_judge_single_rows_are_refused(contract: type[Contract]) -> None:
    with pytest.raises(TypeError, match=contract.__name__):
        list(evaluate_rules(contract, pl.DataFrame({"name": ["a", "a", "b"]})))


@pytest.mark.parametrize("source", all_sources().values(), ids=all_sources().keys())
def test_contracts_of_all_sources_can_be_judged(source: Any) -> None:
    empty = pl.DataFrame(schema=polars_schema(source.contract))
    assert list(evaluate_rules(source.contract, empty)) == []
    nulls = empty.clear(n=1)
    assert {finding.rule for finding in evaluate_rules(source.contract, nulls) if not finding.is_warning} >= {
        "event_ts:missing",
        "file_id:missing",
    }
