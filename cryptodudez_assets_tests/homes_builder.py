"""A small home with all kinds of tables of ours, and what tests ask of homes: their files with hashes, their tables without places."""

import hashlib
import io
from pathlib import Path

import polars as pl

from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.metastore.inventory import take_inventory
from cryptodudez_assets.settings import Settings
from cryptodudez_assets_tests.builders import INCIDENTAL, csv, open_lake, rows_of, take_in, zipped


def at(home: Path) -> Settings:
    """Settings of a home whose files count as settled at once."""
    return Settings(home=home, settle_seconds=0)


def land(lake: Lake, name: str, content: bytes) -> None:
    lake.store.write(f"raw/readings/{name}", io.BytesIO(content))


def lived_in(home: Path) -> Lake:
    """A home with several snapshots of each table, rows and files in quarantine, an archive, a duplicate, something ignored."""
    lake = open_lake(at(home))
    land(lake, "a.csv", csv("s", range(20), value=1, bad=1))
    land(lake, "deep/b.zip", zipped(x=csv("x", range(5)), y=csv("s", range(15, 25), value=2)))
    take_in(lake)
    land(lake, "wrong.csv", b"what,is,this\n1,2,3\n")
    land(lake, "wrong.zip", zipped(z=csv("z", range(5)))[:60])
    land(lake, "again.csv", csv("s", range(20), value=1, bad=1))
    land(lake, ".DS_Store", b"junk")
    take_in(lake)
    take_inventory(lake)
    return lake


def content(lake: Lake) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table of the home, with places told from its root."""
    shown = {}
    for name in lake.tables.names():
        rows = rows_of(lake, name).drop(INCIDENTAL, strict=False)
        rows = rows.drop("files", "bytes", "snapshots", "snapshot_id", "written_at", "settled_at", strict=False)
        for place, told in ((lake.settings.raw_zone, "/raw"), (lake.settings.lake, "")):
            rows = rows.with_columns(pl.selectors.string().str.replace_all(place, told, literal=True))
        shown[name] = sorted(rows.select(sorted(rows.columns)).rows(), key=repr)
    return shown


def files_with_hashes(home: Path) -> dict[str, str]:
    """Every file of a home and the hash of its bytes. What locks and Dagster leave is not the home's."""
    found = (path for path in sorted(home.rglob("*")) if path.is_file() and "locks" not in path.parts)
    return {str(path.relative_to(home)): hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


def snapshots(lake: Lake) -> dict[str, list[int]]:
    """The snapshots of every table."""
    return {
        name: [one.snapshot_id for one in lake.tables.load(name).metadata.snapshots] for name in lake.tables.names()
    }
