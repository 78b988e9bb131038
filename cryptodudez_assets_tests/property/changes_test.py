"""What changed between two snapshots, however rows lie in files: as a comparison of both tables says."""

import tempfile
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyiceberg.expressions import EqualTo

from cryptodudez_assets.contracts.base import Contract, polars_schema
from cryptodudez_assets.lake.compaction import compact
from cryptodudez_assets.lake.iceberg import changes
from cryptodudez_assets.lake.iceberg.changes import changed_rows
from cryptodudez_assets.lake.iceberg.spec import TableSpec
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.settings import Settings
from cryptodudez_assets_tests.builders import open_lake


class Marks(Contract):
    """A table with a text to sort by, and where its rows were read."""

    name: str
    number: pl.Int64
    value: float
    file_id: str
    file_row: pl.Int64


SPECS = [
    TableSpec("lab.marks", Marks, (), ("name",)),
    TableSpec("lab.marks", Marks, (("number", "identity"),), ("number",)),
]
CONTENT = ["name", "number", "value"]
marks = st.tuples(
    st.sampled_from(["", "a", "b", "ü", "x" * 30]), st.integers(0, 2), st.sampled_from([0.0, 1.5, float("nan")])
)
steps = st.lists(
    st.tuples(st.lists(marks, max_size=4), st.sampled_from(["", "a", "b"]), st.booleans()), min_size=1, max_size=4
)


def frame(rows: list[tuple[str, int, float]], file_id: str) -> pl.DataFrame:
    told = [(*row, file_id, number) for number, row in enumerate(rows)]
    return pl.DataFrame(told, schema=polars_schema(Marks), orient="row")


@pytest.mark.slow
@given(steps, st.sampled_from(SPECS), st.sampled_from([1, 1 << 19]), st.booleans())
@settings(max_examples=60, deadline=None)
def test_changes_are_those_that_a_comparison_finds(
    landings: list[tuple[list[tuple[str, int, float]], str, bool]], spec: TableSpec, rows_at_once: int, provenance: bool
) -> None:
    read = list(polars_schema(Marks)) if provenance else CONTENT
    with tempfile.TemporaryDirectory() as home, pytest.MonkeyPatch.context() as patch:
        patch.setattr(changes, "COMPARED_ROWS", rows_at_once)
        lake = open_lake(Settings(home=Path(home)))
        with lake.tables.changing(spec) as change:
            change.add(frame([("a", 1, 1.5), ("b", 0, 0.0)], "f"))
        since = change.snapshot_id
        before = lake.tables.scan(spec.name).select(read).collect()  # type: ignore[union-attr]
        for number, (rows, dropped, joined) in enumerate(landings):
            there = lake.tables.scan(spec.name).filter(pl.col("name") != dropped).collect()  # type: ignore[union-attr]
            new = frame(rows, f"f{number}").unique(CONTENT).join(there, on=CONTENT, how="anti", nulls_equal=True)
            with lake.tables.changing(spec) as change:
                change.delete(EqualTo("name", dropped)).add(new)  # as in tables with a key, no row is there twice
            if joined:
                compact(lake, spec.name, max_small=2)
        table = lake.tables.catalog.load_table(spec.name)
        until = table.metadata.current_snapshot_id
        after = lake.tables.scan(spec.name).select(read).collect()  # type: ignore[union-attr]
        found = changed_rows(lake.tables, spec.name, since, until, ["name", "number"], read)
        assert found is not None
        told = {row for part in found for row in part.iter_rows()}
    gone, came = (
        one.join(other, on=read, how="anti", nulls_equal=True) for one, other in ((before, after), (after, before))
    )
    assert told == set(pl.concat([gone, came]).select("name", "number").iter_rows())


def test_where_the_older_snapshot_is_not_kept_nobody_can_tell(lake: Lake) -> None:
    with lake.tables.changing(SPECS[0]) as change:
        change.add(frame([("a", 1, 1.5)], "f"))
    assert changed_rows(lake.tables, "lab.marks", 1, change.snapshot_id, ["name"]) is None
    assert changed_rows(lake.tables, "lab.marks", None, change.snapshot_id, ["name"]) is None
    assert changed_rows(lake.tables, "lab.nothing", 1, 2, ["name"]) is None
