"""Property: whatever the order and the batching of landings, the table holds what is newest by a column, or by standing."""

import tempfile
from collections import Counter
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cryptodudez_assets.contracts.base import polars_schema
from cryptodudez_assets.lake.iceberg import scan
from cryptodudez_assets.lake.ingest.merge import merging
from cryptodudez_assets.settings import Settings
from cryptodudez_assets.sources.declaration import BY_LANDING
from cryptodudez_assets_tests.builders import InParts, Readings, new_rows, open_lake, readings_source, rows_of

BY_COLUMN = replace(readings_source(), newest_by="known_ts")
BY_FILE = replace(readings_source(), newest_by=BY_LANDING)
FILES = ["fa", "fb", "fc", "fd"]
observation = st.tuples(st.sampled_from("ab"), st.integers(0, 5), st.integers(0, 3))  # sensor, year of the event, known
archives = st.fixed_dictionaries({name: st.lists(observation, max_size=6) for name in FILES})


def frame(name: str, rows: list[tuple[str, int, int]]) -> pl.DataFrame:
    read = pl.DataFrame(rows, schema={"sensor": pl.String, "year": pl.Int64, "known": pl.Int64}, orient="row")
    columns = read.with_columns(
        value=1.0 + pl.int_range(pl.len()),
        event_ts=pl.datetime(2018 + pl.col("year"), 7, 1, time_zone="UTC"),
        known_ts=pl.datetime(2030, 1, 1 + pl.col("known"), time_zone="UTC"),
        file_id=pl.lit(name),
        file_row=pl.int_range(1, pl.len() + 1),
    )
    return columns.select(pl.col(column).cast(dtype) for column, dtype in polars_schema(Readings).items())


@pytest.mark.slow
@settings(max_examples=20, deadline=None)
@given(
    archives,
    st.permutations(FILES),
    st.lists(st.integers(1, 3), min_size=1, max_size=4),
    st.one_of(st.none(), st.lists(st.integers(0, 2), min_size=len(FILES), max_size=len(FILES))),
)
def test_the_newest_observation_of_each_key_wins(
    contents: dict[str, list[tuple[str, int, int]]], order: list[str], batches: list[int], ages: list[int] | None
) -> None:
    """By a column (`ages` is None), or by how old the files are, with ties: then file and row decide."""
    source = BY_COLUMN if ages is None else BY_FILE
    standing = pl.DataFrame({"file_id": FILES, " age": ages or [0] * len(FILES)})
    frames = {name: frame(name, rows) for name, rows in contents.items()}
    everything = pl.concat(frames.values())
    aged = (
        everything.join(standing, on="file_id").sort(*source.newest_columns, " age", "file_id", "file_row").drop(" age")
    )
    newest = aged.unique(source.key, keep="last", maintain_order=True).sort(source.key)
    duplicates: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as home, pytest.MonkeyPatch.context() as patch:
        patch.setattr(scan, "SPLIT_ROWS", 1)
        lake = replace(open_lake(Settings(home=Path(home))), engine=InParts(3))
        waiting = list(order)
        for size in [*batches, *[1] * len(FILES)]:
            landed, waiting = waiting[:size], waiting[size:]
            with merging(lake.tables, source, lake.engine) as rows:
                rows.adopt(new_rows(lake, source, *(frames[name] for name in landed)))
                merged = rows.finish(lambda _: {}, standing=lambda _: standing)
            duplicates.update(merged.duplicates)
            duplicates.update(merged.displaced)
        table = rows_of(lake, source.table).sort(source.key) if len(everything) else everything
    assert table.equals(newest)
    valid = Counter(table["file_id"].to_list())
    assert {name: valid[name] + duplicates[name] for name in FILES} == {
        name: len(rows) for name, rows in contents.items()
    }
