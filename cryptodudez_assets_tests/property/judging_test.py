"""Judging what is new comes to what judging all comes to, whatever happened to the table between two looks."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from pyiceberg.expressions import EqualTo, LessThan

from cryptodudez_assets.lake.compaction import compact, expire
from cryptodudez_assets.lake.ingest.merge import table_spec
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.upkeep.judging import Judgement, judge_table
from cryptodudez_assets.settings import Settings
from cryptodudez_assets_tests.builders import open_lake
from cryptodudez_assets_tests.toy_source import SOURCE

AT = datetime(2021, 1, 1, tzinfo=UTC)
NAME, SPEC = SOURCE.table, table_spec(SOURCE)


def rows(blocks: list[int], price: float = 5.0) -> pl.DataFrame:
    columns = {"block": blocks, "gwei": [price] * len(blocks), "file_row": blocks}
    return pl.DataFrame(columns, schema={"block": pl.Int64, "gwei": pl.Float64, "file_row": pl.Int64}).with_columns(
        extra=pl.lit(None, pl.String), file_id=pl.lit("made up"), event_ts=pl.lit(AT), known_ts=pl.lit(AT)
    )


def add(blocks: list[int], price: float) -> Callable[[Lake], None]:
    def do(lake: Lake) -> None:
        with lake.tables.changing(SPEC) as change:
            change.add(rows(blocks, price))

    return do


def without(where: EqualTo | LessThan) -> Callable[[Lake], None]:
    def do(lake: Lake) -> None:
        with lake.tables.changing(SPEC) as change:
            change.delete(where)

    return do


def back(number: int) -> Callable[[Lake], None]:
    """Back to an earlier snapshot, as another engine may do it."""

    def do(lake: Lake) -> None:
        table = lake.tables.load(NAME)
        chosen = sorted(table.metadata.snapshots, key=lambda one: one.sequence_number or 0)
        if chosen:
            with table.manage_snapshots() as manage:
                manage.set_current_snapshot(snapshot_id=chosen[number % len(chosen)].snapshot_id)

    return do


def judge(lake: Lake, *, everything: bool = False, version: str = "1") -> Judgement:
    return judge_table(lake, NAME, SOURCE.contract, SOURCE.key, version, everything=everything)


BLOCKS = st.lists(st.integers(1, 12), min_size=1, max_size=4, unique=True)
OPERATIONS = st.one_of(
    st.builds(add, BLOCKS, st.sampled_from([5.0, 5.0, 5.0, -1.0])),
    st.builds(lambda block: without(EqualTo("block", block)), st.integers(1, 12)),
    st.just(without(LessThan("gwei", 0.0))),
    st.just(lambda lake: compact(lake, NAME, 2)),
    st.just(lambda lake: expire(lake, NAME, 2)),
    st.builds(back, st.integers(0, 9)),
    st.builds(lambda everything: lambda lake: judge(lake, everything=everything), st.booleans()),
)


@given(st.lists(OPERATIONS, min_size=1, max_size=8))
@settings(max_examples=25, deadline=None)
def test_judging_what_is_new_finds_what_judging_all_finds(operations: list[Callable[[Lake], object]]) -> None:
    with TemporaryDirectory() as home:
        lake = open_lake(Settings(home=Path(home), settle_seconds=0))
        add([1], 5.0)(lake)
        for operation in operations:
            operation(lake)
            found = lake.tables.scan(NAME)
            assert found is not None
            there = found.collect()
            broken, repeated = (there["gwei"] < 0).any(), there["block"].n_unique() < len(there)
            told = judge(lake)
            assert bool(told.errors) == (broken or repeated), told
            assert ("key_repeats" in told.errors) == repeated, told


def test_files_that_passed_are_not_read_again(lake: Lake) -> None:
    for block in range(1, 4):
        add([block], 5.0)(lake)
        told = judge(lake)
        assert (told.files, told.files_in_all, told.rows, told.errors) == (1, block, 1, {})
    assert judge(lake) == Judgement(files_in_all=3)


def test_joined_files_are_new(lake: Lake) -> None:
    for block in range(1, 4):
        add([block], 5.0)(lake)
    judge(lake)
    compact(lake, NAME, 2)
    assert (judge(lake).files, judge(lake).files) == (1, 0)


def test_under_another_contract_all_files_are_judged(lake: Lake) -> None:
    for block in range(1, 4):
        add([block], 5.0)(lake)
        judge(lake)
    assert judge(lake, version="2").files == 3


def test_keys_are_compared_where_ranges_meet(lake: Lake) -> None:
    for blocks in ([1, 2, 9], [20, 21, 22]):
        add(blocks, 5.0)(lake)
        judge(lake)
    add([8], 5.0)(lake)
    assert judge(lake).compared == 0  # the range of one file meets it, none of its rows does
    add([2, 3], 5.0)(lake)
    told = judge(lake)
    assert (told.compared, told.errors) == (1, {"key_repeats": 1})


def test_a_note_that_cannot_be_read_has_all_judged(lake: Lake) -> None:
    add([1], 5.0)(lake)
    judge(lake)
    (note,) = Path(lake.settings.lake).rglob("contract.passed")
    for damaged in (b"", b"[]", b'{"snapshot": 1', b"\xff"):
        note.write_bytes(damaged)
        assert judge(lake).files == 1
