"""What a source declares about the paths of its files."""

from typing import Any

import polars as pl
import pytest

from cryptodudez_assets.sources import Layout, all_sources

MARKET, SYMBOLS = all_sources()["stock_market"], all_sources()["stock_symbols"]


def layout(**more: Any) -> Layout:
    return Layout(name="some", columns={"a": pl.String}, canonical={}, **more)


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("stocks/A.csv", {"folder": "stocks", "symbol": "A"}),
        ("2026-01-01/archive/etfs/AGM-A.csv", {"folder": "etfs", "symbol": "AGM-A"}),
        ("stocks/NAN.csv.gz", {"folder": "stocks", "symbol": "NAN"}),
        ("mystocks/A.csv", None),
        ("stocks/more/A.csv", None),
        ("A.csv", None),
    ],
)
def test_the_end_of_a_path_tells_kind_and_symbol(path: str, told: dict[str, str] | None):
    assert MARKET.layouts[0].told_by(path) == told


def test_where_a_layout_reads_no_path_nothing_is_told_and_nothing_missing():
    assert layout().told_by("anything.csv") == {}
    assert layout().tail_of("anything.csv") is None


def test_a_path_and_a_header_cannot_both_tell_a_column():
    with pytest.raises(ValueError, match="come from the path and from the header"):
        layout(path="(?P<a>x)")


def test_two_sources_may_share_a_folder():
    assert SYMBOLS.raw == MARKET.raw == "stock_market"
