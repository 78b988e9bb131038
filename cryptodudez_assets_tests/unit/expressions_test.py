"""What an expression looks at, and what it says: found out from Polars itself, so a new version of it may change it."""

from typing import Any

import pandera.polars as pa
import polars as pl
import pytest

from cryptodudez_assets.contracts.base import Contract, TableContract
from cryptodudez_assets.contracts.expressions import formats_in, looks_around, told_by
from cryptodudez_assets.contracts.rules import evaluate_rules
from cryptodudez_assets.lake.ingest.cells import with_empty_text
from cryptodudez_assets.sources import Layout, Source, all_sources

SCHEMA = {"text": pl.String, "x": pl.Float64, "day": pl.Date}
text, x = pl.col("text"), pl.col("x")


def same(values):
    return values


def other(values):
    return values


def test_formats_are_those_as_which_times_are_read_each_once():
    days = text.str.to_date("%Y-%m-%d", strict=False)
    read = pl.coalesce(days, text.str.to_date("%d.%m.%Y", strict=False), days.dt.offset_by("1d"))
    assert formats_in(read) == ["%Y-%m-%d", "%d.%m.%Y"]
    assert formats_in(text.str.to_datetime()) == formats_in(text) == []
    assert formats_in(pl.format("{} of {}", text, x)) == []


def test_formats_of_what_cannot_be_written_down_are_none():
    assert formats_in(text.map_elements(lambda value: value, return_dtype=pl.String)) == []


BY_ITSELF = {
    "column": text,
    "literal": pl.lit(None, pl.String),
    "format": text.str.to_datetime("%Y-%m-%d", strict=False),
    "time zone": text.str.to_datetime("%Y-%m-%d").dt.replace_time_zone("UTC"),
    "cast": text.cast(pl.Int64),
    "condition": pl.when(x > 0).then(x),
    "mapping": text.replace_strict({"a": 1}),
    "one of": text.is_in(["a", "b"]),
    "JSON": text.str.json_decode(pl.Struct({"k": pl.Int64})),
    "list": text.str.split(",").list.get(3),
    "function of a value": text.map_elements(same, return_dtype=pl.String),
    "function that says so": text.map_batches(same, return_dtype=pl.String, is_elementwise=True),
    "several columns": pl.concat_str("text", "x"),
    "unknown column": pl.col("nowhere"),
}
AROUND = {
    "inferred time": text.str.to_datetime(strict=False),
    "inferred day": text.str.to_date(),
    "inferred in a branch": pl.coalesce(text.str.to_datetime("%Y", strict=False), text.str.to_datetime(strict=False)),
    "sum so far": x.cum_sum(),
    "mean": x - x.mean(),
    "sort": x.sort(),
    "distinct": x.unique(),
    "first of its kind": x.is_first_distinct(),
    "shift": x.shift(),
    "fill": x.forward_fill(),
    "window": x.sum().over("text"),
    "rank": x.rank(),
    "number of rows": pl.len(),
    "function of all values": text.map_batches(same, return_dtype=pl.String),
    "dropped": x.drop_nulls(),
}


@pytest.mark.parametrize("expression", BY_ITSELF.values(), ids=BY_ITSELF)
def test_a_row_stands_by_itself(expression: pl.Expr):
    assert not looks_around(expression, SCHEMA)


@pytest.mark.parametrize("expression", AROUND.values(), ids=AROUND)
def test_an_expression_looks_around(expression: pl.Expr):
    assert looks_around(expression, SCHEMA)


def test_no_layout_that_ships_looks_around():
    assert not [layout.name for source in all_sources().values() for layout in source.layouts if layout.looks_around]


def test_a_rule_that_looks_around_is_refused():
    class Alone(Contract):
        """Values, each once."""

        x: float = pa.Field()

        @pa.dataframe_check(name="once")
        def once(cls, data):  # noqa: N805
            return data.lazyframe.select(pl.col("x").is_unique())

    with pytest.raises(TypeError, match="once looks at other rows; a rule must judge each row by itself"):
        list(evaluate_rules(Alone, pl.DataFrame({"x": [1.0]})))


def test_another_format_or_mapping_is_another_expression():
    assert told_by(text.str.to_date("%Y-%m-%d")) != told_by(text.str.to_date("%d-%m-%Y"))
    assert told_by(text.replace_strict({"a": 1})) != told_by(text.replace_strict({"a": 2}))
    assert told_by(text.map_elements(same, return_dtype=pl.String)) == told_by(
        text.map_elements(other, return_dtype=pl.String)
    )


def test_an_empty_text_that_an_expression_refuses_takes_no_other_rows_value():
    class Words(TableContract):
        """Words, which may be empty."""

        word: str = pa.Field(description="It.")

    made_of = pl.concat_str("text", "more").replace_strict({"1": "one"})
    at = pl.col("at").str.to_datetime("%Y", time_unit="us", time_zone="UTC")
    layout = Layout("words", dict.fromkeys(("text", "more", "at"), pl.String), {"word": made_of, "event_ts": at})
    source = Source("words", "Words.", "team:tests", "lab.words", Words, [layout], key=["event_ts"])
    raw = pl.DataFrame(
        {"text": [None, None], "more": ["1", "bad"], "at": ["2021", "2021"]}, dict.fromkeys(layout.columns, pl.String)
    )

    def words(rows: pl.DataFrame) -> list[str | None]:
        return with_empty_text(source, layout, rows, rows.select(word=made_of))["word"].to_list()

    assert words(raw) == [*words(raw[:1]), *words(raw[1:])] == ["one", None]


class Watched(dict[str, type[pl.DataType]]):
    """A schema that notes which columns' types are asked for."""

    def __init__(self, *told: Any) -> None:
        super().__init__(*told)
        self.asked: list[str] = []

    def __getitem__(self, name: str) -> type[pl.DataType]:
        self.asked.append(name)
        return super().__getitem__(name)


def test_of_a_wide_table_only_the_columns_of_an_expression_are_looked_at() -> None:
    wide = Watched({**SCHEMA, **{f"c{number}": pl.Int64 for number in range(2000)}})
    assert not looks_around(pl.col("x") > 1, wide)
    assert looks_around(pl.col("x") > pl.col("x").sum(), wide)
    assert {*wide.asked} == {"x"}
    assert looks_around(pl.col("x") + pl.sum_horizontal(pl.col("^c.*$").sum()), wide)
