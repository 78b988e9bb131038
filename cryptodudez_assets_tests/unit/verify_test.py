"""Every file of a table, every raw file and every file of a model is compared with what was recorded when it was written."""

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyiceberg.expressions import AlwaysTrue, EqualTo

from cryptodudez_assets.contracts.base import polars_schema
from cryptodudez_assets.lake.compaction import compact, expire
from cryptodudez_assets.lake.iceberg.change import TableTransaction
from cryptodudez_assets.lake.iceberg.checksums import RECORD, Damaged
from cryptodudez_assets.lake.iceberg.scan import data_files
from cryptodudez_assets.lake.iceberg.spec import TableSpec
from cryptodudez_assets.lake.lake import HERE, Lake
from cryptodudez_assets.lake.upkeep.maintenance import remove_orphans
from cryptodudez_assets.lake.upkeep.verify import Verified, verify_raw, verify_table
from cryptodudez_assets.models.registry import Registry
from cryptodudez_assets.models.verify import verify_models
from cryptodudez_assets.settings import Settings
from cryptodudez_assets_tests.builders import csv, open_lake, take_in, zipped
from cryptodudez_assets_tests.model_builders import register_toy
from cryptodudez_assets_tests.unit.tables_test import Things

Drop = Callable[[str, str, bytes], Path]
SPEC = TableSpec("lab.things", Things, (("name", "identity"),), ("name", "number"))
N_ROWS = 400
FLIPS = 40


def things(name: str = "a", first: int = 0) -> pl.DataFrame:
    """Rows with numbers of every kind, texts that repeat and that do not, and lists."""
    random = Random(first)
    rows = [
        {
            "name": name,
            "text": f"{random.random()}",
            "number": number,
            "share": random.random(),
            "yes": random.random() < 0.5,
            "day": date(2020, 1, 1) + timedelta(days=number),
            "at": datetime(2020, 1, 1, tzinfo=UTC) + timedelta(seconds=number),
            "tags": [f"t{random.randrange(9)}" for _ in range(random.randrange(4))],
        }
        for number in range(first, first + N_ROWS)
    ]
    return pl.DataFrame(rows, schema=polars_schema(Things))


def changed(lake: Lake, do: Callable[[TableTransaction], object]) -> None:
    with lake.tables.changing(SPEC) as change:
        do(change)


def folder(lake: Lake) -> Path:
    return Path(lake.settings.lake) / "tables" / "lab" / "things"


def only(lake: Lake, pattern: str) -> Path:
    (path,) = folder(lake).rglob(pattern)
    return path


def flip(path: Path, random: Random) -> None:
    content = bytearray(path.read_bytes())
    content[random.randrange(len(content))] ^= 1 << random.randrange(8)
    path.write_bytes(content)


@contextmanager
def damaged(path: Path) -> Iterator[Path]:
    """What is done to the file within is undone afterwards."""
    kept = path.with_name(path.name + ".kept")
    shutil.copy2(path, kept)
    try:
        yield path
    finally:
        kept.replace(path)


def named(told: Verified) -> set[str]:
    return {one.where for one in told.differences}


def files_in_use(lake: Lake) -> int:
    """Metadata, manifests and data files of all snapshots of the table."""
    return verify_table(lake, SPEC.name).files


@pytest.mark.parametrize("pattern", ["*.parquet", "snap-*.avro", "*-m0.avro"])
def test_a_flipped_bit_in_any_file_of_a_table_is_found(lake: Lake, pattern: str) -> None:
    changed(lake, lambda change: change.add(things()))
    path = only(lake, pattern)
    for seed in range(FLIPS):
        with damaged(path):
            flip(path, Random(seed))
            assert named(verify_table(open_lake(lake.settings), SPEC.name)) == {str(path)}, seed
    assert verify_table(lake, SPEC.name).differences == []


@pytest.mark.parametrize("kind", ["text", "number", "share", "yes", "day", "at", "tags"])
def test_a_flipped_bit_is_found_whatever_a_column_holds(lake: Lake, kind: str) -> None:
    changed(
        lake, lambda change: change.add(things().with_columns(pl.lit(None).alias(name) for name in NULLABLE - {kind}))
    )
    path = only(lake, "*.parquet")
    for seed in range(15):
        with damaged(path):
            flip(path, Random(seed))
            assert named(verify_table(lake, SPEC.name)) == {str(path)}, seed


NULLABLE = {"text", "number", "share", "yes", "day", "at", "tags"}


def test_a_flipped_bit_in_the_metadata_is_found(lake: Lake) -> None:
    changed(lake, lambda change: change.add(things()))
    path = Path(lake.tables.metadata_location(SPEC.name))
    for seed in range(FLIPS):
        with damaged(path):
            flip(path, Random(seed))
            assert named(verify_table(lake, SPEC.name)) == {str(path)}, seed


def test_a_flipped_bit_in_a_record_of_checksums_is_found_where_nothing_else_tells(lake: Lake) -> None:
    changed(lake, lambda change: change.add(things()))
    path = max(folder(lake).rglob(f"*{RECORD}"))
    for seed in range(FLIPS):
        with damaged(path):
            flip(path, Random(seed))
            found = verify_table(open_lake(lake.settings), SPEC.name)
            assert named(found) == {str(path)}, seed
            assert found.unrecorded


def test_files_that_are_cut_off_removed_or_swapped_are_found(lake: Lake) -> None:
    changed(lake, lambda change: change.add(pl.concat([things("a"), things("b", 1000)])))
    one, other = sorted(folder(lake).rglob("*.parquet"))
    with damaged(one):
        one.write_bytes(one.read_bytes()[:-1])
        assert named(verify_table(lake, SPEC.name)) == {str(one)}
    with damaged(one):
        one.unlink()
        assert named(verify_table(lake, SPEC.name)) == {str(one)}
    with damaged(one), damaged(other):
        content = one.read_bytes()
        one.write_bytes(other.read_bytes())
        other.write_bytes(content)
        assert named(verify_table(lake, SPEC.name)) == {str(one), str(other)}


def test_what_differs_is_told_with_what_to_do(lake: Lake) -> None:
    changed(lake, lambda change: change.add(things()))
    path = only(lake, "*.parquet")
    path.unlink()
    (found,) = verify_table(lake, SPEC.name).differences
    assert str(found) == (
        f"data file {path} of lab.things is missing: `cryptodudez rebuild lab.things` makes the table again"
    )


COMMITS: dict[str, Callable[[TableTransaction], object]] = {
    "add": lambda change: change.add(things("c")),
    "delete a partition": lambda change: change.delete(EqualTo("name", "a")),
    "delete with survivors": lambda change: change.delete(EqualTo("number", 3)),
    "delete all and add": lambda change: change.delete(AlwaysTrue()).add(things("d")),
    "rewrite": lambda change: change.rewrite(change.paths(EqualTo("name", "b")), lambda rows: rows.head(7)),
    "join": lambda change: change.join([data_files(change.table)], HERE, print),
    "revise": lambda change: change.add(things("g")).revise(lambda rows: rows.head(5)),
    "remember": lambda change: change.remember({"who": "me"}),
}


@pytest.mark.parametrize("name", COMMITS)
def test_every_commit_records_the_sums_of_what_it_wrote(lake: Lake, name: str) -> None:
    changed(lake, lambda change: change.add(pl.concat([things("a"), things("b")])))
    changed(lake, COMMITS[name])
    found = verify_table(lake, SPEC.name)
    assert found.unrecorded == []
    assert found.differences == []
    on_disk = {str(path) for path in folder(lake).rglob("*.parquet")}
    assert {file.file_path for file in data_files(lake.tables.catalog.load_table(SPEC.name))} <= on_disk
    assert found.files > 3


def test_a_deletion_keeps_what_does_not_match_also_where_it_is_null(lake: Lake) -> None:
    rows = pl.concat([things("a").head(3), things("a").head(2).with_columns(number=pl.lit(None, pl.Int64))])
    changed(lake, lambda change: change.add(rows))
    changed(lake, lambda change: change.delete(EqualTo("number", 1)))
    left = lake.tables.scan(SPEC.name)
    assert left is not None
    assert sorted(left.collect()["number"].to_list(), key=str) == [0, 2, None, None]


def test_every_page_of_a_data_file_has_a_checksum(lake: Lake) -> None:
    changed(lake, lambda change: change.add(pl.concat([things("a"), things("b")])))
    changed(lake, lambda change: change.delete(EqualTo("number", 3)))
    wrong = 0
    for path in [file.file_path for file in data_files(lake.tables.catalog.load_table(SPEC.name))]:
        length = sum(
            pq.read_metadata(path).row_group(0).column(i).total_compressed_size
            for i in range(pq.read_metadata(path).num_columns)
        )
        good = pq.read_table(path)
        for seed in range(FLIPS):
            with damaged(Path(path)) as file:
                content = bytearray(file.read_bytes())
                content[Random(seed).randrange(4, 4 + length)] ^= 1
                file.write_bytes(content)
                try:
                    wrong += not pq.read_table(path, page_checksum_verification=True).equals(good)
                except (OSError, pa.ArrowException):
                    continue
    assert wrong == 0


def test_sums_outlive_the_snapshot_that_told_of_them(lake: Lake) -> None:
    for number in range(4):
        changed(lake, lambda change, n=number: change.add(things(f"{n}", n)))
    changed(lake, lambda change: change.delete(EqualTo("name", "0")))
    expire(lake, SPEC.name, keep=1)
    assert remove_orphans(lake, SPEC.name, grace=timedelta(seconds=-60)).files > 0
    found = verify_table(open_lake(lake.settings), SPEC.name)
    assert (found.unrecorded, found.differences) == ([], [])
    changed(lake, lambda change: change.delete(AlwaysTrue()).add(things("z")))
    expire(lake, SPEC.name, keep=1)
    for number in range(11):  # so many versions of the metadata are kept
        changed(lake, lambda change, n=number: change.remember({"n": f"{n}"}))
    remove_orphans(lake, SPEC.name, grace=timedelta(seconds=-60))
    there = {path.relative_to(folder(lake)).as_posix() for path in folder(lake).rglob("*.*")}
    records = list(folder(lake).rglob(f"*{RECORD}"))
    assert len(records) < 20  # each commit left one; those of files that are gone went with them
    assert all(there & json.loads(path.read_text())["sums"].keys() for path in records)
    assert verify_table(open_lake(lake.settings), SPEC.name).unrecorded == []


def test_what_was_damaged_is_not_written_anew_as_if_it_were_good(lake: Lake) -> None:
    for number in range(2):
        changed(lake, lambda change, n=number: change.add(things("a", 1000 * n)))
    path = min(folder(lake).rglob("*.parquet"))
    flip(path, Random(0))
    again = open_lake(lake.settings)
    attempts: list[Callable[[], object]] = [
        lambda: compact(again, SPEC.name, max_small=2),
        lambda: changed(again, lambda change: change.rewrite([str(path)], lambda rows: rows)),
        lambda: changed(again, lambda change: change.delete(EqualTo("text", "x"))),
    ]
    with pytest.raises(Damaged, match=f"{path.name} of lab.things .*cryptodudez rebuild lab.things"):
        attempts[0]()
    with pytest.raises(Damaged):
        attempts[1]()
    changed(again, lambda change: change.delete(AlwaysTrue()).add(things("b")))  # of this nothing is read
    assert verify_table(again, SPEC.name, newest_only=True).differences == []
    assert named(verify_table(again, SPEC.name)) == {str(path)}


def test_records_hold_after_the_table_was_moved(lake: Lake, tmp_path: Path) -> None:
    changed(lake, lambda change: change.add(things()))
    old = folder(lake)
    told = lake.tables.records.of(str(old)).by_name
    shutil.copytree(old, moved := tmp_path / "home" / "lake" / "moved")
    assert any(name.startswith("data/") for name in told)
    assert lake.tables.records.of(str(moved)).by_name == told  # what holds paths is written anew under other names


def test_a_table_without_records_is_said_to_be_unrecorded(lake: Lake) -> None:
    changed(lake, lambda change: change.add(things()))
    for path in folder(lake).rglob(f"*{RECORD}"):
        path.unlink()
    found = verify_table(open_lake(lake.settings), SPEC.name)
    assert found.differences == []
    assert len(found.unrecorded) == found.files


def test_no_table_is_no_finding_but_an_error(lake: Lake) -> None:
    with pytest.raises(LookupError, match=r"no table lab\.nothing"):
        verify_table(lake, "lab.nothing")


def test_a_flipped_bit_in_a_raw_file_is_found(lake: Lake, drop: Drop) -> None:
    plain = drop("readings", "a.csv", csv("s", range(9)))
    archive = drop("readings", "b.zip", zipped(x=csv("t", range(9))))
    take_in(lake)
    assert verify_raw(lake, "readings").differences == []
    for path in (plain, archive):
        for seed in range(FLIPS):
            with damaged(path):
                flip(path, Random(seed))
                assert named(verify_raw(lake, "readings")) == {str(path)}, seed
    with damaged(plain):
        plain.unlink()
        (gone,) = verify_raw(lake, "readings").differences
        assert (gone.problem, "9 rows" in gone.remedy) == ("is missing", True)
    plain.touch()  # other time, same bytes
    assert verify_raw(lake, "readings").differences == []


def test_a_new_version_that_was_taken_in_is_what_a_raw_file_should_be(lake: Lake, drop: Drop) -> None:
    path = drop("readings", "a.csv", csv("s", range(9)))
    take_in(lake)
    drop("readings", "a.csv", csv("s", range(9), value=2))
    (changed_since,) = verify_raw(lake, "readings").differences
    assert "`cryptodudez run` takes it in" in changed_since.remedy
    take_in(lake)
    assert verify_raw(lake, "readings").differences == []
    assert path.exists()


def test_a_flipped_bit_in_a_models_files_is_found(settings: Settings) -> None:
    registry = Registry(settings, "toy")
    manifest = register_toy(registry)
    paths = sorted(path for path in (Path(registry.location) / "versions" / "1").iterdir())
    assert {path.name for path in paths} > set(manifest.files)
    for path in paths:
        for seed in range(10):
            with damaged(path):
                flip(path, Random(seed))
                (told,) = verify_models(settings)
                expected = path.with_name("manifest.json") if path.name == "manifest.sha256" else path
                assert named(told) == {str(expected)}, (path, seed)
    (told,) = verify_models(settings)
    assert told.differences == []


def test_a_record_is_small_whatever_the_table_holds(lake: Lake) -> None:
    for number in range(6):
        changed(lake, lambda change, n=number: change.add(things(f"{n}", n)))
    sizes = [len(json.loads(path.read_text())["sums"]) for path in sorted(folder(lake).rglob(f"*{RECORD}"))]
    assert max(sizes) <= 5  # data file, manifest (and those that it merges), list, metadata
