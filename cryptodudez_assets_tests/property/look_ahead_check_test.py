"""The look-ahead check, with its own moments and budget: what it finds of planted leaks, and that it lets honest views pass.

The docs' table of catch rates is what is measured here; RENEW_SNAPSHOT=1 writes it anew. `benchmarks/leaks.py` measures the
same with fresh seeds, and the views of this project with as many.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from random import Random

import polars as pl
import pytest

from cryptodudez_assets.features import FeatureView, all_views
from cryptodudez_assets.features.look_ahead_check import check, read_for_check
from cryptodudez_assets.features.moments import ALL_ROWS, KINDS, MOMENTS
from cryptodudez_assets_tests.planted_leaks import HARD, HONEST, LEAKS, SEEDS, caught

PAGE = Path(__file__).parents[2] / "docs" / "feature_store.md"
BEGIN, END = "<!-- planted leaks: measured by a test -->", "<!-- end of planted leaks -->"
# All of 20 take minutes, since nothing ends these early: `benchmarks/leaks.py` does them.
HONEST_SEEDS, SEEDS_OF_VIEWS = range(5), range(1)


@pytest.fixture(scope="module")
def counts(frames: dict[str, pl.LazyFrame]) -> Mapping[str, int]:
    """How often each leak is caught."""
    views = LEAKS | {name: view for name, (view, _) in HARD.items()}
    return {name: caught(view, frames) for name, view in views.items()}


@pytest.mark.slow
@pytest.mark.parametrize("name", LEAKS)
def test_a_planted_leak_is_caught(name: str, counts: Mapping[str, int]) -> None:
    assert counts[name] >= SEEDS - 1


@pytest.mark.slow
@pytest.mark.parametrize("view", HONEST.values(), ids=HONEST.keys())
def test_an_honest_view_passes(view: FeatureView, frames: dict[str, pl.LazyFrame]) -> None:
    assert caught(view, frames, HONEST_SEEDS) == 0


@pytest.mark.slow
@pytest.mark.parametrize("view", all_views().values(), ids=lambda view: view.name)
def test_a_view_of_this_project_passes(view: FeatureView, frames: dict[str, pl.LazyFrame]) -> None:
    assert caught(view, frames, SEEDS_OF_VIEWS) == 0


@pytest.mark.slow
def test_the_docs_tell_what_was_measured(counts: Mapping[str, int]) -> None:
    before, _, rest = PAGE.read_text().partition(BEGIN)
    text = f"{before}{BEGIN}\n{_table(counts)}{END}{rest.partition(END)[2]}"
    if os.environ.get("RENEW_SNAPSHOT"):
        PAGE.write_text(text)
    assert PAGE.read_text() == text, (
        f"the table in {PAGE.name} is of another check; run this test with RENEW_SNAPSHOT=1"
    )


def _table(counts: Mapping[str, int]) -> str:
    lines = [f"| {name} | {counts[name]} | |" for name in LEAKS]
    lines += [f"| {name} | {counts[name]} | {why} |" for name, (_, why) in HARD.items()]
    return "\n".join([f"| leak | caught of {SEEDS} | why not always |", "|---|---|---|", *lines, ""])


def test_large_inputs_are_sampled_and_bounded(frames: dict[str, pl.LazyFrame], monkeypatch: pytest.MonkeyPatch) -> None:
    view, module = all_views()["crypto_daily"], "cryptodudez_assets.features.look_ahead_check"
    monkeypatch.setattr(f"{module}.ROWS_READ", 1000)
    monkeypatch.setattr(f"{module}.ROWS_COMPUTED", 0)
    monkeypatch.setattr(f"{module}.MOMENTS_AT_LEAST", len(KINDS))
    rows, keys = read_for_check(view, frames, Random(1))
    looked = list(check(view, rows, Random(1)))
    coins = rows["market.crypto_prices"]
    assert keys == "2 of 6 keys"
    assert coins["symbol"].n_unique() == 2
    assert len(coins) <= 1000
    assert len(looked) == len(KINDS) < MOMENTS
    assert {one.moment.kind for one in looked} >= {ALL_ROWS, "newest rows", "beside nulls", "any"}


def test_keys_are_sampled_where_inputs_have_only_some_of_them(
    frames: dict[str, pl.LazyFrame], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cryptodudez_assets.features.look_ahead_check.ROWS_READ", 2000)
    rows, keys = read_for_check(all_views()["eth_sensitivity_daily"], frames, Random(2))
    coins, stocks, market = (rows[f"features.{name}_daily"] for name in ("crypto", "stock", "market_factors"))
    assert keys.endswith(" of 11 keys")
    assert f"{coins['symbol'].n_unique() + stocks['symbol'].n_unique()} of" in keys
    assert len(market) == frames["features.market_factors_daily"].collect().height, "it is shared by all keys"


def test_nothing_to_look_at(frames: dict[str, pl.LazyFrame]) -> None:
    view = all_views()["crypto_daily"]
    rows, _ = read_for_check(view, {one.table: frames[one.table].clear() for one in view.inputs}, Random(1))
    assert list(check(view, rows, Random(1))) == []
