"""Recipes: classifiers of days that are not fitted yet, known by name and parameters, so that they can be made again."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from cryptodudez_assets.declared_models.signal import SignalOptions
from cryptodudez_assets.models.dataset import Float32s, Floats, Ints

CALIBRATION_SPLITS = 3
NOT_KNOWN = -1e6
WEIGHTED = {"linear"}
"""Recipes that learn from labels by how much of them is their own. Trees would take thirty times as long to find weighted bins."""


class Classifier(Protocol):
    """The part of scikit-learn's interface that is used here. `classes_` are those that occurred in training."""

    classes_: npt.NDArray[np.int64]

    def fit(self, X: Float32s, y: Ints) -> Any:  # noqa: N803
        """Learn from rows and the positions of their classes."""

    def predict_proba(self, X: Float32s) -> Floats:  # noqa: N803
        """Probabilities of the classes in `classes_`."""


@dataclass(frozen=True)
class SignalRecipe:
    """A classifier that is not fitted yet. `parameters` are JSON, and with the name all that it takes to make it again."""

    name: str
    parameters: Mapping[str, Any]
    build: Callable[[], Classifier]
    weighted: bool = True
    """Whether labels that share their days with others count less."""

    def fit(self, rows: Float32s, labels: Ints, uniqueness: Floats) -> Classifier:
        """The classifier, fitted. `uniqueness`: how much of each label is its own."""
        model: Any = self.build()  # a pipeline; its last step learns
        weights = {f"{model.steps[-1][0]}__sample_weight": uniqueness} if self.weighted else {}
        fitted: Classifier = model.fit(rows, labels, **weights)
        return fitted


def recipe(name: str, parameters: Mapping[str, Any]) -> SignalRecipe:
    """A recipe by its name; raises `ValueError` for a name or parameters that do not exist."""
    if name not in MAKERS:
        raise ValueError(f"no recipe is called {name!r}; there are {', '.join(MAKERS)}")
    if parameters.keys() != DEFAULTS[name].keys():
        raise ValueError(f"{name} has the parameters {sorted(DEFAULTS[name])}, but {sorted(parameters)} were given")
    return SignalRecipe(name, dict(parameters), lambda: MAKERS[name](**parameters), name in WEIGHTED)


def candidates(options: SignalOptions) -> list[SignalRecipe]:
    """The recipes of which one becomes the model."""
    of_options = {"seed": options.seed, "horizon_days": options.horizon_days}
    return [
        recipe(name, {key: of_options.get(key, value) for key, value in DEFAULTS[name].items()})
        for name in ("linear", "boosted")
    ]


def base_rates() -> SignalRecipe:
    """Says how frequent each class was in training, whatever the features are: what a model must improve on."""
    return recipe("base_rates", {})


def configuration_hash(recipe: SignalRecipe, options: SignalOptions, features: Sequence[str]) -> str:
    """Tells trials apart: the same for the same recipe, options and set of features, wherever and whenever it is tried."""
    tried = {
        "recipe": recipe.name,
        "parameters": dict(recipe.parameters),
        "options": options.model_dump(mode="json"),
        "features": sorted(features),
    }
    return hashlib.sha256(json.dumps(tried, sort_keys=True).encode()).hexdigest()


def _linear(inverse_penalty: float, horizon_days: int) -> Any:
    # The calibrator is around the last step only: around the whole pipeline, ONNX gives other probabilities.
    return make_pipeline(
        SimpleImputer(strategy="median", keep_empty_features=True),
        StandardScaler(),
        _calibrated(LogisticRegression(C=inverse_penalty, max_iter=1000), horizon_days),
    )


def _boosted(
    iterations: int, leaves: int, least_in_leaf: int, learning_rate: float, horizon_days: int, seed: int
) -> Any:
    booster = HistGradientBoostingClassifier(
        max_iter=iterations,
        max_leaf_nodes=leaves,
        min_samples_leaf=least_in_leaf,
        learning_rate=learning_rate,
        early_stopping=False,  # it would hold out days at random, whose labels overlap with those learned from
        random_state=seed,
    )
    # It knows NaN, but fails on a column that is nothing else (before the first stock, say); so not known is a value far off.
    unknown = SimpleImputer(strategy="constant", fill_value=NOT_KNOWN, keep_empty_features=True)
    return make_pipeline(unknown, _calibrated(booster, horizon_days))


class PurgedFolds:
    """Parts of the days, each foretold from all other days but those so near that their labels share days with it.

    What calibrates is of days that were not learned from; all of them lie before any day that the model is tried on. A part is one
    stretch of days. Where a class occurs in a single stretch only, parts are of several shorter ones, so that all classes are learned
    each time; where it occurs on a few days in a row, of single days, none left out.
    """

    def __init__(self, n_splits: int, gap: int) -> None:
        self.n_splits, self.gap = n_splits, gap

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:  # noqa: N803
        """As scikit-learn asks."""
        return self.n_splits

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[tuple[Ints, Ints]]:  # noqa: N803
        """Rows to learn from, rows to foretell; each row is foretold once."""
        n, labels = len(X), np.zeros(len(X)) if y is None else np.asarray(y)
        for stretches in (1, 4, 16):
            parts = list(self._parts(n, self.n_splits * stretches, self.gap))
            if all(len(np.unique(labels[learned])) == len(np.unique(labels)) for learned, _ in parts):
                yield from parts
                return
        yield from self._parts(n, n, 0)

    def _parts(self, n: int, stretches: int, gap: int) -> Iterator[tuple[Ints, Ints]]:
        rows = np.arange(n)
        part_of = rows * stretches // n % self.n_splits
        for part in range(self.n_splits):
            near = np.convolve(part_of == part, np.ones(2 * gap + 1), "full")[gap : gap + n] > 0
            yield rows[~near], rows[part_of == part]


def _calibrated(classifier: Any, horizon_days: int) -> Any:
    """Learned from all days, and calibrated on days that were foretold from the others."""
    folds = PurgedFolds(CALIBRATION_SPLITS, horizon_days)
    return CalibratedClassifierCV(classifier, method="sigmoid", cv=folds, ensemble=False)


def _base_rates() -> Any:
    # A tree of one leaf: unlike DummyClassifier, it can be converted to ONNX.
    return make_pipeline(SimpleImputer(keep_empty_features=True), DecisionTreeClassifier(min_samples_split=10**9))


MAKERS: dict[str, Callable[..., Classifier]] = {"linear": _linear, "boosted": _boosted, "base_rates": _base_rates}

DEFAULTS: dict[str, dict[str, Any]] = {
    "linear": {"inverse_penalty": 0.1, "horizon_days": 5},
    "boosted": {
        **{"iterations": 60, "leaves": 4, "least_in_leaf": 30, "learning_rate": 0.03},
        **{"horizon_days": 5, "seed": 42},
    },
    "base_rates": {},
}
