"""The volume model and the forecast on the real stock market archive, and how fast one volume is said."""

import io
import time
import zipfile
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from cryptodudez_assets.declared_models.forecast import ForecastOptions
from cryptodudez_assets.declared_models.volume import VolumeOptions
from cryptodudez_assets.features import stock_rolling, stock_volume
from cryptodudez_assets.models.forecast.found import FOREST
from cryptodudez_assets.models.forecast.training import train as train_forecast
from cryptodudez_assets.models.learned_from import LearnedFrom
from cryptodudez_assets.models.predictor import load
from cryptodudez_assets.models.registry import registry_of
from cryptodudez_assets.models.volume.predict import predict
from cryptodudez_assets.models.volume.promoting import FILE, promote_if_better
from cryptodudez_assets.models.volume.recipes import ONE_NUMBER
from cryptodudez_assets.models.volume.training import TrainedVolume, train
from cryptodudez_assets.settings import Settings
from cryptodudez_assets_tests.ether import FORECAST_MODEL, VOLUME_MODEL

COLUMNS = {name: name.lower().replace(" ", "_") for name in ("Date", "High", "Low", "Close", "Adj Close", "Volume")}
TYPES = {name: pl.Date if name == "Date" else pl.Float64 for name in COLUMNS}


@pytest.fixture(scope="module")
def candles(real_data: Path) -> pl.DataFrame:
    archive = real_data / "stock_market" / "stock-market-dataset.zip"
    if not archive.is_file():
        pytest.skip(f"no {archive}")
    with zipfile.ZipFile(archive) as packed:
        names = [name for name in packed.namelist() if name.startswith(("stocks/", "etfs/")) and name.endswith(".csv")]
        return pl.concat(_candles(name, packed.read(name)) for name in names).sort("symbol", "date")


def _candles(name: str, content: bytes) -> pl.DataFrame:
    rows = pl.read_csv(io.BytesIO(content), columns=list(TYPES), schema_overrides=TYPES).rename(COLUMNS)
    close = pl.col("date").cast(pl.Datetime("us", "UTC"))
    return (
        rows.drop_nulls()
        .filter(pl.min_horizontal("high", "low", "close") > 0)
        .unique("date")
        .sort("date")
        .with_columns(
            pl.lit(Path(name).stem).alias("symbol"), pl.col("volume").cast(pl.Int64), event_ts=close, known_ts=close
        )
    )


@pytest.fixture(scope="module")
def rows(candles: pl.DataFrame) -> pl.LazyFrame:
    return candles.with_columns(stock_rolling.last_rows(stock_rolling.ROWS)).lazy()


@pytest.fixture(scope="module")
def home(rows: pl.LazyFrame, tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, TrainedVolume]:
    settings = Settings(home=tmp_path_factory.mktemp("home"))
    options = VolumeOptions(sample_rows=20_000)
    return settings, train(
        rows, LearnedFrom("features.stock_rolling", 1, {"market.stock_prices": 1}), settings, VOLUME_MODEL, options
    )


def test_it_beats_the_reference_and_every_baseline_on_later_days(home: tuple[Settings, TrainedVolume]):
    found = home[1].findings
    assert found.rows > 2_000_000
    assert found.verdict.skill, found.verdict.words
    ours = found.errors(found.chosen).mae
    assert ours < 0.5 * found.errors(ONE_NUMBER).mae
    assert ours < found.errors("share_of_average").mae
    assert ours < found.errors("linear").mae


def test_the_random_split_flatters_and_so_does_the_day_itself(home: tuple[Settings, TrainedVolume]):
    metrics = home[1].manifest.metrics
    assert metrics["mae_without_today"] > 1.01 * metrics["mae"]
    assert metrics["r2_reference_random_split"] > metrics["r2_reference_sample"]


def test_it_serves_from_a_small_file_within_a_millisecond(home: tuple[Settings, TrainedVolume]):
    registry = registry_of(home[0], VOLUME_MODEL)
    promote_if_better(registry)
    assert (home[0].home / "models" / "volume_model" / FILE).stat().st_size < 1_000_000
    predictor = load(registry, 1)
    taken = []
    for _ in range(500):
        began = time.perf_counter()
        predict(predictor, 145_390, 12.59)
        taken.append(time.perf_counter() - began)
    assert np.median(taken) < 0.001


def test_days_before_forecast_better_than_what_knows_the_days_average(
    candles: pl.DataFrame, home: tuple[Settings, TrainedVolume]
) -> None:
    rows = stock_volume.transform({"market.stock_market": candles.lazy()}).collect().lazy()
    learned_from = LearnedFrom("features.stock_volume", 1, {"market.stock_market": 1})
    options = ForecastOptions(sample_rows=20_000)
    found = train_forecast(rows, learned_from, home[0], FORECAST_MODEL, options).findings
    assert found.verdict.skill
    ours, volumes = found.errors(found.chosen), home[1].findings
    with_the_day = volumes.errors(volumes.chosen)
    assert (ours.n, found.test_from) == (with_the_day.n, volumes.test_from), "the same days"
    assert ours.mae <= 490_000 < with_the_day.mae
    assert (ours.r2 or 0) >= 0.75 > (found.errors(FOREST).r2 or 0)
