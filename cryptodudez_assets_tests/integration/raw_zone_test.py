"""What can lie in a raw zone beside files that are there to be read, and what can happen to a file while it is read."""

import gzip
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import tracemalloc
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from cryptodudez_assets.contracts.base import polars_schema
from cryptodudez_assets.contracts.catalogue import Status
from cryptodudez_assets.lake.ingest.cataloguing import catalogue_objects
from cryptodudez_assets.lake.ingest.ingest import ingest
from cryptodudez_assets.lake.lake import Lake, now
from cryptodudez_assets.lake.metastore import file_entries
from cryptodudez_assets.lake.metastore.discovery import discover_all
from cryptodudez_assets.lake.status import unbalanced_files
from cryptodudez_assets.settings import Settings
from cryptodudez_assets_tests.builders import open_lake
from cryptodudez_assets_tests.toy import (
    GAUGES,
    HEADER,
    copies,
    counts,
    files,
    gauges,
    load,
    rejected,
    row,
    rows,
    table,
    zipped,
)

Drop = Callable[[str, str, bytes], Path]


@pytest.fixture
def put(drop: Drop) -> Callable[..., Path]:
    return lambda name, content: drop("gauges", name, content)


@pytest.fixture
def folder(put: Callable[..., Path]) -> Path:
    """The source's raw folder, with one good file in it."""
    return put("good.csv", gauges(5, "good")).parent


NAMES = [
    "two words.csv",
    "prix_€_日本.csv",
    "100%25.csv",
    "line\nbreak.csv",
    "back\\x41slash.csv",
    "?#[*].csv",
    "'quotes\".csv",
    "n" * 255,
]


def test_any_name_is_good_enough_for_a_file(lake: Lake, folder: Path) -> None:
    for number, name in enumerate(NAMES):
        (folder / name).write_bytes(gauges(2, f"g{number}"))
    found = load(lake)
    assert {name: counts(found[name]) for name in NAMES} == dict.fromkeys(NAMES, (2, 2, 0, 0))


def test_a_name_that_is_no_utf8_is_shown_escaped_and_read(lake: Lake, folder: Path) -> None:
    for raw, content in {b"caf\xe9.csv": gauges(2, "a"), b"bad\xff.csv": b"garbage"}.items():
        (folder / os.fsdecode(raw)).write_bytes(content)
    (folder / os.fsdecode(b"dir\xe9")).mkdir()
    (folder / os.fsdecode(b"dir\xe9") / "x.csv").write_bytes(gauges(3, "b"))
    found = load(lake)
    assert counts(found[r"caf\xe9.csv"]) == (2, 2, 0, 0)
    assert counts(found[r"dir\xe9/x.csv"]) == (3, 3, 0, 0)
    assert copies(lake) == {r"bad\xff.csv": b"garbage"}
    assert not discover_all(lake, "gauges")


def test_what_is_no_file_is_listed_as_ignored(lake: Lake, folder: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside.csv"
    outside.write_bytes(gauges(9, "outside"))
    (folder / "link.csv").symlink_to(outside)
    (folder / "linked_folder").symlink_to(tmp_path)
    (folder / "dangling.csv").symlink_to(tmp_path / "nowhere")
    (folder / "folder.csv").mkdir()
    os.mkfifo(folder / "pipe.csv")
    (folder / ".ipynb_checkpoints").mkdir()
    (folder / ".ipynb_checkpoints" / "old.csv").write_bytes(gauges(4, "old"))
    found = load(lake)
    assert {name: entry["reason"] for name, entry in found.items() if entry["status"] == Status.IGNORED} == {
        "link.csv": "symbolic link",
        "linked_folder": "symbolic link",
        "dangling.csv": "symbolic link",
        "folder.csv/": "empty folder",
        "pipe.csv": "not a regular file (a pipe, socket or device)",
        ".ipynb_checkpoints/old.csv": "hidden or system file",
    }
    assert set(table(lake)["name"]) == {"good"}


def test_a_sources_folder_that_is_a_link_is_a_status_with_a_reason(lake: Lake, folder: Path, tmp_path: Path) -> None:
    folder.rename(tmp_path / "elsewhere")
    folder.symlink_to(tmp_path / "elsewhere")
    entry = load(lake)[""]
    assert entry["status"] == Status.IGNORED
    assert entry["reason"].startswith(
        "symbolic link: raw/gauges is a symbolic link, and links are not followed; put the"
    )


def test_a_folder_swapped_for_a_link_before_its_files_are_read_lands_nothing(
    lake: Lake, folder: Path, tmp_path: Path
) -> None:
    for name in ("at once.csv", "later.csv"):
        (tmp_path / name).write_bytes(gauges(3, name))
    (folder / "day").mkdir()
    (folder / "day" / "later.csv").write_bytes(gauges(2, "ours"))
    catalogue_objects(lake, GAUGES, discover_all(lake, "gauges"))
    (folder / "other").mkdir()
    (folder / "other" / "at once.csv").write_bytes(gauges(2, "ours"))
    found = discover_all(lake, "gauges")
    for name in ("day", "other"):
        (folder / name).rename(tmp_path / name)
        (folder / name).symlink_to(tmp_path)
    catalogue_objects(lake, GAUGES, found)
    found_again = load(lake)
    assert set(table(lake)["name"]) == {"good"}
    assert {found_again[name]["status"] for name in ("day/later.csv", "other/at once.csv")} == {Status.IGNORED}
    assert {name: found_again[name]["reason"] for name in ("day", "other")} == dict.fromkeys(
        ("day", "other"), "symbolic link"
    )


def test_a_file_in_a_folder_that_looks_like_a_file_is_read(lake: Lake, folder: Path) -> None:
    (folder / "folder.csv").mkdir()
    (folder / "folder.csv" / "inner.csv").write_bytes(gauges(4, "inner"))
    assert counts(load(lake)["folder.csv/inner.csv"]) == (4, 4, 0, 0)


def test_a_file_that_changed_just_now_waits_until_it_has_settled(settings: Settings, put: Callable[..., Path]) -> None:
    patient = open_lake(settings.model_copy(update={"settle_seconds": 60.0}))
    path = put("growing.csv", HEADER.encode())
    assert load(patient) == {}
    long_ago = (now() - timedelta(minutes=2)).timestamp()
    os.utime(path, (long_ago, long_ago))
    assert load(patient)["growing.csv"]["status"] == Status.LOADED


class Shifting:
    """A store in which every file is written to as soon as somebody opens it."""

    def __init__(self, lake: Lake) -> None:
        self.store = lake.store

    def __getattr__(self, name: str) -> object:
        return getattr(self.store, name)

    def open(self, key: str) -> object:
        with Path(self.store.uri(key)).open("ab") as file:
            file.write(row(os.fstat(file.fileno()).st_size, "late").encode())
        return self.store.open(key)


def test_a_file_that_changes_while_it_is_described_is_left_for_later(lake: Lake, folder: Path) -> None:
    shifting = replace(lake, store=Shifting(lake))  # type: ignore[arg-type]
    (entry,) = catalogue_objects(shifting, GAUGES, discover_all(lake, "gauges")).to_dicts()
    assert entry["status"] == Status.UNREADABLE
    assert entry["reason"].startswith("it changed while it was read")
    assert counts(load(lake)["good.csv"]) == (6, 6, 0, 0)


def test_a_file_that_changed_after_it_was_catalogued_is_read_as_its_new_version_only(lake: Lake, folder: Path) -> None:
    catalogue_objects(lake, GAUGES, discover_all(lake, "gauges"))
    (folder / "good.csv").write_bytes(gauges(7, "new"))
    ingest(lake, GAUGES)
    assert files(lake)["good.csv"]["reason"] == "it was overwritten or removed before it was read"
    assert load(lake)["good.csv"]["rows_valid"] == 7
    assert set(table(lake)["name"]) == {"new"}


def test_a_file_that_is_gone_when_it_is_to_be_read_does_not_hold_up_the_others(lake: Lake, folder: Path) -> None:
    (folder / "gone.csv").write_bytes(gauges(3, "gone"))
    catalogue_objects(lake, GAUGES, discover_all(lake, "gauges"))
    (folder / "gone.csv").unlink()
    ingest(lake, GAUGES)
    assert files(lake)["gone.csv"]["reason"] == "it was overwritten or removed before it was read"
    assert counts(files(lake)["good.csv"]) == (5, 5, 0, 0)


def test_a_changed_file_under_the_same_name_is_a_new_version(lake: Lake, folder: Path) -> None:
    load(lake)
    (folder / "good.csv").write_bytes(gauges(8, "good"))
    load(lake)
    versions = file_entries.files_of(lake.tables, "gauges").sort("discovered_at").collect()
    assert versions["rows_read"].to_list() == [5, 8]
    assert versions["rows_valid"].sum() == len(table(lake)) == 8


def test_the_same_bytes_under_another_name_add_nothing(lake: Lake, folder: Path) -> None:
    load(lake)
    before = table(lake)
    (folder / "again.csv").write_bytes(gauges(5, "good"))
    assert load(lake)["again.csv"]["status"] == Status.DUPLICATE
    assert table(lake).equals(before)


def test_a_hostile_member_name_does_not_hold_up_the_others(lake: Lake, folder: Path) -> None:
    (folder / "hostile.zip").write_bytes(zipped({"..": gauges(8), "n" * 300: b"a,b\n", "fine.csv": gauges(3, "fine")}))
    found = load(lake)
    assert {found[name]["status"] for name in ("..", "n" * 300)} == {Status.QUARANTINED}
    assert counts(found["fine.csv"]) == (3, 3, 0, 0)


AS_NOBODY = """
import json, os, sys
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.status import unbalanced_files
from cryptodudez_assets.sources import all_sources
from cryptodudez_assets.settings import Settings
from cryptodudez_assets_tests.toy import load
load(Lake.open(Settings(home=sys.argv[2], settle_seconds=0), all_sources()))  # imports all, while the interpreter's folder may be read
if os.getuid() == 0:
    os.setgroups([]), os.setgid(65534), os.setuid(65534)
found = load(Lake.open(Settings(home=sys.argv[1], settle_seconds=0), all_sources()))
print(json.dumps({name: (entry["status"], entry["reason"], entry["rows_valid"]) for name, entry in found.items()}))
"""


def test_a_file_without_permission_is_reported_and_the_others_are_loaded() -> None:
    with tempfile.TemporaryDirectory() as folder:  # not pytest's, which is closed to others
        first, home = Path(folder) / "first", Path(folder) / "home"
        for lake in (first, home):
            (lake / "lake" / "raw" / "gauges" / "closed").mkdir(parents=True)
            (lake / "lake" / "raw" / "gauges" / "good.csv").write_bytes(gauges(5))
        raw = home / "lake" / "raw" / "gauges"
        (raw / "secret.csv").write_bytes(gauges(4))
        (raw / "secret.csv").chmod(0)
        (raw / "closed").chmod(0)
        for path in [Path(folder), home, home / "lake"]:
            path.chmod(0o777)
        done = subprocess.run(
            [sys.executable, "-c", AS_NOBODY, str(home), str(first)], capture_output=True, text=True, timeout=60
        )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "good.csv": ["loaded", None, 5],
        "secret.csv": ["unreadable", "cannot be read: Permission denied", None],
        "closed/": ["ignored", "no permission to list this folder", None],
    }


def test_a_line_of_200_megabytes_costs_one_row_and_little_memory(lake: Lake, folder: Path) -> None:
    with (folder / "long.csv").open("wb") as file:
        file.write((HEADER + rows(1000, "before")).encode())
        file.write(b"x,")
        file.seek(200 << 20, os.SEEK_CUR)  # a hole: NULs that take no space
        file.write(("\n" + rows(1000, "behind", first=2000)).encode())
    tracemalloc.start()
    found = load(lake)["long.csv"]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert counts(found) == (2001, 2000, 1, 0)
    assert rejected(lake, found) == {1002: "record:too_long"}
    assert peak < 64 << 20


def test_a_new_column_is_a_new_schema_version_and_its_values_are_kept_where_the_contract_has_extra(
    lake: Lake, folder: Path
) -> None:
    load(lake)
    wider = HEADER.strip() + ",unit,#row\n" + "".join(line + ",°C,7\n" for line in rows(2, "wider").splitlines())
    (folder / "wider.csv").write_text(wider)
    assert load(lake)["wider.csv"]["schema_version"] == 2
    schemas = file_entries.schemas_of(lake.tables, "gauges")
    assert schemas["added"].to_list() == [[], ["unit", "#row"]]
    assert schemas["problem"].to_list() == [None, None]
    assert table(lake).filter(name="wider")["extra"].to_list() == ['{"unit":"°C","#row":"7"}'] * 2


def test_a_column_of_another_type_or_none_at_all_is_a_schema_version_with_a_problem(lake: Lake, folder: Path) -> None:
    (folder / "retyped.csv").write_bytes(gauges(5, "r").replace(b",3,", b",three,"))
    (folder / "renamed.csv").write_bytes(gauges(5, "r").replace(b"count", b"n"))
    load(lake)
    problems = file_entries.schemas_of(lake.tables, "gauges")["problem"].drop_nulls().to_list()
    assert len(problems) == 2
    assert any("changed its type" in problem for problem in problems)
    assert any("['count']; unknown in their place: ['n']" in problem for problem in problems)


def test_a_value_that_its_column_cannot_hold_costs_its_row_only(lake: Lake, folder: Path) -> None:
    """Counts that come as `3.0` are declared as floats; not every float is a count."""
    layout = GAUGES.layouts[0]
    floats = replace(GAUGES, layouts=[replace(layout, columns={**layout.columns, "count": pl.Float64})])
    values = ["3.0", "1e300", "nan", "0.5", "", "-1"]
    (folder / "counts.csv").write_text(HEADER + "".join(row(i, "c", count=value) for i, value in enumerate(values)))
    found = load(lake, floats)["counts.csv"]
    assert table(lake).filter(name="c")["count"].to_list() == [3, None]
    assert rejected(lake, found) == {
        3: "count:type",
        4: "count:type",
        5: "count:type",
        7: "count:greater_than_or_equal_to",
    }
    assert polars_schema(GAUGES.contract)["count"] == pl.Int64


PACKINGS: dict[str, Callable[[bytes], bytes]] = {
    "file.csv": bytes,
    "file.csv.gz": lambda text: gzip.compress(text, 0, mtime=0),
    "file.zip": lambda text: zipped({"inner.csv": text, "other.csv": gauges(2, "other")}, zipfile.ZIP_STORED),
}


def overwrite(path: Path, content: bytes) -> None:
    """Other bytes of the same time and size."""
    before = path.stat()
    assert len(content) == before.st_size
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_mtime_ns == before.st_mtime_ns


@pytest.mark.parametrize("name", PACKINGS)
@pytest.mark.parametrize("after", ["rows", "rubbish"])
def test_bytes_that_change_with_time_and_size_kept_never_land_under_the_hash_of_others(
    lake: Lake, put: Callable[..., Path], name: str, after: str
) -> None:
    packed = PACKINGS[name]
    put("good.csv", gauges(5, "good"))
    path = put(name, packed(gauges(20, "old")))
    catalogue_objects(lake, GAUGES, discover_all(lake, "gauges"))
    overwrite(path, packed(gauges(20, "new")) if after == "rows" else os.urandom(path.stat().st_size))
    told: list[str] = []
    done = ingest(lake, GAUGES, progress=told.append)
    assert set(table(lake)["name"]) <= {"good", "other"}
    assert any("other bytes than were catalogued, of the same time and size" in line for line in told)
    assert any(name in left for left in done.files_left_out)
    assert {entry["status"] for one, entry in files(lake).items() if one in {name, "inner.csv"}} <= {
        Status.IGNORED,
        Status.EXPANDED,
    }
    assert unbalanced_files(lake, GAUGES).is_empty()
    found = load(lake)
    assert set(table(lake)["name"]) - {"other"} == ({"good", "new"} if after == "rows" else {"good"})
    entry = found[name]
    assert entry["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert not discover_all(lake, "gauges")
    assert unbalanced_files(lake, GAUGES).is_empty()
