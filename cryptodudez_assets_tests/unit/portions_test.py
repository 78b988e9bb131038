"""What goes wrong in a transform is told in words, with the table that it is of."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import polars as pl
import pytest

from cryptodudez_assets.derived.upkeep.portions import compute
from cryptodudez_assets_tests.declared_tables import TOY_TABLES

TABLE = TOY_TABLES["toys.coin_totals"]
INPUT = TABLE.inputs[0]


class Rows:
    """A table in memory."""

    def scan(self) -> pl.LazyFrame:
        return pl.LazyFrame({name: ["a"] for name in TABLE.reads(INPUT)})


def made(transform: Callable[[Any], Any]) -> pl.DataFrame:
    return compute({INPUT.table: Rows()}, replace(TABLE, transform=transform), None)  # type: ignore[dict-item]


@pytest.mark.parametrize(
    ("transform", "why"),
    [
        (lambda _: None, "toys.coin_totals: its transform gives a NoneType, expected a LazyFrame"),
        (lambda frames: frames, "its transform gives a _Inputs, expected a LazyFrame"),
        (lambda frames: frames["market.nope"], f"reads market.nope, and its inputs are {INPUT.table}"),
        (
            lambda frames: frames[INPUT.table].select("nope"),
            'toys.coin_totals: unable to find column "nope"; valid columns: ',
        ),
        (lambda frames: frames[INPUT.table], "toys.coin_totals: the result lacks "),
    ],
)
def test_a_transform_that_gives_no_rows_is_told_in_words(transform: Callable[[Any], Any], why: str) -> None:
    with pytest.raises(ValueError, match=r"^[^\n]*$") as error:
        made(transform)
    assert why in str(error.value)


def test_rows_that_are_computed_already_are_taken() -> None:
    rows = pl.DataFrame({name: [] for name in TABLE.made_columns})
    assert made(lambda _: rows).equals(made(lambda _: rows.lazy()))
