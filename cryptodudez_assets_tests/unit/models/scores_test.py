"""Scores, against scikit-learn's and by hand."""

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, brier_score_loss, confusion_matrix, log_loss, matthews_corrcoef

from cryptodudez_assets.models.dataset import Floats, Ints
from cryptodudez_assets.models.evaluation.scores import (
    LEAST_PROBABILITY,
    balanced_accuracy,
    log_losses,
    mcc,
    reliability,
    scores,
)

NAMES = ("BUY", "HODL", "SELL")


def made_up(seed: int, n: int = 200) -> tuple[Ints, Floats]:
    random = np.random.default_rng(seed)
    probabilities = random.dirichlet((1, 2, 1), n)
    labels = np.array([random.choice(3, p=row) for row in probabilities])
    return labels, probabilities


@pytest.mark.parametrize("seed", range(3))
def test_they_are_those_of_scikit_learn(seed: int):
    labels, probabilities = made_up(seed)
    said = probabilities.argmax(axis=1)
    found = scores(labels, said, probabilities)
    assert found.n == 200
    assert found.confusion == confusion_matrix(labels, said).tolist()
    assert found.balanced_accuracy == pytest.approx(balanced_accuracy_score(labels, said))
    assert found.mcc == pytest.approx(matthews_corrcoef(labels, said))
    assert found.log_loss == pytest.approx(log_loss(labels, probabilities))
    assert found.brier == pytest.approx(brier_score_loss(labels, probabilities, scale_by_half=False))


def test_a_class_that_did_not_occur_does_not_count():
    labels, probabilities = np.array([0, 0, 1]), np.eye(3)[[0, 2, 1]]
    assert scores(labels, np.array([0, 2, 1]), probabilities).balanced_accuracy == pytest.approx(0.75)


def test_who_always_says_the_same_has_no_correlation():
    labels, _ = made_up(1)
    assert scores(labels, np.full(200, 1), np.full((200, 3), 1 / 3)).mcc == 0


def test_shares_of_many_samples_are_scored_at_once():
    counts = np.array([[[5, 1, 2], [3, 4, 0], [1, 1, 7]], [[1, 0, 0], [0, 1, 0], [0, 0, 1]]], dtype=float)
    shares = counts / counts.sum(axis=(1, 2), keepdims=True)
    for score in (balanced_accuracy, mcc):
        np.testing.assert_allclose(score(shares), [score(one) for one in counts])


def test_one_surprise_is_not_infinitely_bad():
    assert log_losses(np.array([0]), np.array([[0.0, 1.0, 0.0]])) == pytest.approx(-np.log(LEAST_PROBABILITY))


def test_reliability_tells_what_was_said_and_what_happened():
    labels = np.array([0, 0, 1, 2])
    probabilities = np.array([[0.62, 0.3, 0.08], [0.64, 0.3, 0.06], [0.66, 0.3, 0.04], [0.0, 0.0, 1.0]])
    bins = reliability(labels, probabilities, NAMES)
    assert [(one.said, one.n) for one in bins["BUY"]] == [(0.0, 1), (pytest.approx(0.64), 3)]
    assert bins["BUY"][1].happened == pytest.approx(2 / 3)
    assert bins["SELL"][-1].model_dump() == {"said": 1.0, "happened": 1.0, "n": 1}
    assert all(sum(one.n for one in of_class) == 4 for of_class in bins.values())
