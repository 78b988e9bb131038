"""A prefix with 100,000 objects in a bucket: what it takes to list all of it, what a tick of the sensor takes, and how much memory.

Goals: a tick takes at most 2 s of CPU, whatever lies there, and no look needs more than 200 MB beside what the process had. SeaweedFS
answers on the same cores: wall time says more about it than about us.
"""

import argparse
import asyncio
import resource
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import obstore

from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.metastore.discovery import Cursor, discover, discover_all
from cryptodudez_assets.lake.store.objects import CloudStore
from cryptodudez_assets_tests.builders import READINGS, csv, open_lake, put, take_in
from cryptodudez_assets_tests.integration.conftest import s3_bucket
from cryptodudez_assets_tests.stores import S3, Store

AT_ONCE = 64
TICKS = 5


def main() -> None:
    """Fill a bucket, and look."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--objects", type=int, default=100_000)
    objects = parser.parse_args().objects
    with s3_bucket() as endpoint, tempfile.TemporaryDirectory() as folder:
        lake = open_lake(Store(S3, endpoint).settings(Path(folder) / "home"))
        put(lake, "first.csv", csv("s", range(5)))
        take_in(lake)
        _measured("written", lambda: asyncio.run(_fill(lake, objects)))
        _measured("listed", lambda: f"{sum(1 for _ in lake.store.list(f'raw/{READINGS.name}')):,} objects")
        cursor = Cursor()
        for number in range(TICKS):
            _measured(f"tick {number + 1}", partial(_tick, lake, cursor))
            cursor = discover(lake, READINGS.name, cursor).cursor
        _measured("all that is new", lambda: f"{len(discover_all(lake, READINGS.name)):,} objects")


async def _fill(lake: Lake, objects: int) -> str:
    assert isinstance(lake.store, CloudStore)
    store, left = lake.store.store, iter(range(objects))

    async def work() -> None:
        for number in left:
            key = f"raw/{READINGS.name}/day={number // 1000:03}/{number:06}.csv"
            await obstore.put_async(store, key, b"sensor,time,value\n")

    await asyncio.gather(*(work() for _ in range(AT_ONCE)))
    return f"{objects:,} objects"


def _tick(lake: Lake, cursor: Cursor) -> str:
    look = discover(lake, READINGS.name, cursor)
    return f"{look.listed:,} listed, {len(look.new):,} new"


def _measured(what: str, work: Callable[[], str]) -> None:
    before, began, spent = _peak(), time.perf_counter(), time.process_time()
    told = work()
    took, cpu = time.perf_counter() - began, time.process_time() - spent
    print(f"{what:<18}{took:8.2f} s  {cpu:8.2f} s of CPU  {_peak() - before:8.0f} MB more at most  {told}", flush=True)


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
