"""The whole way from raw bytes to tables where the lake is a bucket: of S3, of S3 with versioning (or only its raw zone), of Google's.

Of S3 the catalog is a PostgreSQL database, as in a cluster.
"""

import io
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest
from pyiceberg.expressions import AlwaysTrue

from cryptodudez_assets.lake.formats.archives import members
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.metastore import file_entries
from cryptodudez_assets.lake.metastore.discovery import Cursor, discover, discover_all
from cryptodudez_assets.lake.upkeep.maintenance import maintain
from cryptodudez_assets.settings import Settings
from cryptodudez_assets_tests.builders import csv, files, open_lake, picture, rows_of, take_in, zipped

pytestmark = [pytest.mark.servers, pytest.mark.long]
LANDINGS = [
    ("a.csv", csv("s", range(20), bad=1)),
    ("b/c.csv", csv("s", range(10, 30), value=2, bad=2)),
    ("d.zip", zipped(x=csv("x", range(5)), y=csv("y", range(5)))),
    ("e f+ü.csv", csv("odd name", range(3))),
    ("wrong.csv", b"what,is,this\n1,2,3\n"),
    ("wrong.zip", zipped(x=csv("z", range(5)))[:60]),
]


@pytest.fixture(params=["s3", "versioned s3", "raw files in a bucket of their own", "gs"])
def cloud(tmp_path: Path, request: pytest.FixtureRequest) -> Lake:
    """A lake in a bucket."""
    home = tmp_path / "cloud"
    if request.param == "gs":
        endpoint = request.getfixturevalue("gs_endpoint")
        return open_lake(Settings(home=home, lake=f"gs://lake/{tmp_path.name}", gs_endpoint=endpoint))
    bucket = "versioned" if request.param == "versioned s3" else "lake"
    prefix, catalog = f"s3://{bucket}/{tmp_path.name}", request.getfixturevalue("database")
    endpoint = request.getfixturevalue("s3_endpoint")
    raw = f"s3://versioned/{tmp_path.name}/landed" if request.param.startswith("raw") else ""
    return open_lake(Settings(home=home, lake=prefix, raw=raw, catalog=catalog, s3_endpoint=endpoint))


def put(lake: Lake, name: str, content: bytes) -> None:
    lake.store.write(f"raw/readings/{name}", io.BytesIO(content))


def test_tables_in_a_bucket_say_the_same_as_in_a_folder(
    cloud: Lake, lake: Lake, drop: Callable[[str, str, bytes], Path]
) -> None:
    for name, content in LANDINGS:
        put(cloud, name, content)
        drop("readings", name, content)
        take_in(cloud)
        take_in(lake)
    assert picture(cloud) == picture(lake)
    assert rows_of(cloud, "lab.readings").height == 30 + 5 + 5 + 3


def test_a_list_and_the_object_itself_tell_the_same_version(cloud: Lake) -> None:
    for content in (b"one", b"two", b"one", b"x" * (20 << 20)):
        put(cloud, "a.csv", content)
        (listed,), itself = cloud.store.list("raw/readings"), cloud.store.stat("raw/readings/a.csv")
        assert itself is not None
        assert (listed.size, listed.generation) == (itself.size, itself.generation)


def test_a_damaged_file_is_copied_into_the_bucket(cloud: Lake) -> None:
    put(cloud, "wrong.csv", b"what,is,this\n1,2,3\n")
    take_in(cloud)
    copy = rows_of(cloud, "quarantine.files")["copy_uri"][0]
    assert cloud.store.open(cloud.store.key(copy)).read() == b"what,is,this\n1,2,3\n"


def test_overwriting_an_object_makes_a_new_version(cloud: Lake) -> None:
    for value in (1, 2):
        put(cloud, "a.csv", csv("s", range(5), value=value))
        take_in(cloud)
    assert files(cloud)["status"].to_list() == ["loaded", "loaded"]
    assert files(cloud)["rows_read"].sum() == 10
    assert rows_of(cloud, "lab.readings").height == 5


def test_bytes_that_come_back_are_a_new_version(cloud: Lake) -> None:
    generations = []
    for value in (1, 2, 1):
        put(cloud, "a.csv", csv("s", range(5), value=value))
        found = cloud.store.stat("raw/readings/a.csv")
        assert found is not None
        generations.append(found.generation)
        time.sleep(1.1)  # buckets tell whole seconds
    assert len(set(generations)) == 3


def test_a_file_that_was_catalogued_by_its_etag_alone_stays_known(cloud: Lake) -> None:
    put(cloud, "a.csv", csv("s", range(5)))
    take_in(cloud)
    with cloud.tables.changing(file_entries.FILES) as change:
        rows = change.rows().collect()
        e_tag = pl.col("generation").str.split("@").list.first()
        change.delete(AlwaysTrue()).add(rows.with_columns(generation=e_tag))
    before = files(cloud)
    take_in(cloud)
    assert discover_all(cloud, "readings") == []
    assert files(cloud).equals(before)


def test_listing_begins_behind_a_key(cloud: Lake) -> None:
    names = [f"raw/readings/{number:04}.csv" for number in range(30)]
    for name in names:
        cloud.store.write(name, io.BytesIO(b"x"))
    cloud.store.write("raw/readings_2/other.csv", io.BytesIO(b"x"))
    assert [found.key for found in cloud.store.list("raw/readings")] == names
    assert [found.key for found in cloud.store.list("raw/readings", after=names[20])] == names[21:]


def test_looks_at_a_bucket_find_each_object_once_it_is_there(cloud: Lake) -> None:
    cursor, found = Cursor(), []
    for number in range(6):
        put(cloud, f"{number}.csv", csv(f"s{number}", range(3)))
        put(cloud, f"{9 - number}-late.csv", csv(f"l{number}", range(3)))
        look = discover(cloud, "readings", cursor, page=5)
        found += [new.key for new in look.new]
        cursor = look.cursor
        take_in(cloud)
    assert len(found) == len(set(found))
    assert rows_of(cloud, "lab.readings").height == 12 * 3


def test_members_of_an_archive_are_read_by_range(cloud: Lake) -> None:
    big = zipped(**{f"m{number}": csv(f"s{number}", range(20_000)) for number in range(4)})
    put(cloud, "big.zip", big)
    with cloud.store.open("raw/readings/big.zip") as opened:
        opened.seek(-22, io.SEEK_END)
        assert opened.read(4) == b"PK\x05\x06"
        opened.seek(0)
        assert [member.name for member in members(opened, len(big))] == [
            "m0.csv",
            "m1.csv",
            "m2.csv",
            "m3.csv",
            "__MACOSX/._junk",
        ]
    take_in(cloud)
    assert files(cloud).filter(status="loaded")["rows_valid"].to_list() == [20_000] * 4


def test_a_failed_write_leaves_no_object(cloud: Lake) -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise OSError("the disk is gone")

    with pytest.raises(OSError, match="disk is gone"):
        cloud.store.write("raw/readings/half.csv", Broken())
    assert cloud.store.stat("raw/readings/half.csv") is None


def test_upkeep_in_a_bucket_removes_what_is_not_used_and_nothing_else(cloud: Lake) -> None:
    for number in range(4):
        put(cloud, f"{number}.csv", csv("s", range(number * 10, number * 10 + 20), value=1 + number))
        take_in(cloud)
    before = picture(cloud)
    cloud.store.write("tables/lab/readings/data/orphan.parquet", io.BytesIO(b"left by a crash"))
    done = {one.table: one for one in maintain(cloud, grace=timedelta(0))}
    assert done["lab.readings"].removed.files >= 1
    assert picture(cloud) == before
    assert rows_of(cloud, "lab.readings").filter(pl.col("sensor") == "s").height == 50
