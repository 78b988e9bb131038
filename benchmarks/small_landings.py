"""A table after many small landings against the same rows landed at once: planning, reading, committing.

Goals: plan + read at most 2x; the last commits take at most 2x the time of the first.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from cryptodudez_assets.lake.iceberg.scan import data_files, scan
from cryptodudez_assets.lake.ingest.cataloguing import catalogue_objects
from cryptodudez_assets.lake.ingest.ingest import ingest
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.metastore.discovery import discover_all
from cryptodudez_assets.settings import Settings
from cryptodudez_assets.sources import all_sources

SOURCE = all_sources()["crypto_prices"]
TABLES = [SOURCE.table, "quarantine.rows", "catalog.files"]
HEADER = "SNo,Name,Symbol,Date,High,Low,Open,Close,Volume,Marketcap\n"


def candles(number: int, rows: int) -> str:
    """One coin's days over several years, and one line of garbage."""
    days = (f"{2014 + day // 336}-{1 + day // 28 % 12:02}-{1 + day % 28:02} 23:59:59" for day in range(rows))
    return HEADER + "".join(f"1,Coin {number},C{number},{day},2,1,1,1.5,10,100\n" for day in days) + "banana\n"


def empty_lake(folder: str) -> Lake:
    lake = Lake.open(Settings(home=Path(folder), settle_seconds=0), all_sources())
    (Path(lake.settings.lake) / "raw" / SOURCE.name).mkdir(parents=True)
    return lake


def land(lake: Lake, number: int, rows: int) -> None:
    (Path(lake.settings.lake) / "raw" / SOURCE.name / f"{number:06}.csv").write_text(candles(number, rows))


def take_in(lake: Lake) -> None:
    catalogue_objects(lake, SOURCE, discover_all(lake, SOURCE.name))
    ingest(lake, SOURCE)


def seconds(action: Callable[[], object], times: int = 1) -> float:
    measured = []
    for _ in range(times):
        began = time.perf_counter()
        action()
        measured.append(time.perf_counter() - began)
    return statistics.median(measured)


def read(lake: Lake, name: str) -> int:
    table = lake.tables.table(name)
    return len(scan(table).collect()) if table else 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--landings", type=int, default=500)
    parser.add_argument("--rows", type=int, default=1000, help="rows of each landing")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
        small, whole = empty_lake(one), empty_lake(two)
        took = []
        for number in range(arguments.landings):
            land(small, number, arguments.rows)
            land(whole, number, arguments.rows)
            took.append(seconds(lambda: take_in(small)))
        print(
            f"{arguments.landings} landings of {arguments.rows:,} rows; at once: {seconds(lambda: take_in(whole)):.1f} s"
        )
        print(f"{'plan + read':<22}{'rows':>10}{'files':>8}{'one by one':>14}{'at once':>12}{'ratio':>8}")
        for name in TABLES:
            apart, together = (seconds(partial(read, lake, name), 15) for lake in (small, whole))
            files = len(data_files(small.tables.catalog.load_table(name)))
            print(
                f"{name:<22}{read(small, name):>10,}{files:>8}{apart * 1e3:>11.1f} ms{together * 1e3:>9.1f} ms{apart / together:>8.2f}"
            )
        edge = min(50, arguments.landings // 2)
        first, last = statistics.median(took[:edge]), statistics.median(took[-edge:])
        print(
            f"a landing (catalogue and ingest): first {edge} {first * 1e3:.0f} ms, last {edge} {last * 1e3:.0f} ms",
            end="",
        )
        print(f", ratio {last / first:.2f}")
        print(f"slowest landing (with compaction or expiry): {max(took) * 1e3:.0f} ms; all: {sum(took):.0f} s")


if __name__ == "__main__":
    main()
