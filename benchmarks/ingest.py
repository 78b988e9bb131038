"""Throughput of ingest: ours (catalogue, contract, quarantine, commit) beside parse-only and a plain Polars pipeline.

All read the same simulated archives in the same call, each in a process of its own, alternating; CPU seconds are compared.
Parse-only inflates the archive and reads it with Polars; the plain pipeline also filters and writes Parquet.
"""

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

PEERS = ("ours", "plain", "parse")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--coins", type=int, default=150, help="simulated coins of 1,500 days each")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--samples", type=Path, help="use this folder of simulated archives instead")
    parser.add_argument("--child", choices=PEERS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        report(arguments.child, archives(arguments.samples))
        return
    with tempfile.TemporaryDirectory() as scratch:
        samples = arguments.samples or simulated(Path(scratch), arguments.coins)
        results: dict[str, list[dict[str, float]]] = {peer: [] for peer in PEERS}
        for _ in range(arguments.rounds):
            for peer in PEERS:
                command = [sys.executable, __file__, "--child", peer, "--samples", str(samples)]
                answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
                results[peer].append(json.loads(answer.splitlines()[-1]))
        best = {peer: min(runs, key=lambda run: run["cpu"]) for peer, runs in results.items()}
        print(f"{best['ours']['rows']:,.0f} rows in {best['ours']['megabytes']:,.0f} MB of text")
        print(f"{'':8}{'CPU s':>8}{'wall s':>8}{'peak MB':>9}{'CPU / parse':>13}")
        for peer, run in best.items():
            ratio = run["cpu"] / best["parse"]["cpu"]
            print(f"{peer:8}{run['cpu']:8.2f}{run['wall']:8.2f}{run['peak']:9.0f}{ratio:13.2f}")


def simulated(folder: Path, coins: int) -> Path:
    from cryptodudez_assets.simulator import simulate
    from cryptodudez_assets.simulator.sizes import SIZES, Size

    tiny = SIZES["tiny"]
    simulate(folder, Size(coins, 1500, tiny.tweets, tiny.stock_symbols, tiny.stock_days))
    return folder


def archives(samples: Path) -> list[Path]:
    return sorted((samples / "crypto_prices").glob("*.zip"))


def report(peer: str, paths: list[Path]) -> None:
    import polars  # noqa: F401  (imports are not what is measured)

    if peer == "ours":
        ours([])  # they are done while it works, here and there
    cpu, wall = time.process_time(), time.perf_counter()
    rows = {"ours": ours, "plain": plain, "parse": parse}[peer](paths)
    used = {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}
    megabytes = sum(entry.file_size for path in paths for entry in zipfile.ZipFile(path).infolist()) / 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({**used, "rows": rows, "megabytes": megabytes, "peak": peak}))


def ours(paths: list[Path]) -> int:
    from cryptodudez_assets.lake.ingest.cataloguing import catalogue_objects
    from cryptodudez_assets.lake.ingest.ingest import ingest
    from cryptodudez_assets.lake.lake import Lake
    from cryptodudez_assets.lake.metastore.discovery import discover_all
    from cryptodudez_assets.settings import Settings
    from cryptodudez_assets.sources import all_sources

    source = all_sources()["crypto_prices"]
    with tempfile.TemporaryDirectory() as home:
        lake = Lake.open(Settings(home=Path(home), settle_seconds=0), all_sources())
        raw = Path(lake.settings.lake) / "raw" / source.name
        raw.mkdir(parents=True)
        for path in paths:
            shutil.copyfile(path, raw / path.name)
        catalogue_objects(lake, source, discover_all(lake, source.name))
        return ingest(lake, source).read


def members(paths: list[Path]):  # type: ignore[no-untyped-def]
    for path in paths:
        with zipfile.ZipFile(path) as archive:
            for entry in archive.infolist():
                if entry.filename.endswith(".csv") and "__MACOSX" not in entry.filename:
                    yield archive.read(entry)


def parse(paths: list[Path]) -> int:
    import polars as pl

    return sum(pl.read_csv(text, truncate_ragged_lines=True, ignore_errors=True).height for text in members(paths))


def plain(paths: list[Path]) -> int:
    import polars as pl

    rows = 0
    with tempfile.TemporaryDirectory() as folder:
        for number, text in enumerate(members(paths)):
            frame = pl.read_csv(text, truncate_ragged_lines=True, ignore_errors=True)
            frame = frame.with_columns(
                pl.col("Date").str.to_datetime("%Y-%m-%d %H:%M:%S", time_zone="UTC", strict=False)
            )
            frame = frame.filter(pl.col("Close") > 0, pl.col("High") >= pl.col("Low"), pl.col("Symbol").is_not_null())
            frame.unique(["Symbol", "Date"]).sort("Symbol", "Date").write_parquet(Path(folder) / f"{number}.parquet")
            rows += frame.height
    return rows


if __name__ == "__main__":
    main()
