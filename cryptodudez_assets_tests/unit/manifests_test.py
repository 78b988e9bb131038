"""Few fields of very many files: the same as pyiceberg's objects tell, and no more manifests read than must be."""

import pickle
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from pyiceberg.expressions import And, BooleanExpression, EqualTo, GreaterThan, IsNull, Or
from pyiceberg.io import FileIO
from pyiceberg.manifest import ManifestEntry, ManifestFile
from pyiceberg.table import Table

from cryptodudez_assets.lake import compaction
from cryptodudez_assets.lake.compaction import Compacted, compact
from cryptodudez_assets.lake.iceberg import manifests, planning, replacing
from cryptodudez_assets.lake.iceberg.manifests import told
from cryptodudez_assets.lake.iceberg.planning import data_manifests, files_at, n_files, planned
from cryptodudez_assets.lake.iceberg.scan import TableAt, data_files, planned_files
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.store.places import TruePaths, true_path
from cryptodudez_assets_tests.unit.tables_test import FULL, MORE, SPEC, add, things

NONE: dict[str, object] = {"name": "none"}
FIELDS = ["file_path", "partition", "record_count", "file_size_in_bytes", "lower_bounds", "upper_bounds"]


@pytest.fixture(params=[0, 1000], ids=["many", "few"])
def of_size(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Manifests are taken for large ones, and for small ones."""
    monkeypatch.setattr(manifests, "FEW_FILES", request.param)


@pytest.fixture
def table(lake: Lake) -> Table:
    """Files of several commits, one gone, one with nulls only, one with columns that the others have not."""
    for number in range(3):
        add(
            lake,
            FULL | {"number": number},
            FULL | {"name": f"n{number}", "at": datetime(2020 + number, 1, 1, tzinfo=UTC)},
        )
    add(lake, NONE)
    add(lake, NONE | {"colour": "red"}, spec=MORE)
    with lake.tables.changing(MORE) as change:
        change.drop([next(file for file in data_files(change.table) if "name=n1" in file.file_path)])
    return lake.tables.load(SPEC.name)


@pytest.mark.usefixtures("of_size")
def test_fields_are_what_the_objects_tell(table: Table) -> None:
    found = [one for manifest in data_manifests(table) for one in told(table.io, manifest, *FIELDS)]
    assert found == [tuple(getattr(file, name) for name in FIELDS) for file in data_files(table)]
    assert len(found) == n_files(table) == 7
    assert planned_files(table) == [file.file_path for file in data_files(table)]


@pytest.mark.usefixtures("of_size")
@pytest.mark.parametrize(
    "where",
    [
        EqualTo("name", "full"),
        GreaterThan("number", 1),
        And(EqualTo("name", "full"), EqualTo("number", 1)),
        IsNull("text"),
        Or(EqualTo("number", 1), EqualTo("name", "none")),
    ],
    ids=str,
)
def test_what_may_match_is_what_pyiceberg_plans(table: Table, where: BooleanExpression) -> None:
    found = planned_files(table, where)
    assert found == [task.file.file_path for task in planned(table, where)]
    assert 0 < len(found) < n_files(table)


@pytest.mark.usefixtures("of_size")
def test_a_table_at_a_moment_finds_files_by_their_bounds_in_another_process_too(table: Table) -> None:
    at: TableAt = pickle.loads(pickle.dumps(TableAt(table)))  # noqa: S301 - our own
    assert at.n_rows == 7
    assert at.days("at") is None, "of one file nothing is known"
    assert at.scan(pl.Series("name", ["n0", "n0"])).collect()["name"].to_list() == ["n0"]
    may_hold = at.scan(pl.Series("number", [2, 2])).collect()
    told_apart = set(may_hold.select("name", "number").iter_rows())
    assert told_apart == {("full", 2), ("none", None)}, "a file that says nothing may hold anything"


@pytest.mark.usefixtures("of_size")
def test_days_are_those_of_each_file(lake: Lake) -> None:
    add(lake, FULL | {"at": datetime(1970, 1, 3, tzinfo=UTC)}, FULL | {"at": datetime(1970, 1, 5, 23, tzinfo=UTC)})
    add(lake, FULL | {"at": datetime(1969, 12, 31, tzinfo=UTC)})
    days = TableAt(lake.tables.load(SPEC.name)).days("at")
    assert days is not None
    assert sorted(days) == [(1, -1, -1), (2, 2, 4)]


@pytest.mark.usefixtures("of_size")
def test_only_manifests_that_name_a_file_are_read_as_a_whole(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        add(lake, FULL | {"number": number})
    table = lake.tables.load(SPEC.name)
    monkeypatch.setattr(replacing, "MIN_MANIFESTS", 100)
    read: list[str] = []

    def counted(io: FileIO, manifest: ManifestFile) -> list[ManifestEntry]:
        read.append(manifest.manifest_path)
        return manifests.entries_of(io, manifest)

    monkeypatch.setattr(planning, "entries_of", counted)
    monkeypatch.setattr(replacing, "entries_of", counted)
    first, second, third = data_manifests(table)
    (file,) = files_at(table, [planned_files(table)[1]])
    assert read == [second.manifest_path]
    with lake.tables.changing(SPEC) as change:
        change.rewrite([file.file_path], lambda rows: rows.with_columns(text=pl.lit("new")))
    assert set(read) == {second.manifest_path}
    after = {one.manifest_path for one in data_manifests(lake.tables.load(SPEC.name))}
    assert {first.manifest_path, third.manifest_path} <= after
    assert second.manifest_path not in after


@pytest.mark.usefixtures("of_size")
def test_what_is_not_joined_in_one_commit_is_joined_by_the_next(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compaction, "MAX_JOINED", 3)
    for number in range(5):
        add(lake, FULL | {"number": number})
    before = things(*[FULL | {"number": number} for number in range(5)])
    assert compact(lake, SPEC.name, max_small=2) == Compacted(files=3, into=1)
    assert compact(lake, SPEC.name, max_small=2) == Compacted(files=3, into=1)
    assert compact(lake, SPEC.name, max_small=2) == Compacted(files=0, into=0)
    assert TableAt(lake.tables.load(SPEC.name)).scan().collect().sort("number").equals(before)


def test_true_paths_are_the_same_whichever_way_they_are_found(tmp_path: Path) -> None:
    def spellings() -> Iterator[Path]:
        (tmp_path / "folder").mkdir()
        (tmp_path / "folder" / "file").touch()
        (tmp_path / "folder" / "link").symlink_to("file")
        (tmp_path / "elsewhere").symlink_to("folder")
        for folder in ("folder", "elsewhere", "folder/../elsewhere"):
            yield from (tmp_path / folder / name for name in ("file", "link", "lost"))

    places = TruePaths()
    for path in spellings():
        assert places.of(f"file://{path}") == true_path(str(path))
    assert places.of("s3://bucket/a/../b") == true_path("s3://bucket/a/../b")
