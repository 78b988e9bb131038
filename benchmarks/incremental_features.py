"""The gain of computing only what a change can reach: one more day of three coins, incrementally and in full.

Both start from the same lake in the same call; CPU seconds of all views together are compared, and the tables are equal.
"""

import argparse
import shutil
import tempfile
import time
from datetime import timedelta
from pathlib import Path

import polars as pl

from cryptodudez_assets.derived.upkeep.materialize import materialize
from cryptodudez_assets.features import all_views, topological
from cryptodudez_assets.lake.ingest.cataloguing import catalogue_objects
from cryptodudez_assets.lake.ingest.ingest import ingest
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.lake.landing import land
from cryptodudez_assets.lake.metastore.discovery import discover_all
from cryptodudez_assets.settings import Settings
from cryptodudez_assets.simulator import simulate
from cryptodudez_assets.sources import all_sources

HEADER = "SNo,Name,Symbol,Date,High,Low,Open,Close,Volume,Marketcap\n"
COINS = {"Bitcoin": "BTC", "Ethereum": "ETH", "Dogecoin": "DOGE"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", choices=["tiny", "small"], default="small")
    size = parser.parse_args().size
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        simulate(folder / "samples", size)
        lake = Lake.open(Settings(home=folder / "home", settle_seconds=0), all_sources())
        for name, source in all_sources().items():
            bring_in(lake, name, *sorted((folder / "samples" / source.raw).iterdir()))
        compute(lake, full=False)
        candles = lake.tables.scan("market.crypto_prices")
        assert candles is not None
        newest = candles.select(pl.col("event_ts").max()).collect().item()
        path = folder / "more.csv"
        day = newest + timedelta(days=1)
        candle = "1,{},{},{:%Y-%m-%d} 23:59:59,0.5,0.3,0.4,0.45,1000000,9000000\n"
        path.write_text(HEADER + "".join(candle.format(name, symbol, day) for name, symbol in COINS.items()))
        bring_in(lake, "crypto_prices", path)
        spent = {"incremental": compute(lake, full=False)}
        before = contents(lake)
        spent["full"] = compute(lake, full=True)
        assert all(rows.equals(before[name], null_equal=True) for name, rows in contents(lake).items())
        print(f"{'':12}{'CPU s':>8}{'rows':>10}")
        for name, (cpu, rows) in spent.items():
            print(f"{name:12}{cpu:8.2f}{rows:10,}")
        print(f"incremental / full: {spent['incremental'][0] / spent['full'][0]:.2f}; the tables are equal")
        shutil.rmtree(folder / "home")


def bring_in(lake: Lake, source: str, *paths: Path) -> None:
    list(land(lake, source, paths))
    catalogue_objects(lake, all_sources()[source], discover_all(lake, source))
    ingest(lake, all_sources()[source])


def compute(lake: Lake, full: bool) -> tuple[float, int]:
    began = time.process_time()
    rows = sum(materialize(lake, view, full=full).rows for view in topological(all_views().values()))
    return time.process_time() - began, rows


def contents(lake: Lake) -> dict[str, pl.DataFrame]:
    scans = {view.table: (view, lake.tables.scan(view.table)) for view in all_views().values()}
    return {
        name: rows.sort(*view.key, "event_ts").collect() for name, (view, rows) in scans.items() if rows is not None
    }


if __name__ == "__main__":
    main()
