"""The volume forecast: what a day's forecast may know, what it is compared with, what is registered and promoted."""

import json
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from cryptodudez_assets.declared_models.forecast import HAR, KNOWN_BEFORE, SCALE, ForecastOptions
from cryptodudez_assets.features.stock_volume import MONTH, transform
from cryptodudez_assets.models.forecast import data
from cryptodudez_assets.models.forecast.found import FOREST, WITH_THE_DAY
from cryptodudez_assets.models.forecast.recipes import HAR_NAME, YESTERDAY, as_yesterday, candidates
from cryptodudez_assets.models.forecast.training import LOG, TrainedForecast, findings_of, train
from cryptodudez_assets.models.learned_from import LearnedFrom
from cryptodudez_assets.models.predictor import MODEL, Predictor, load
from cryptodudez_assets.models.registry import registry_of
from cryptodudez_assets.models.volume.data import split_of, usable
from cryptodudez_assets.models.volume.model_file import says, to_file
from cryptodudez_assets.models.volume.promoting import promote_if_better
from cryptodudez_assets.models.volume.recipes import VolumeRecipe, fit
from cryptodudez_assets.settings import Settings
from cryptodudez_assets_tests.ether import FORECAST_MODEL

QUICK = ForecastOptions(sample_rows=1000, learn_rows=2000, min_rows=500)
SOURCE = LearnedFrom("features.stock_volume", 42, {"market.stock_market": 1})
DAYS, SYMBOLS, FIRST = 200, 8, date(2020, 1, 1)


@cache
def candles() -> pl.DataFrame:
    """Stocks of all sizes whose volume stays for some days where it is."""
    random = np.random.default_rng(0)
    return pl.concat(_stock(f"S{number}", 10 ** random.uniform(3, 7), random) for number in range(SYMBOLS))


def _stock(symbol: str, size: float, random: np.random.Generator) -> pl.DataFrame:
    level = np.zeros(DAYS)
    for day in range(1, DAYS):
        level[day] = 0.5 * level[day - 1] + random.normal(0, 0.4)
    close = 40 * np.exp(np.cumsum(random.normal(0, 0.01, DAYS)))
    days = [FIRST + timedelta(days=number) for number in range(DAYS)]
    closes = [datetime(day.year, day.month, day.day, 21, tzinfo=UTC) for day in days]
    frame = {"date": days, "event_ts": closes, "known_ts": closes, "close": close, "adj_close": close}
    volume = np.round(size * np.exp(level)).astype(np.int64)
    return pl.DataFrame(frame | {"high": close * 1.01, "low": close * 0.99, "volume": volume}).select(
        pl.lit(symbol).alias("symbol"), pl.all()
    )


def features_of(frame: pl.DataFrame) -> pl.DataFrame:
    return transform({"market.stock_market": frame.lazy()}).collect()


def trained_on(frame: pl.DataFrame, settings: Settings) -> TrainedForecast:
    return train(features_of(frame).lazy(), SOURCE, settings, FORECAST_MODEL, QUICK)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, TrainedForecast]:
    settings = Settings(home=tmp_path_factory.mktemp("home"))
    return settings, trained_on(candles(), settings)


@pytest.fixture(scope="module")
def predictor(home: tuple[Settings, TrainedForecast]) -> Predictor:
    return load(registry_of(home[0], FORECAST_MODEL), 1)


def forecasts(frame: pl.DataFrame, predictor: Predictor) -> dict[tuple[str, date], float]:
    """What is forecast for each day."""
    days = usable(data.known_before(features_of(frame)).lazy(), KNOWN_BEFORE).collect()
    said = predictor.predict(data.as_rows(days).features)[:, 0].tolist()
    return dict(zip(days.select("symbol", "date").rows(), said, strict=True))


def test_what_a_day_brings_moves_the_forecasts_of_later_days_and_not_its_own(predictor: Predictor) -> None:
    day = FIRST + timedelta(days=150)
    is_it = (pl.col("symbol") == "S3") & (pl.col("date") == day)
    spiked = candles().with_columns(
        pl.when(is_it).then(pl.col("volume") * 20).otherwise("volume").alias("volume"),
        *(
            pl.when(is_it).then(pl.col(name) * 1.5).otherwise(name).alias(name)
            for name in ("high", "close", "adj_close")
        ),
    )
    before, after = forecasts(candles(), predictor), forecasts(spiked, predictor)
    assert before.keys() == after.keys()
    moved = {key for key in before if before[key] != after[key]}
    assert min(moved) == ("S3", day + timedelta(days=1))
    assert max(moved) <= ("S3", day + timedelta(days=MONTH))


def test_features_by_hand() -> None:
    stock = candles().filter(symbol="S1")
    volume, row = stock["volume"].to_numpy().astype(float), features_of(stock).row(100, named=True)
    month = volume[79:101].mean()
    logs = np.log((volume[79:101] + 1) / (month + 1))
    assert row[SCALE] == pytest.approx(month, rel=1e-12)
    assert row["log_volume"] == pytest.approx(logs[-1], rel=1e-9)
    assert [row[f"log_volume_lag_{lag}"] for lag in range(1, 5)] == pytest.approx(logs[-2:-6:-1].tolist(), rel=1e-9)
    assert row["log_volume_mean_5"] == pytest.approx(logs[-5:].mean(), rel=1e-9)
    assert row["log_volume_mean_22"] == pytest.approx(logs.mean(), rel=1e-9)
    assert row["weekday"] == row["date"].isoweekday()


def test_days_of_other_symbols_are_none_of_ones_own() -> None:
    both = features_of(candles().filter(pl.col("symbol").is_in(["S0", "S1"])))
    alone = features_of(candles().filter(symbol="S1"))
    assert both.filter(symbol="S1").equals(alone, null_equal=True)
    assert data.known_before(both).filter(symbol="S1").row(0, named=True)[SCALE] is None


def test_the_days_are_those_of_the_volume_model_however_they_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = features_of(candles()).lazy()
    split = split_of(usable(rows), QUICK)
    days = data.days_of(rows, split, QUICK)
    expected = usable(rows).filter(pl.col("date") >= split.test_from).collect()
    assert days.tested.select(expected.columns).equals(expected)
    assert days.tested.null_count().sum_horizontal().item() == 0
    assert days.learned["date"].max() == split.test_from - timedelta(days=1)
    assert 0 < len(days.learned) <= split.rows_before_test
    monkeypatch.setattr(data, "PORTION_ROWS", 300)
    again = data.days_of(rows.sort(pl.col("volume").hash(3)), split, QUICK)
    assert again.tested.equals(days.tested)
    assert again.learned.equals(days.learned)


def test_a_month_without_trade_is_forecast_as_none_and_not_learned_from(predictor: Predictor) -> None:
    days = usable(data.known_before(features_of(candles())).lazy(), KNOWN_BEFORE).collect()
    idle = days.with_columns(pl.lit(0.0, pl.Float32).alias(SCALE))
    assert len(data.as_cells(idle)) == 0
    assert len(data.as_cells(days)) == len(days)
    assert predictor.predict(data.as_rows(idle).features).max() == 0


@pytest.mark.parametrize("recipe", candidates(42), ids=lambda one: one.name)
def test_the_file_says_what_the_estimator_says(recipe: VolumeRecipe) -> None:
    days = usable(data.known_before(features_of(candles())).lazy(), KNOWN_BEFORE).collect()
    rows, fitted = data.as_rows(days), fit(recipe, data.as_cells(days))
    ratio = fitted.estimator.predict(rows.features)
    expected = np.maximum((np.exp(ratio) if recipe.in_logs else ratio) * rows.features[:, 0], 0)
    said = says(to_file(fitted, rows.features))(rows.features)
    assert (np.abs(said - expected) <= 1e-5 * rows.features[:, 0]).mean() > 0.99


def test_a_line_through_day_week_and_month_sees_nothing_else() -> None:
    days = usable(data.known_before(features_of(candles())).lazy(), KNOWN_BEFORE).collect()
    recipe = next(one for one in candidates(42) if one.name == HAR_NAME)
    fitted, rows = fit(recipe, data.as_cells(days)), data.as_rows(days).features
    others = rows.copy()
    others[:, [KNOWN_BEFORE.index(name) for name in KNOWN_BEFORE if name not in HAR]] = 7.0
    assert np.array_equal(fitted.estimator.predict(rows), fitted.estimator.predict(others))


def test_the_day_before_is_what_it_was() -> None:
    days = usable(data.known_before(features_of(candles())).lazy(), KNOWN_BEFORE).collect()
    before = candles().with_columns(pl.col("volume").shift(1).over("symbol").alias("before"), pl.col("date"))
    expected = days.join(before, on=["symbol", "date"], how="left", maintain_order="left")["before"].to_numpy()
    assert as_yesterday(data.as_rows(days).features) == pytest.approx(expected, rel=1e-5)


def test_what_is_found_and_registered(home: tuple[Settings, TrainedForecast], predictor: Predictor) -> None:
    settings, trained = home
    manifest, found = trained.manifest, trained.findings
    assert (manifest.label, manifest.features, manifest.classes) == ("volume_forecast-1", list(KNOWN_BEFORE), [])
    assert findings_of(registry_of(settings, FORECAST_MODEL), 1) == found
    assert found.verdict.skill, found.verdict.words
    names = {one.name for one in found.scores if one.part == "test"}
    assert names >= {YESTERDAY, HAR_NAME, "boosted", FOREST, f"{WITH_THE_DAY}boosted", f"{WITH_THE_DAY}linear"}
    assert len({found.errors(name).n for name in names}) == 1, "of the same days"
    days = data.days_of(features_of(candles()).lazy(), split_of(usable(features_of(candles()).lazy()), QUICK), QUICK)
    tested = data.as_rows(days.tested)
    off = np.abs(predictor.predict(tested.features)[:, 0] - tested.volume)
    assert manifest.metrics["mae"] == found.errors(found.chosen).mae == pytest.approx(off.mean(), rel=1e-9)
    for errors in (found.errors(found.chosen), found.errors(FOREST)):
        assert f"R2 of {errors.r2:.3f} (MAE {errors.mae:,.0f})" in found.words["beside_the_day_itself"]
    lines = [json.loads(line) for line in registry_of(settings, FORECAST_MODEL).read(1, LOG).splitlines()]
    assert len([one for one in lines if "mae" in one]) == len(found.scores)


@pytest.mark.slow
def test_volumes_of_the_test_are_not_learned_from(home: tuple[Settings, TrainedForecast], tmp_path: Path) -> None:
    is_tested = pl.col("date") >= home[1].findings.test_from
    later = candles().with_columns(pl.when(is_tested).then(pl.col("volume") * 3).otherwise("volume").alias("volume"))
    again = trained_on(later, Settings(home=tmp_path))
    assert again.findings.chosen == home[1].findings.chosen
    assert again.manifest.files[MODEL] == home[1].manifest.files[MODEL]
    assert again.findings.errors(YESTERDAY) != home[1].findings.errors(YESTERDAY)


def test_the_first_that_passes_serves(home: tuple[Settings, TrainedForecast]) -> None:
    registry = registry_of(home[0], FORECAST_MODEL)
    assert promote_if_better(registry, findings_of).startswith("volume_forecast-1 serves from now on.")
