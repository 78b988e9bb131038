"""A demo in which a signal is really there: a model is promoted, says BUY or SELL, and everybody is told that it was planted."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner
from litestar.testing import TestClient
from rich.console import Console

from cryptodudez_assets import demo
from cryptodudez_assets.cli import main
from cryptodudez_assets.models.registry import registry_of
from cryptodudez_assets.models.signal.signal import OF_PLANTED
from cryptodudez_assets.settings import Settings
from cryptodudez_assets.simulator import Size, simulate
from cryptodudez_assets_tests.builders import open_lake
from cryptodudez_assets_tests.ether import ETHER
from serving.app import create_app

SIZE = Size(coins=5, crypto_days=2150, tweets=320, stock_symbols=6, stock_days=160)
LAST_DAY = date(2026, 11, 1)


@pytest.mark.long
def test_what_was_planted_is_found_served_and_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All days of Ether that the demo has, and little else."""
    lake = open_lake(Settings(home=tmp_path, settle_seconds=0))
    monkeypatch.setattr(demo, "simulate", lambda folder, _size, seed, **more: simulate(folder, SIZE, seed, **more))
    console = Console(record=True, width=200)
    assert demo.show_demo(lake, "tiny", 7, console, planted=True)
    assert OF_PLANTED in console.export_text().replace("\n", " ")
    verdict = registry_of(lake.settings, ETHER).champion().verdict
    assert verdict.skill, verdict.words
    with TestClient(create_app(lake.settings)) as client:
        told = client.get("/signal/eth").json()
        pages = {path: client.get(path).text for path in ("/", "/reports/eth_signal.html", "/models", "/market")}
    assert (told["verdict"], told["reasons"], told["notes"]) == ("skill", [], [OF_PLANTED])
    assert told["decision"] in {"BUY", "SELL", "HODL"}
    assert not [path for path, page in pages.items() if "A signal was planted in these data" not in page]


def test_only_ether_is_others_prices_where_a_signal_is_planted(tmp_path: Path) -> None:
    """And in Ether, the day after a busy one rises."""
    prices = {}
    for planted in (False, True):
        simulate(tmp_path / str(planted), SIZE, 7, last_day=LAST_DAY, planted=planted)
        prices[planted] = pl.read_parquet(tmp_path / str(planted) / "truth" / "crypto_prices.parquet")
    ether = pl.col("symbol") == "ETH"
    assert prices[True].filter(~ether).equals(prices[False].filter(~ether))
    assert correlation(prices[True].filter(ether)) > 0.15 > abs(correlation(prices[False].filter(ether)))


def correlation(candles: pl.DataFrame) -> float:
    """Of how unusual a day's turnover is with the return of the day after."""
    turnover = (pl.col("volume") / pl.col("market_cap")).log()
    told = candles.sort("event_ts").select(
        busy=turnover - turnover.rolling_mean(30), later=pl.col("close").log().diff().shift(-1)
    )
    return told.drop_nulls().filter(pl.all_horizontal(pl.all().is_finite())).select(pl.corr("busy", "later")).item()


def test_too_few_days_to_find_anything_in_are_refused(tmp_path: Path) -> None:
    said = CliRunner().invoke(main, ["demo", "--size", "tiny", "--planted"], env={"CRYPTODUDEZ_HOME": str(tmp_path)})
    assert said.exit_code == 2
    assert "--planted needs --size small" in said.output
    assert not any(tmp_path.iterdir())
