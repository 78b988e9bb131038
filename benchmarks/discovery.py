"""What one look at the raw zone costs, by how many objects are known and how many are new.

Goal: where the store lists after a key, the cost grows with what is new, not with what is there. The store is a fake that holds
names in memory and lists them as a bucket does; `--endpoint` uses a real S3 store instead (a bucket `lake`, keys in the environment).
"""

import argparse
import bisect
import io
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from cryptodudez_assets.contracts.catalogue import Status
from cryptodudez_assets.lake.compaction import compact_if_due
from cryptodudez_assets.lake.lake import Lake, now
from cryptodudez_assets.lake.metastore import file_entries
from cryptodudez_assets.lake.metastore.discovery import Cursor, discover
from cryptodudez_assets.lake.metastore.entry import Entry
from cryptodudez_assets.lake.store.objects import FolderStore
from cryptodudez_assets.lake.store.stored import ObjectStore, StoredObject
from cryptodudez_assets.settings import Settings
from cryptodudez_assets.sources import all_sources

SOURCE, FOLDER = "many", "raw/many"
AT = datetime(2020, 1, 1, tzinfo=UTC)


class NamesOnly(FolderStore):
    """A bucket of names."""

    is_remote = True

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.keys: list[str] = []

    def list(self, prefix: str, after: str = "") -> Iterator[StoredObject]:
        for at in range(bisect.bisect_right(self.keys, after), len(self.keys)):
            yield StoredObject(self.keys[at], 1, AT, "1")


def keys(first: int, count: int) -> list[str]:
    return [f"{FOLDER}/2026-{number:09}.csv" for number in range(first, first + count)]


def put(lake: Lake, names: list[str]) -> None:
    if isinstance(lake.store, NamesOnly):
        lake.store.keys += names
        return
    for name in names:
        lake.store.write(name, io.BytesIO(name.encode()))


def enter(lake: Lake, found: list[StoredObject]) -> None:
    """Catalogue as done, without reading."""
    rows = [
        Entry(
            entry_id=one.key,
            file_id=f"{hash(one.key):x}",
            source=SOURCE,
            uri=lake.store.uri(one.key),
            generation=one.generation,
            size=one.size,
            status=Status.LOADED,
            discovered_at=now(),
            updated_at=now(),
        )
        for one in found
    ]
    file_entries.record(lake.tables, SOURCE, rows)
    compact_if_due(lake, [file_entries.FILES.name])


def look(lake: Lake, cursor: Cursor) -> tuple[float, Cursor, list[StoredObject]]:
    began = time.perf_counter()
    seen = discover(lake, SOURCE, cursor)
    return time.perf_counter() - began, seen.cursor, seen.new


def catch_up(lake: Lake, known: int) -> Cursor:
    """Look until all is catalogued and both parts of the cursor have been through."""
    cursor, idle = Cursor(), 0
    while idle < known // 1000 + 2:
        _, cursor, new = look(lake, cursor)
        idle = 0 if new else idle + 1
        if new:
            enter(lake, new)
    return cursor


def measure(lake: Lake, known: int, looks: int) -> tuple[float, float]:
    put(lake, keys(0, known))
    cursor = catch_up(lake, known)
    quiet = []
    for _ in range(looks):
        seconds, cursor, new = look(lake, cursor)
        assert not new
        quiet.append(seconds)
    busy = []
    for number in range(looks // 4):
        put(lake, keys(known + number * 100, 100))
        seconds, cursor, new = look(lake, cursor)
        assert len(new) == 100, "a look finds at once what sorts behind all others"
        busy.append(seconds)
        enter(lake, new)
    return statistics.median(quiet), statistics.median(busy)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--known", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--looks", type=int, default=40)
    parser.add_argument("--endpoint", help="an S3 store, such as http://127.0.0.1:8333")
    arguments = parser.parse_args()
    print(f"{'known objects':>14}{'0 new':>12}{'ratio':>8}{'100 new':>12}{'ratio':>8}")
    base: tuple[float, float] | None = None
    for known in arguments.known:
        with tempfile.TemporaryDirectory() as home:
            bucket = f"s3://lake/discovery-{time.time_ns()}" if arguments.endpoint else ""
            settings = Settings(home=Path(home), settle_seconds=0)
            lake = Lake.open(settings, all_sources())
            store: ObjectStore = NamesOnly(Path(settings.lake))
            if arguments.endpoint:
                store = Lake.open(
                    Settings(home=Path(home), lake=bucket, s3_endpoint=arguments.endpoint), all_sources()
                ).store
            quiet, busy = measure(replace(lake, store=store), known, arguments.looks)
            base = base or (quiet, busy)
            print(
                f"{known:>14,}{quiet * 1e3:>9.1f} ms{quiet / base[0]:>8.2f}{busy * 1e3:>9.1f} ms{busy / base[1]:>8.2f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
