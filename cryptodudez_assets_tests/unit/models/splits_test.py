"""Folds: what is learned from lies before what is tried, and so do its labels."""

from dataclasses import replace

import numpy as np
import pytest

from cryptodudez_assets.models.dataset import Dataset
from cryptodudez_assets.models.evaluation.splits import Fold, Leak, TooFewDays, walk_forward_folds
from cryptodudez_assets_tests.datasets import noise


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return noise(1, days=600, features=2)


def folds(
    dataset: Dataset, n_folds: int = 4, min_train_days: int = 300, horizon: int = 5, embargo: int = 3
) -> list[Fold]:
    return walk_forward_folds(dataset, n_folds, min_train_days, horizon, embargo)


def test_tests_are_equal_follow_each_other_and_end_with_the_last_label(dataset: Dataset):
    tests = [fold.test for fold in folds(dataset)]
    last = np.flatnonzero(dataset.labels >= 0)[-1]
    assert len({len(test) for test in tests}) == 1
    assert np.diff(np.concatenate(tests)).tolist() == [1] * (sum(map(len, tests)) - 1)
    assert tests[-1][-1] == last


def test_training_begins_with_the_first_label_and_ends_a_gap_before(dataset: Dataset):
    for fold in folds(dataset):
        assert fold.train[0] == np.flatnonzero(dataset.labels >= 0)[0]
        assert fold.test[0] - fold.train[-1] == 5 + 3 + 1
    assert len(folds(dataset)[0].train) >= 300


def test_no_label_of_the_training_was_known_only_in_the_test(dataset: Dataset):
    for fold in folds(dataset, embargo=0):
        assert dataset.label_row[fold.train].max() < fold.test[0]


def test_days_without_a_label_or_return_are_left_out(dataset: Dataset):
    labels, closes = dataset.labels.copy(), dataset.closes.copy()
    labels[100], closes[501], closes[51] = -1, np.nan, np.nan
    with_holes = folds(replace(dataset, labels=labels, closes=closes))
    tried = np.concatenate([fold.test for fold in with_holes])
    assert 100 not in with_holes[-1].train
    assert 50 in with_holes[-1].train
    assert not {500, 501} & set(tried)
    assert len(tried) == 4 * len(folds(dataset)[0].test) - 2


def test_labels_that_reach_further_than_was_said_are_a_leak(dataset: Dataset):
    with pytest.raises(Leak, match=r"the label of .* was known only on .*: the horizon is longer than was said"):
        folds(replace(dataset, label_row=dataset.label_row + 10))


@pytest.mark.parametrize("days", [5, 6, 200, 390])
def test_too_few_days_are_told_with_what_is_needed(days: int):
    with pytest.raises(TooFewDays, match="but 4 folds need 388: 300 to learn from, 8 between, 20 in each test"):
        folds(noise(1, days=days, features=2))
