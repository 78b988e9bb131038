"""What cannot be made yet is named with what to land; once that has landed, also by a run that died, everything is made."""

import io
from datetime import UTC, datetime
from pathlib import Path
from zipfile import ZipFile

import polars as pl
import pytest
from rich.console import Console

from cryptodudez_assets.derived.upkeep.materialize import materialize, table_specs
from cryptodudez_assets.features import all_views, topological
from cryptodudez_assets.headless import run_pending
from cryptodudez_assets.lake.lake import Lake
from cryptodudez_assets.models.signal import training_set
from cryptodudez_assets.settings import Settings
from cryptodudez_assets.sources import all_sources
from cryptodudez_assets_tests.builders import open_lake, rows_of, take_in
from cryptodudez_assets_tests.ether import ETHER

pytestmark = pytest.mark.long

LANDED = ("crypto_prices", "elon_tweets", "stock_prices", "bitso_order_book")


def run(lake: Lake) -> str:
    said = io.StringIO()
    assert run_pending(lake, list(all_sources()), Console(file=said, width=1000)), said.getvalue()
    return said.getvalue()


def land(lake: Lake, source: str, name: str, content: bytes) -> None:
    path = Path(lake.settings.lake) / "raw" / source / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def coins(samples: Path) -> dict[str, bytes]:
    with ZipFile(next((samples / "crypto_prices").iterdir())) as archive:
        members = [name for name in archive.namelist() if name.endswith(".csv") and "__MACOSX" not in name]
        return {Path(name).name: archive.read(name) for name in members}


def features(lake: Lake, began: datetime) -> dict[str, pl.DataFrame]:
    """Features and training set. What is known since it landed landed at another time in another home."""
    landed = pl.when(pl.col("known_ts") < began).then("known_ts")
    specs = [spec for view in all_views().values() for spec in table_specs(view)]
    there = [spec.name for spec in specs if lake.tables.table(spec.name)]
    found = {name: rows_of(lake, name) for name in (*there, ETHER.training_set)}
    timed = {name: rows.with_columns(landed.alias("known_ts")) for name, rows in found.items()}
    return {name: rows.sort(rows.columns) for name, rows in timed.items()}


def test_without_ether_s_prices_it_says_so_and_when_they_land_every_table_is_made(
    tiny_samples: Path, tmp_path: Path
) -> None:
    samples, began = tiny_samples, datetime.now(UTC)
    lake, calm = (open_lake(Settings(home=tmp_path / name, settle_seconds=0)) for name in ("home", "calm"))
    for name, content in coins(samples).items():
        land(calm, "crypto_prices", name, content)
        if "Ethereum" not in name:
            land(lake, "crypto_prices", name, content)
    for source in LANDED[1:]:
        there = [path for path in sorted((samples / source).rglob("*")) if path.is_file()]
        path = min(there, key=lambda path: path.stat().st_size)
        for one in (lake, calm):
            land(one, source, path.name, path.read_bytes())

    run(lake)
    second = run(lake)

    assert "nothing new in the raw zone: what can be made is up to date" in second
    assert "not made: ml.eth_signal" in second
    assert "0 days from the first to the last label, but 6 folds need 860" in second
    assert "Land more price history" in second
    assert "market.stock_market is missing, land stock_market" in second

    (ether,) = (name for name in coins(samples) if "Ethereum" in name)
    land(lake, "crypto_prices", ether, coins(samples)[ether])
    take_in(lake, all_sources()["crypto_prices"])  # and then the process died
    third = run(lake)

    assert "behind: features.crypto_daily: market.crypto_prices changed, since 20" in third
    for source in LANDED:
        take_in(calm, all_sources()[source])
    for view in topological(all_views().values()):
        if "market.stock_market" not in {one.table for one in view.inputs}:
            materialize(calm, view, full=True)
    assert training_set.update(calm, ETHER)
    made, expected = features(lake, began), features(calm, began)
    assert made.keys() == expected.keys()
    for name, rows in expected.items():
        assert rows.equals(made[name], null_equal=True), name
