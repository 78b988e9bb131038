"""Property: whoever recorded the same seconds, and whatever lands first: of each second the best observation is in the table."""

import tempfile
from pathlib import Path
from random import Random
from typing import Any

import polars as pl
import pytest

from cryptodudez_assets.lake.status import unbalanced_files
from cryptodudez_assets.recorder.record import Origin, Record
from cryptodudez_assets.settings import Settings
from cryptodudez_assets.sources import all_sources
from cryptodudez_assets_tests.builders import open_lake, rows_of
from cryptodudez_assets_tests.order_book_files import START, content_of, drawn, name_of
from cryptodudez_assets_tests.toy import load

SOURCE = all_sources()["bitso_order_book"]
RANK = {Origin.WS: "d", Origin.TICKER: "c", Origin.REST: "b", Origin.CARRIED: "a"}


def goodness(record: Record) -> tuple[str, bool, float]:
    """What the better of two has more of, told without the formula."""
    age = float("inf") if record.staleness_ms is None else max(0, record.staleness_ms)
    return RANK[record.source], not record.is_gap, -age


def taken_in(files: dict[str, bytes], order: list[str], batches: list[int], home: Path) -> pl.DataFrame:
    """The table after these files landed in this order, some of them between two looks."""
    lake = open_lake(Settings(home=home, settle_seconds=0))
    for number, name in enumerate(order):
        path = Path(lake.settings.lake) / "raw" / SOURCE.name / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(files[name])
        if number in batches or number == len(order) - 1:
            load(lake, SOURCE)
    assert unbalanced_files(lake, SOURCE).is_empty()
    told: pl.DataFrame = rows_of(lake, SOURCE.table).drop("known_ts", "file_id").sort("book", "event_ts")
    return told


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_of_each_second_the_best_observation_is_kept_whatever_lands_first(seed: int, tmp_path: Path) -> None:
    rng = Random(seed)
    files, records = {}, []
    for instance in ("alpha", "beta", "gamma"):
        for book in ("btc_mxn", "usd_mxn")[: rng.choice((1, 2))]:
            first = rng.randrange(0, 20)
            told = drawn(rng, range(first, first + rng.randrange(5, 40)), book)
            records += told
            files[name_of(told, instance)] = content_of(told, instance)
    tables = []
    for number in range(2):
        order = rng.sample(sorted(files), len(files))
        batches = [one for one in range(len(order)) if rng.random() < 0.5]
        tables.append(taken_in(files, order, batches, tmp_path / str(number)))

    best: dict[tuple[str, int], Any] = {}
    prices: dict[tuple[str, int], set[float | None]] = {}
    for one in records:
        key, found = (one.book, one.second), goodness(one)
        if key not in best or found > best[key]:
            best[key], prices[key] = found, {one.bid}
        elif found == best[key]:
            prices[key].add(one.bid)
    kept = tables[0]
    assert kept.height == len(best), "one row for each second"
    for book, at, source, is_gap, stale, bid in kept.select(
        "book", "event_ts", "source", "is_gap", "staleness_ms", "bid"
    ).iter_rows():
        key = book, int(at.timestamp())
        age = float("inf") if stale is None else max(0, stale)
        assert (RANK[Origin(source)], not is_gap, -age) == best[key]
        assert bid in prices[key]
    assert tables[1].equals(kept), "another order of landing, the same table: also where two are equally good"
    assert any(len(some) > 1 for some in prices.values()), "nothing was equally good"


def test_a_window_that_landed_in_part_and_again_whole_is_told_once() -> None:
    whole = drawn(Random(1), range(600))
    files = {name_of(part, "alpha"): content_of(part, "alpha") for part in (whole, whole[:100], whole[50:300])}
    with tempfile.TemporaryDirectory() as home:
        kept = taken_in(files, sorted(files), [0, 1], Path(home))
    assert kept["event_ts"].dt.epoch("s").to_list() == list(range(START, START + 600))
    assert kept["bid"].to_list() == [one.bid for one in whole]
