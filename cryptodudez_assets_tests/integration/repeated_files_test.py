"""What holds nothing of its own is told with what became of the rest: repeated bytes, empty archives, archives of junk."""

import io
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pandera.polars as pa
import polars as pl
import pytest

from cryptodudez_assets.contracts.catalogue import Status
from cryptodudez_assets.lake.ingest.cataloguing import catalogue_objects
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.metastore.discovery import discover_all
from cryptodudez_assets.lake.quarantine.replay import reopen
from cryptodudez_assets.lake.status import file_status, status_of
from cryptodudez_assets.sources import Source
from cryptodudez_assets_tests.toy import GAUGES, Gauges, copies, files, gauges, load, row

Drop = Callable[[str, str, bytes], Path]
BAD = gauges(0) + ("".join(row(i, value=-1e12, count=-1) for i in range(30))).encode()


def told(lake: Lake, source: Source = GAUGES) -> dict[str, str | None]:
    found = file_status(lake, [source.name])
    return {
        member or uri.rpartition("/")[2]: why for uri, member, why in found.select("uri", "member", "reason").rows()
    }


def zipped(members: Mapping[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return packed.getvalue()


def test_repeated_bytes_name_the_original_and_its_fate(lake: Lake, drop: Drop):
    good, bad = drop("gauges", "a.csv", gauges()), drop("gauges", "b.csv", BAD)
    archive = drop("gauges", "c.zip", zipped({"m.csv": gauges(4)}))
    for name, raw in {"x.csv": gauges(), "y.csv": BAD, "z.csv": gauges(4), "zz.zip": archive.read_bytes()}.items():
        drop("gauges", name, raw)

    load(lake)

    assert {name: files(lake)[name]["status"] for name in ("x.csv", "y.csv", "z.csv", "zz.zip")} == dict.fromkeys(
        ("x.csv", "y.csv", "z.csv", "zz.zip"), Status.DUPLICATE
    )
    found = told(lake)
    assert found["x.csv"] == f"the same bytes as {good}, which is loaded"
    assert str(found["y.csv"]).startswith(f"the same bytes as {bad}, which is set aside: 30 of 30 rows are bad")
    assert found["z.csv"] == f"the same bytes as {archive}!m.csv, which is loaded"
    assert found["zz.zip"] == f"the same bytes as {archive}, which is an archive, told by its members"


def test_the_words_follow_the_originals_fate(lake: Lake, drop: Drop):
    original = drop("gauges", "b.csv", BAD)
    drop("gauges", "y.csv", BAD)
    catalogue_objects(lake, GAUGES, discover_all(lake, "gauges"))
    assert told(lake)["y.csv"] == f"the same bytes as {original}, which is still to be read"
    load(lake)
    assert "which is set aside" in str(told(lake)["y.csv"])

    class Lenient(Gauges):
        """Anything goes."""

        count: pl.Int64 = pa.Field(description="How often.", nullable=True)

    lenient = replace(GAUGES, contract=Lenient, breaker_share=1.0)
    reopen(lake, lenient)
    load(lake, lenient)

    assert told(lake)["y.csv"] == f"the same bytes as {original}, which is loaded"


def test_an_empty_archive_is_set_aside(lake: Lake, drop: Drop):
    drop("gauges", "a.zip", zipped({}))

    found = load(lake)["a.zip"]

    assert (found["status"], found["reason"]) == (Status.QUARANTINED, "the archive is empty")
    assert (status_of(lake, "gauges").files, status_of(lake, "gauges").set_aside) == (1, 1)
    assert copies(lake)["a.zip"] == zipped({})


@pytest.mark.parametrize("members", [{"__MACOSX/._a": b"x"}, {"folder/": b""}, {".DS_Store": b"x", "a.tmp": b""}])
def test_an_archive_of_junk_says_so(lake: Lake, drop: Drop, members: Mapping[str, bytes]):
    drop("gauges", "a.zip", zipped(members))

    load(lake)

    assert files(lake)["a.zip"]["status"] == Status.EXPANDED
    assert told(lake)["a.zip"] == f"nothing in it is read: its {len(members)} members are ignored"
    assert status_of(lake, "gauges").ignored == len(members)
