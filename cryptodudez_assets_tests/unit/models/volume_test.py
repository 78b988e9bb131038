"""The volume model: what is counted, learned, chosen, registered, promoted and said."""

import json
import shutil
from datetime import date, datetime, timedelta
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from cryptodudez_assets.declared_models.volume import FEATURES, VolumeOptions
from cryptodudez_assets.models.dataset import Float32s
from cryptodudez_assets.models.learned_from import LearnedFrom
from cryptodudez_assets.models.manifest import Manifest
from cryptodudez_assets.models.onnx_file import Malformed, OnnxModel
from cryptodudez_assets.models.predictor import MODEL, ModelRefused, Predictor, load
from cryptodudez_assets.models.registry import Registry, registry_of
from cryptodudez_assets.models.volume import data
from cryptodudez_assets.models.volume.found import CHAMPION, REFERENCE, WITHOUT_TODAY
from cryptodudez_assets.models.volume.judging import Judge
from cryptodudez_assets.models.volume.model_file import says, to_file
from cryptodudez_assets.models.volume.predict import predict
from cryptodudez_assets.models.volume.promoting import FILE, promote_if_better
from cryptodudez_assets.models.volume.recipes import ONE_NUMBER, VolumeRecipe, candidates, fit
from cryptodudez_assets.models.volume.scoring import errors_of
from cryptodudez_assets.models.volume.training import LOG, TrainedVolume, findings_of, train
from cryptodudez_assets.settings import Settings
from cryptodudez_assets_tests.ether import VOLUME_MODEL

QUICK = VolumeOptions(sample_rows=2000, min_rows=500)
SOURCE = LearnedFrom("features.stock_rolling", 42, {"market.stock_prices": 1})
DAYS, SYMBOLS = 300, 12


@cache
def rows(seed: int = 0, days: int = DAYS) -> pl.DataFrame:
    """Stocks of all sizes, the cheap ones traded on half of the days only; features as the table has them."""
    random = np.random.default_rng(seed)
    return pl.concat(
        _stock(f"S{number}", 10 ** random.uniform(3, 7), number, days, random) for number in range(SYMBOLS)
    )


def _stock(symbol: str, size: float, number: int, days: int, random: np.random.Generator) -> pl.DataFrame:
    penny = number % 3 == 0
    volume = np.round(size * np.exp(random.normal(0, 0.5, days)) * (random.random(days) < (0.4 if penny else 1)))
    price = (0.5 if penny else 40.0) * np.exp(np.cumsum(random.normal(0, 0.01, days)))
    stock = pl.DataFrame({"volume": volume, "price": price})
    return stock.select(
        pl.lit(symbol).alias("symbol"),
        pl.Series("date", [date(2020, 1, 1) + timedelta(days=n) for n in range(days)]),
        pl.col("volume").cast(pl.Int64),
        pl.col("volume").rolling_mean(30).alias("vol_moving_avg"),
        pl.col("price").rolling_median(30).alias("adj_close_rolling_med"),
    )


def trained_on(frame: pl.DataFrame, settings: Settings, options: VolumeOptions = QUICK) -> TrainedVolume:
    return train(frame.lazy(), SOURCE, settings, VOLUME_MODEL, options)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, TrainedVolume]:
    settings = Settings(home=tmp_path_factory.mktemp("home"))
    return settings, trained_on(rows(), settings)


@pytest.fixture
def candidate(home: tuple[Settings, TrainedVolume], settings: Settings) -> Settings:
    """A home of one's own in which the first version was trained."""
    shutil.copytree(home[0].home, settings.home)
    return settings


@pytest.fixture(scope="module")
def predictor(home: tuple[Settings, TrainedVolume]) -> Predictor:
    return load(registry_of(home[0], VOLUME_MODEL), 1)


def probes(n: int = 500) -> Float32s:
    random = np.random.default_rng(1)
    return np.c_[10 ** random.uniform(0, 9, n), 10 ** random.uniform(-2, 4, n)].astype(np.float32)


def test_rows_without_both_features_are_left_out():
    assert data.usable(rows().lazy()).collect().height == SYMBOLS * (DAYS - 29)
    dirty = (
        rows()
        .tail(4)
        .with_columns(
            vol_moving_avg=pl.Series([float("nan"), float("inf"), -1.0, 5.0]), adj_close_rolling_med=pl.lit(-1.0)
        )
    )
    assert data.usable(dirty.lazy()).collect()["vol_moving_avg"].to_list() == [5.0]


def test_a_day_lies_in_one_part_and_parts_are_in_order_of_time():
    known = data.usable(rows().lazy())
    split = data.split_of(known, QUICK)
    assert split.first_day < split.choose_from < split.test_from <= split.last_day
    days = (split.test_from - split.first_day).days
    assert split.rows_before_test == days * SYMBOLS == pytest.approx(0.85 * split.rows, rel=0.02)


@pytest.mark.parametrize("few", [rows().head(40), rows().filter(pl.col("date") < date(2020, 2, 1)).clear()])
def test_too_few_rows(few: pl.DataFrame, settings: Settings):
    with pytest.raises(data.TooFewRows, match=r"but 500 are needed\. Land more"):
        trained_on(few, settings)
    assert not registry_of(settings, VOLUME_MODEL).versions()


def test_rows_of_one_day_cannot_be_split():
    one_day = rows().drop_nulls().with_columns(date=date(2020, 5, 1))
    with pytest.raises(data.TooFewRows, match="of only 1 days"):
        data.split_of(data.usable(one_day.lazy()), QUICK)


def test_every_row_is_counted_and_keeps_its_volume():
    known = data.usable(rows().lazy())
    cells, all_rows = data.cells_of(known), data.in_memory(known)
    assert cells.rows.sum() == len(all_rows)
    volume = cells.rows @ (cells.ratio * cells.features[:, 0])
    assert volume == pytest.approx(all_rows.volume.sum(), rel=0.02)


def test_cells_and_sample_do_not_depend_on_the_order_of_rows():
    known, shuffled = (data.usable(one.lazy()) for one in (rows(), rows().sample(fraction=1, shuffle=True, seed=3)))
    for one, other in zip(vars(data.cells_of(known)).values(), vars(data.cells_of(shuffled)).values(), strict=True):
        np.testing.assert_array_equal(one, other)
    some = data.sample(known, 3000, VolumeOptions(sample_rows=300))
    assert some.equals(data.sample(shuffled, 3000, VolumeOptions(sample_rows=300)))
    assert 200 < len(some) < 500


def test_without_today_is_the_mean_of_the_rows_before_and_nothing_else():
    known = data.usable(rows().lazy())
    before = pl.col("volume").shift(1).rolling_mean(29).over("symbol")
    expected = rows().with_columns(before=before).drop_nulls()["before"].to_numpy()
    found = data.without_today(known).collect()
    assert found["vol_moving_avg"].to_numpy() == pytest.approx(expected, rel=1e-12)
    assert set(found["adj_close_rolling_med"]) == {0.0}  # the median has the day's own close in it


def test_without_today_nothing_is_left_of_the_only_day_that_was_traded():
    volumes = pl.DataFrame({"volume": np.arange(1.0, 2e9, 9973)})
    days = volumes.lazy().with_columns(vol_moving_avg=pl.col("volume") / 30, adj_close_rolling_med=1.0)
    assert set(data.without_today(days).collect()["vol_moving_avg"]) == {0.0}


@cache
def tried(changed_from: date = date.max) -> tuple[Judge, VolumeRecipe, dict[str, bytes]]:
    """All that must not leak, on a few rows whose volume is another one from some day on."""
    volume = pl.when(pl.col("date") >= changed_from).then(pl.col("volume") * 3 + 1000).otherwise(pl.col("volume"))
    known = data.usable(rows(days=90).with_columns(volume=volume).lazy())
    judge = Judge(known, QUICK, lambda _: None)
    chosen = judge.choose()
    files = judge.test({})
    judge.compare_with_reference({})
    judge.leave_out_today(chosen)
    return judge, chosen, files


@pytest.mark.slow
def test_volumes_of_the_test_change_its_scores_and_nothing_else():
    judge, chosen, files = tried()
    again, chosen_again, files_again = tried(judge.split.test_from)
    assert (again.split, chosen_again, files_again) == (judge.split, chosen, files)
    assert again.losses == judge.losses
    for one, same in zip(judge.scores, again.scores, strict=True):
        assert (one == same) is (one.part == "choose")


@pytest.mark.slow
def test_volumes_of_the_days_to_choose_on_are_not_learned_before():
    judge, _, _ = tried()
    again, _, _ = tried(judge.split.choose_from)
    first = [[one for one in each.losses if one["fit"] == "time split, first part"] for each in (judge, again)]
    assert first[0] == first[1] != []


@pytest.mark.slow
def test_in_a_window_of_calendar_days_the_leak_has_no_number(tmp_path: Path):
    trained = trained_on(rows(days=90), Settings(home=tmp_path, rolling_days=30))
    assert trained.findings.without_today is None
    assert "mae_without_today" not in trained.manifest.metrics
    assert trained.findings.leak.endswith("in a window of calendar days the rows are not counted.")


@pytest.mark.parametrize("recipe", candidates(42), ids=lambda one: one.name)
def test_the_file_says_what_the_estimator_says(recipe: VolumeRecipe):
    fitted = fit(recipe, data.cells_of(data.usable(rows().lazy())))
    new = probes()
    expected = fitted.estimator.predict(new) * (new[:, 0] if recipe.of_average else 1)
    said = says(to_file(fitted, new))(new)
    assert (np.abs(said - np.maximum(expected, 0)) <= 1e-5 * np.maximum(np.abs(expected), new[:, 0])).mean() > 0.99
    assert (said >= 0).all()


def test_the_baselines_are_medians():
    """Of volume; and of the ratio, where an error counts by the volume that it is of."""
    features = np.array([[100.0, 1.0], [100.0, 1.0], [1000.0, 1.0]])
    cells = data.Cells(features, np.array([0.5, 1.0, 2.0]), np.array([3.0, 3.0, 1.0]))
    by_name = {one.name: fit(one, cells) for one in candidates(42)}
    assert by_name[ONE_NUMBER].estimator.predict([[7.0, 7.0]]) == [100.0]
    assert by_name["share_of_average"].estimator.predict([[7.0, 7.0]]) == [2.0]


def test_losses_of_every_iteration_fall():
    boosted = fit(candidates(42)[3], data.cells_of(data.usable(rows().lazy())))
    assert len(boosted.losses) == 100
    assert boosted.losses[-1] < boosted.losses[0]
    assert all(later <= earlier + 1e-9 for earlier, later in pairwise(boosted.losses))


def test_errors_by_hand():
    some = data.Rows(np.array([[1, 1], [2, 1], [3, 1]], np.float32), np.array([1.0, 4.0, 1.0]))
    found = errors_of(lambda features: features[:, 0].astype(float), some)
    assert (found.n, found.mae, found.mse) == (3, pytest.approx(4 / 3), pytest.approx(8 / 3))
    assert found.r2 == pytest.approx(1 - 8 / 6)
    same = data.Rows(some.features, np.full(3, 2.0))
    assert errors_of(lambda features: np.full(len(features), 2.0), same).r2 is None


def test_what_is_registered(home: tuple[Settings, TrainedVolume]):
    settings, trained = home
    manifest, found = trained.manifest, trained.findings
    assert (manifest.label, manifest.features, manifest.classes) == ("volume_model-1", list(FEATURES), [])
    assert manifest.trained_on.rows < found.rows == SYMBOLS * (DAYS - 29)
    assert manifest.trained_on.last_day == datetime.fromisoformat(f"{found.test_from}T00:00Z") - timedelta(days=1)
    assert findings_of(registry_of(settings, VOLUME_MODEL), 1) == found
    assert found.chosen != ONE_NUMBER
    assert manifest.metrics["mae"] == found.errors(found.chosen).mae < found.errors(ONE_NUMBER).mae
    assert manifest.metrics["size_bytes"] == len(registry_of(settings, VOLUME_MODEL).read(1, MODEL)) < 1_000_000


def test_the_numbers_are_those_of_the_file(home: tuple[Settings, TrainedVolume], predictor: Predictor):
    found = home[1].findings
    tested = data.in_memory(data.usable(rows().lazy()).filter(pl.col("date") >= found.test_from))
    assert errors_of(lambda features: predictor.predict(features)[:, 0], tested).mae == pytest.approx(
        found.errors(found.chosen).mae, rel=1e-9
    )


def test_the_log_has_every_loss_and_score(home: tuple[Settings, TrainedVolume]):
    settings, trained = home
    lines = [json.loads(line) for line in registry_of(settings, VOLUME_MODEL).read(1, LOG).splitlines()]
    losses, scores = ([one for one in lines if key in one] for key in ("loss", "mae"))
    assert len(losses) + len(scores) == len(lines)
    # three fits of five recipes, of which two boost 100 times; two forests; one fit without the day itself
    last = 100 if trained.findings.chosen.startswith("boosted") else 1
    assert len(losses) == 3 * (3 + 2 * 100) + 2 + last
    assert {(one["split"], one["part"], one["rows"]) for one in scores} == {
        ("time", "choose", "all"),
        ("time", "test", "all"),
        ("time", "test", "sample"),
        ("random", "test", "sample"),
    }
    assert len([one for one in scores if one["name"] == REFERENCE]) == 2


def test_the_leak_is_named_with_its_numbers(home: tuple[Settings, TrainedVolume]):
    found = home[1].findings
    for errors in (found.errors(REFERENCE, "random", rows="sample"), found.errors(REFERENCE, rows="sample")):
        assert f"R2 of {errors.r2:.3f}" in found.leak
    assert f"{found.errors(WITHOUT_TODAY).mae:,.0f} shares" in found.leak
    assert "mixes days of the same stock" in found.leak


@pytest.mark.slow
def test_the_same_rows_make_the_same_file(home: tuple[Settings, TrainedVolume], settings: Settings):
    again = trained_on(rows().sample(fraction=1, shuffle=True, seed=5), settings)
    assert again.manifest.files[MODEL] == home[1].manifest.files[MODEL]


def test_the_first_that_passes_serves_and_is_model_bin(candidate: Settings, tmp_path: Path):
    nothing, registry = (
        registry_of(Settings(home=tmp_path / "empty"), VOLUME_MODEL),
        registry_of(candidate, VOLUME_MODEL),
    )
    assert promote_if_better(nothing) == "There is no candidate that has not been decided about."
    assert promote_if_better(registry).startswith("volume_model-1 serves from now on.")
    published = Path(candidate.lake) / "models" / "volume_model" / FILE
    assert published.read_bytes() == registry.read(1, MODEL)
    assert OnnxModel(published.read_bytes()).predict(probes()).shape == (500, 1)
    published.unlink()  # died before it was published
    promote_if_better(registry)
    assert published.read_bytes() == registry.read(1, MODEL)


@pytest.mark.slow
def test_no_better_than_the_champion_stays_a_candidate(candidate: Settings):
    registry = registry_of(candidate, VOLUME_MODEL)
    promote_if_better(registry)
    found = trained_on(rows(), candidate).findings
    assert found.champion == "volume_model-1"
    assert found.errors(CHAMPION) == found.errors(found.chosen)
    assert promote_if_better(registry).startswith("volume_model-1 stays: volume_model-2 has on the same rows MAE")
    assert champion_of(registry).version == 1


@pytest.mark.slow
def test_better_than_the_champion_serves(settings: Settings):
    registry = registry_of(settings, VOLUME_MODEL)
    half = rows().with_columns(pl.col("volume") // 4)  # a market where days were a quarter of what they are now
    trained_on(half, settings)
    promote_if_better(registry)
    old = (Path(settings.lake) / "models" / "volume_model" / FILE).read_bytes()
    trained_on(rows(), settings)
    assert "Better than the champion: on the same rows MAE" in promote_if_better(registry)
    assert champion_of(registry).version == 2
    assert (Path(settings.lake) / "models" / "volume_model" / FILE).read_bytes() == registry.read(2, MODEL) != old


@pytest.mark.slow
def test_compared_with_another_champion_is_not_promoted(candidate: Settings):
    registry = registry_of(candidate, VOLUME_MODEL)
    trained_on(rows(), candidate)
    registry.promote(1, "by hand")
    assert (
        promote_if_better(registry) == "volume_model-1 stays: volume_model-2 was compared with no other. Train again."
    )


@pytest.mark.slow
def test_a_file_over_the_budget_does_not_serve(settings: Settings):
    trained = trained_on(rows(), settings, QUICK.model_copy(update={"size_budget_bytes": 100}))
    assert [test.name for test in trained.findings.verdict.tests if not test.passed] == ["within the size budget"]
    assert promote_if_better(registry_of(settings, VOLUME_MODEL)).startswith("Nothing stays.")
    assert not (Path(settings.lake) / "models" / "volume_model" / FILE).exists()


def test_a_changed_file_is_refused(home: tuple[Settings, TrainedVolume], tmp_path: Path):
    registry = Registry(Settings(home=tmp_path), "volume_model")
    draft = home[1].manifest.model_dump(exclude={"name", "version", "created_at", "files"})
    other = {**draft, "self_test": {**draft["self_test"], "values": [[1.0]] * 5}}
    content = registry_of(home[0], VOLUME_MODEL).read(1, MODEL)
    manifest_type = type(home[1].manifest).__mro__[1]
    registry.register(manifest_type(**other), {MODEL: content})
    with pytest.raises(ModelRefused, match="its self-test is off by"):
        load(registry, 1)


def test_a_prediction_is_a_whole_number_near_the_average(predictor: Predictor):
    said = predict(predictor, 100_000, 40.0)
    assert isinstance(said, int)
    assert 50_000 < said < 150_000
    assert predict(predictor, 0, 0) == 0
    assert predict(predictor, 1e12, 1e9) > 0


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf"), -1, 1e13])
@pytest.mark.parametrize("place", [0, 1])
def test_what_no_stock_could_have_is_refused_in_words(predictor: Predictor, bad: float, place: int):
    row = [100.0, 10.0]
    row[place] = bad
    with pytest.raises(ValueError, match=rf"^{FEATURES[place]} is .*, and is to be (a finite number|from 0 to 1e\+)"):
        predict(predictor, *row)


def test_other_bytes_are_no_model():
    with pytest.raises(Malformed):
        says(b"\x80\x04K\x01.")


def champion_of(registry: Registry) -> Manifest:
    champion = registry.champion()
    assert champion is not None
    return champion
