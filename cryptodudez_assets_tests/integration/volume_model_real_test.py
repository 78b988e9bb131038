"""The volume model on the real stock market archive, and how fast it says one volume."""

import io
import time
import zipfile
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from cryptodudez_assets.declared_models.volume import VolumeOptions
from cryptodudez_assets.models.learned_from import LearnedFrom
from cryptodudez_assets.models.predictor import load
from cryptodudez_assets.models.registry import registry_of
from cryptodudez_assets.models.volume.predict import predict
from cryptodudez_assets.models.volume.promoting import FILE, promote_if_better
from cryptodudez_assets.models.volume.recipes import ONE_NUMBER
from cryptodudez_assets.models.volume.training import TrainedVolume, train
from cryptodudez_assets.settings import Settings
from cryptodudez_assets_tests.ether import VOLUME_MODEL

TYPES = {"Date": pl.Date, "Adj Close": pl.Float64, "Volume": pl.Float64}


@pytest.fixture(scope="module")
def rows(real_data: Path) -> pl.LazyFrame:
    archive = real_data / "stock_market" / "stock-market-dataset.zip"
    if not archive.is_file():
        pytest.skip(f"no {archive}")
    with zipfile.ZipFile(archive) as packed:
        names = [name for name in packed.namelist() if name.startswith(("stocks/", "etfs/")) and name.endswith(".csv")]
        return pl.concat(_rows(name, packed.read(name)) for name in names).rechunk().lazy()


def _rows(name: str, content: bytes) -> pl.DataFrame:
    candles = pl.read_csv(io.BytesIO(content), columns=list(TYPES), schema_overrides=TYPES)
    return (
        candles.drop_nulls()
        .unique("Date")
        .sort("Date")
        .select(
            pl.lit(Path(name).stem).alias("symbol"),
            pl.col("Date").alias("date"),
            pl.col("Volume").alias("volume"),
            pl.col("Volume").rolling_mean(30).alias("vol_moving_avg"),
            pl.col("Adj Close").rolling_median(30).alias("adj_close_rolling_med"),
        )
    )


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
