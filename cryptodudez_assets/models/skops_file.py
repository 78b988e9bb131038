"""Fitted estimators of scikit-learn as skops: to look into a model or fit it further. Unlike a pickle it cannot run code."""

from typing import Any
from zipfile import BadZipFile

TRUSTED = (
    "cryptodudez_assets.models.signal.recipes.PurgedFolds",
    "numpy.dtype",
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
    # Forged trees could crash the process that predicts with them: read them from the registry, which knows their hash.
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.tree._tree.Tree",
)
"""Types beyond those that skops trusts itself."""


class Untrusted(ValueError):
    """These bytes are no estimator in skops, or one that holds types which are not trusted."""


def dumps(estimator: Any) -> bytes:
    """An estimator as bytes; `Untrusted` where `loads` would not take it back."""
    import skops.io

    content: bytes = skops.io.dumps(estimator)
    loads(content)
    return content


def loads(content: bytes) -> Any:
    """The estimator; `Untrusted` for anything else, before any of it is made."""
    import skops.io

    try:
        return skops.io.loads(content, trusted=list(TRUSTED))
    except BadZipFile as error:
        raise Untrusted(f"not a file of skops ({len(content)} bytes)") from error
    except (TypeError, ValueError, KeyError) as error:
        raise Untrusted(f"not an estimator to be trusted: {error}") from error
