"""What a recipe is shown in each fold, and what placebos show it instead: told by a classifier that remembers."""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from cryptodudez_assets.models.dataset import Dataset, Float32s, Floats, Ints
from cryptodudez_assets.models.signal.placebos import placebos
from cryptodudez_assets.models.signal.recipes import SignalRecipe
from cryptodudez_assets.models.signal.walk_forward import folds_of, walk_forward
from cryptodudez_assets_tests.datasets import QUICK, noise

DAYS = 600
OPTIONS = QUICK.model_copy(
    update={"min_train_days": 300, "embargo_days": 7, "placebo_repeats": 2, "placebo_shifts_days": (30, -5)}
)


@dataclass
class Remembering:
    """A classifier that says each class is as likely, and keeps what it was shown."""

    shown: list[Float32s]
    classes_: Ints = field(default_factory=lambda: np.arange(3))

    def fit(self, X: Float32s, y: Ints) -> "Remembering":  # noqa: N803
        assert len(X) == len(y)
        self.shown.append(X)
        return self

    def predict_proba(self, X: Float32s) -> Floats:  # noqa: N803
        return np.full((len(X), 3), 1 / 3)

    def __getitem__(self, at: Any) -> "Remembering":
        """Like a pipeline of this one step."""
        return self


def numbered() -> Dataset:
    """Both features of a day are its row."""
    rows = np.arange(DAYS, dtype=np.float32)
    return replace(noise(3, days=DAYS, features=2), features=np.c_[rows, rows])


def test_only_days_of_the_training_are_learned_from():
    shown: list[Float32s] = []
    folds = folds_of(numbered(), OPTIONS)
    out = walk_forward(numbered(), SignalRecipe("remembering", {}, lambda: Remembering(shown), weighted=False), folds)
    assert len(shown) == len(folds) == OPTIONS.folds
    for learned, fold in zip(shown, folds, strict=True):
        np.testing.assert_array_equal(learned[:, 0], fold.train)
    np.testing.assert_array_equal(out.rows, np.concatenate([fold.test for fold in folds]))


def test_folds_keep_the_distance_that_the_options_ask_for():
    for fold in folds_of(numbered(), OPTIONS):
        assert fold.test[0] - fold.train[-1] == OPTIONS.horizon_days + 7 + 1


def test_placebos_are_tweets_of_other_days():
    shown: list[Float32s] = []
    made = SignalRecipe("remembering", {}, lambda: Remembering(shown), weighted=False)
    folds = folds_of(numbered(), OPTIONS)
    found = placebos(numbered(), made, folds, OPTIONS, ["feature_1"], lambda _: None)
    assert [one.name for one in found] == [
        *(
            "tweets shuffled 1",
            "tweets shuffled 2",
            "tweets moved 30 days to the past",
            "tweets moved 5 days to the future",
        )
    ]
    first, second, to_the_past, to_the_future = shown[OPTIONS.folds - 1 :: OPTIONS.folds]  # of the last fold each
    for days, tweets in (first.T, second.T):
        np.testing.assert_array_equal(days, folds[-1].train)
        assert len(set(tweets)) == len(tweets)
        assert (tweets == days).mean() < 0.1
        assert tweets.max() > folds[-1].train[-1]  # from all days
    assert (first[:, 1] != second[:, 1]).any()
    np.testing.assert_array_equal(to_the_past[:, 1], (to_the_past[:, 0] + 30) % DAYS)
    np.testing.assert_array_equal(to_the_future[:, 1], (to_the_future[:, 0] - 5) % DAYS)
