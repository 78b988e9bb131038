"""The whole way from raw bytes to tables, and what stores must keep to: lists, versions, whole objects or none."""

import io
import socket
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import polars as pl
import pytest
from pyiceberg.expressions import AlwaysTrue

from cryptodudez_assets.lake.formats.archives import members
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.metastore import file_entries
from cryptodudez_assets.lake.metastore.discovery import Cursor, discover, discover_all
from cryptodudez_assets.lake.upkeep.maintenance import maintain
from cryptodudez_assets_tests import worker
from cryptodudez_assets_tests.builders import csv, files, open_lake, picture, put, rows_of, take_in, zipped
from cryptodudez_assets_tests.stores import Store

pytestmark = pytest.mark.every_store

LANDINGS = [
    ("a.csv", csv("s", range(20), bad=1)),
    ("b/c.csv", csv("s", range(10, 30), value=2, bad=2)),
    ("d.zip", zipped(x=csv("x", range(5)), y=csv("y", range(5)))),
    ("e f+ü.csv", csv("odd name", range(3))),
    ("wrong.csv", b"what,is,this\n1,2,3\n"),
    ("wrong.zip", zipped(x=csv("z", range(5)))[:60]),
]


@pytest.mark.core
def test_tables_say_the_same_as_in_a_folder(lake: Lake, tmp_path: Path) -> None:
    plain = open_lake(Store().settings(tmp_path / "plain"))
    for name, content in LANDINGS:
        for one in (lake, plain):
            put(one, name, content)
            take_in(one)
    assert picture(lake) == picture(plain)
    assert rows_of(lake, "lab.readings").height == 30 + 5 + 5 + 3


def test_a_list_and_the_object_itself_tell_the_same_version(lake: Lake) -> None:
    for content in (b"one", b"two", b"one", b"x" * (20 << 20)):
        put(lake, "a.csv", content)
        (listed,), itself = lake.store.list("raw/readings"), lake.store.stat("raw/readings/a.csv")
        assert itself is not None
        assert (listed.size, listed.generation) == (itself.size, itself.generation)


def test_a_damaged_file_is_copied_into_the_lake(lake: Lake) -> None:
    put(lake, "wrong.csv", b"what,is,this\n1,2,3\n")
    take_in(lake)
    copy = rows_of(lake, "quarantine.files")["copy_uri"][0]
    assert lake.store.open(lake.store.key(copy)).read() == b"what,is,this\n1,2,3\n"


def test_overwriting_an_object_makes_a_new_version(lake: Lake) -> None:
    for value in (1, 2):
        put(lake, "a.csv", csv("s", range(5), value=value))
        take_in(lake)
    assert files(lake)["status"].to_list() == ["loaded", "loaded"]
    assert files(lake)["rows_read"].sum() == 10
    assert rows_of(lake, "lab.readings").height == 5


def test_bytes_that_come_back_are_a_new_version(lake: Lake) -> None:
    generations = []
    for value in (1, 2, 1):
        put(lake, "a.csv", csv("s", range(5), value=value))
        found = lake.store.stat("raw/readings/a.csv")
        assert found is not None
        generations.append(found.generation)
        time.sleep(1.1)  # buckets tell whole seconds
    assert len(set(generations)) == 3


def test_a_file_that_was_catalogued_by_its_etag_alone_stays_known(lake: Lake) -> None:
    put(lake, "a.csv", csv("s", range(5)))
    take_in(lake)
    with lake.tables.changing(file_entries.FILES) as change:
        rows = change.rows().collect()
        e_tag = pl.col("generation").str.split("@").list.first()
        change.delete(AlwaysTrue()).add(rows.with_columns(generation=e_tag))
    before = files(lake)
    take_in(lake)
    assert discover_all(lake, "readings") == []
    assert files(lake).equals(before)


def test_listing_begins_behind_a_key(lake: Lake) -> None:
    names = [f"raw/readings/{number:04}.csv" for number in range(30)]
    for name in names:
        lake.store.write(name, io.BytesIO(b"x"))
    lake.store.write("raw/readings_2/other.csv", io.BytesIO(b"x"))
    assert [found.key for found in lake.store.list("raw/readings")] == names
    assert [found.key for found in lake.store.list("raw/readings", after=names[20])] == names[21:]


def test_looks_find_each_object_once_it_is_there(lake: Lake) -> None:
    cursor, found = Cursor(), []
    for number in range(6):
        put(lake, f"{number}.csv", csv(f"s{number}", range(3)))
        put(lake, f"{9 - number}-late.csv", csv(f"l{number}", range(3)))
        look = discover(lake, "readings", cursor, page=5)
        found += [new.key for new in look.new]
        cursor = look.cursor
        take_in(lake)
    assert len(found) == len(set(found))
    assert rows_of(lake, "lab.readings").height == 12 * 3


def test_members_of_an_archive_are_read_by_range(lake: Lake) -> None:
    big = zipped(**{f"m{number}": csv(f"s{number}", range(20_000)) for number in range(4)})
    put(lake, "big.zip", big)
    with lake.store.open("raw/readings/big.zip") as opened:
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
    take_in(lake)
    assert files(lake).filter(status="loaded")["rows_valid"].to_list() == [20_000] * 4


def test_a_failed_write_leaves_no_object(lake: Lake) -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise OSError("the disk is gone")

    with pytest.raises(OSError, match="disk is gone"):
        lake.store.write("raw/readings/half.csv", Broken())
    assert lake.store.stat("raw/readings/half.csv") is None


def test_of_what_a_killed_client_has_sent_there_is_no_object(lake: Lake, tmp_path: Path) -> None:
    key, sent = "raw/readings/a.csv", tmp_path / "sent"
    process = worker.start(lake.settings, worker.never_ending(key, sent))
    process.go()
    wait_until(sent.exists)
    process.kill()
    assert lake.store.stat(key) is None
    assert not [found for found in lake.store.list("raw/readings") if found.key == key]
    assert discover_all(lake, "readings") == []
    put(lake, "a.csv", csv("s", range(5)))
    take_in(lake)
    assert rows_of(lake, "lab.readings").height == 5


def test_of_half_a_put_there_is_no_object(lake: Lake) -> None:
    if lake.settings.lake_is_local:
        pytest.skip("nobody puts into a folder over a wire")
    key, content = "raw/readings/a.csv", csv("s", range(5))
    half_a_put(lake, key, content)
    assert lake.store.stat(key) is None
    assert discover_all(lake, "readings") == []
    put(lake, "a.csv", content)
    assert lake.store.read(key) == content


def half_a_put(lake: Lake, key: str, content: bytes) -> None:
    """Begin to put this, and go away in the middle."""
    place = urlsplit(lake.store.uri(key))
    if place.scheme == "s3":
        import boto3

        client = boto3.client("s3", endpoint_url=lake.settings.s3_endpoint, region_name=lake.settings.s3_region)
        asked = {"Bucket": place.netloc, "Key": place.path.lstrip("/")}
        url = urlsplit(client.generate_presigned_url("put_object", asked))
    else:
        url = urlsplit(f"{lake.settings.gs_endpoint}/{place.netloc}{place.path}")
    head = f"PUT {url.path}?{url.query} HTTP/1.1\r\nHost: {url.netloc}\r\nContent-Length: {len(content)}\r\n\r\n"
    with socket.create_connection((url.hostname, url.port)) as connection:
        connection.settimeout(worker.PATIENCE_SECONDS)
        connection.sendall(head.encode() + content[: len(content) // 2])
        connection.shutdown(socket.SHUT_WR)
        answer = connection.recv(1 << 16)  # nothing where it was understood that nobody waits
    assert b" 200 " not in answer.partition(b"\r\n")[0]


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + worker.PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.05)


def test_upkeep_removes_what_is_not_used_and_nothing_else(lake: Lake) -> None:
    for number in range(4):
        put(lake, f"{number}.csv", csv("s", range(number * 10, number * 10 + 20), value=1 + number))
        take_in(lake)
    before = picture(lake)
    lake.store.write("tables/lab/readings/data/orphan.parquet", io.BytesIO(b"left by a crash"))
    done = {one.table: one for one in maintain(lake, grace=timedelta(0))}
    assert done["lab.readings"].removed.files >= 1
    assert picture(lake) == before
    assert rows_of(lake, "lab.readings").filter(pl.col("sensor") == "s").height == 50
