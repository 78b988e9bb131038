"""Recipes can be made again from name and parameters, and live with what training days lack."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from cryptodudez_assets.declared_models.signal import BUY, HODL, SELL, SignalOptions
from cryptodudez_assets.models.dataset import Dataset
from cryptodudez_assets.models.signal.fit import fit, probabilities
from cryptodudez_assets.models.signal.recipes import (
    SignalRecipe,
    base_rates,
    candidates,
    configuration_hash,
    recipe,
)
from cryptodudez_assets_tests.datasets import noise

EVERY = [base_rates(), *candidates(SignalOptions())]
every_recipe = pytest.mark.parametrize("made", EVERY, ids=lambda one: one.name)


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return noise(1, days=300, features=4)


@pytest.mark.slow
@every_recipe
def test_it_is_made_again_from_json(made: SignalRecipe, dataset: Dataset):
    again = recipe(made.name, json.loads(json.dumps(dict(made.parameters))))
    said = [probabilities(fit(dataset, one), dataset.features, 3) for one in (made, again)]
    np.testing.assert_array_equal(*said)
    np.testing.assert_allclose(said[0].sum(axis=1), 1)


@every_recipe
@pytest.mark.parametrize("left", [0, 1, 2])
def test_a_class_that_is_too_rare_gets_no_probability(made: SignalRecipe, dataset: Dataset, left: int):
    labels = dataset.labels.copy()
    labels[np.flatnonzero(labels == SELL)[left:]] = HODL
    said = probabilities(fit(replace(dataset, labels=labels), made), dataset.features, 3)
    assert (said[:, SELL] == 0).all()
    assert (said[:, BUY] > 0).all()


@every_recipe
def test_a_class_that_occurs_only_late_is_learned(made: SignalRecipe, dataset: Dataset):
    labels = dataset.labels.copy()
    labels[:250][labels[:250] == SELL] = HODL
    said = probabilities(fit(replace(dataset, labels=labels), made), dataset.features, 3)
    assert np.isfinite(said).all()
    np.testing.assert_allclose(said.sum(axis=1), 1)


@every_recipe
def test_a_feature_that_is_never_known_does_no_harm(made: SignalRecipe, dataset: Dataset):
    features = dataset.features.copy()
    features[:, 1] = np.nan
    without = dataset.with_features(features)
    assert np.isfinite(probabilities(fit(without, made), without.features, 3)).all()


@pytest.mark.parametrize("made", candidates(SignalOptions(horizon_days=9)), ids=lambda one: one.name)
def test_calibration_leaves_the_horizon_out(made: SignalRecipe):
    """No label of a day that was learned from reaches into what it is calibrated on, nor the other way; each day is foretold once."""
    calibrated: Any = made.build()
    splits = list(calibrated[-1].cv.split(np.arange(200)))
    assert np.concatenate([tried for _, tried in splits]).tolist() == list(range(200))
    for learned, tried in splits:
        assert min(abs(learned - tried[0]).min(), abs(learned - tried[-1]).min()) == 10
        assert len(learned) + len(tried) == 200 - 9 * (int(tried[0] > 0) + int(tried[-1] < 199))


def test_base_rates_say_how_often_each_class_happened(dataset: Dataset):
    shares = np.bincount(dataset.labels[dataset.labels >= 0]) / (dataset.labels >= 0).sum()
    np.testing.assert_allclose(
        probabilities(fit(dataset, base_rates()), dataset.features[:5], 3), np.tile(shares, (5, 1))
    )


def test_a_single_class_cannot_be_learned(dataset: Dataset):
    with pytest.raises(ValueError, match=r"300 training days with a single class \(HODL\)"):
        fit(replace(dataset, labels=np.full(300, HODL)), base_rates())


def test_what_does_not_exist_is_told():
    with pytest.raises(ValueError, match="no recipe is called 'forest'; there are linear, boosted, base_rates"):
        recipe("forest", {})
    with pytest.raises(
        ValueError, match=r"linear has the parameters \['horizon_days', 'inverse_penalty'\], but \['C'\]"
    ):
        recipe("linear", {"C": 1})


def test_every_choice_is_another_trial():
    options = SignalOptions()
    linear, boosted = candidates(options)
    same = configuration_hash(linear, options, ["a", "b"])
    assert configuration_hash(linear, options, ["b", "a"]) == same
    others = [
        configuration_hash(boosted, options, ["a", "b"]),
        configuration_hash(linear, options, ["a"]),
        configuration_hash(linear, SignalOptions(embargo_days=6), ["a", "b"]),
        configuration_hash(recipe("linear", {"inverse_penalty": 1.0, "horizon_days": 5}), options, ["a", "b"]),
    ]
    assert len({same, *others}) == 5
