"""How good classes and probabilities were. Classes are positions 0..k-1; a confusion matrix has what happened in its rows."""

import numpy as np
import numpy.typing as npt

from cryptodudez_assets.models.dataset import Floats, Ints
from cryptodudez_assets.models.findings import Bin, Scores

LEAST_PROBABILITY = 1e-6
"""Below it a probability counts as this much, so that one surprise does not make the log loss infinite."""

BINS = 10


def scores(labels: Ints, decisions: Ints, probabilities: Floats) -> Scores:
    """All scores of so many days; `probabilities` has one row per day and one column per class."""
    counts = confusions(labels, decisions, probabilities.shape[1]).sum(axis=0)
    return Scores(
        n=len(labels),
        balanced_accuracy=float(balanced_accuracy(counts)),
        mcc=float(mcc(counts)),
        brier=float(briers(labels, probabilities).mean()),
        log_loss=float(log_losses(labels, probabilities).mean()),
        confusion=counts.astype(int).tolist(),
    )


def confusions(labels: Ints, decisions: Ints, classes: int) -> Floats:
    """Per day a confusion matrix with a single one in it (days x classes x classes); their sum is the usual one."""
    cells = np.zeros((len(labels), classes, classes))
    cells[np.arange(len(labels)), labels, decisions] = 1
    return cells


def balanced_accuracy(confusion: Floats) -> Floats:
    """Mean share found of each class that occurred, of one matrix or of many (… x classes x classes), counts or shares."""
    happened = confusion.sum(axis=-1)
    found = np.diagonal(confusion, axis1=-2, axis2=-1)
    recall = np.divide(found, happened, out=np.zeros_like(happened), where=happened > 0)
    return np.asarray(recall.sum(axis=-1) / np.maximum((happened > 0).sum(axis=-1), 1))


def mcc(confusion: Floats) -> Floats:
    """Matthews' correlation coefficient for several classes (Gorodkin 2004); 0 where only one class was said or happened."""
    happened, said = confusion.sum(axis=-1), confusion.sum(axis=-2)
    total, right = happened.sum(axis=-1), np.trace(confusion, axis1=-2, axis2=-1)
    covariance = right * total - (happened * said).sum(axis=-1)
    variances = (total**2 - (said**2).sum(axis=-1)) * (total**2 - (happened**2).sum(axis=-1))
    # Shares leave rounding errors where the variance is nil.
    some = variances > 1e-12 * total**4
    return np.where(some, covariance / np.sqrt(np.where(some, variances, 1)), 0.0)


def briers(labels: Ints, probabilities: Floats) -> Floats:
    """Per day the squared error of the probabilities, summed over the classes (0 to 2)."""
    return np.asarray(((probabilities - np.eye(probabilities.shape[1])[labels]) ** 2).sum(axis=1))


def log_losses(labels: Ints, probabilities: Floats) -> Floats:
    """Per day minus the natural logarithm of the probability that was given to what happened."""
    given = probabilities[np.arange(len(labels)), labels]
    return -np.log(np.clip(given, LEAST_PROBABILITY, 1))


def reliability(labels: Ints, probabilities: Floats, classes: tuple[str, ...]) -> dict[str, list[Bin]]:
    """By class, days with about the same probability of it: what was said and what happened. Empty bins are left out."""
    return {name: _bins(probabilities[:, at], labels == at) for at, name in enumerate(classes)}


def _bins(said: Floats, happened: npt.NDArray[np.bool_]) -> list[Bin]:
    which = np.minimum((said * BINS).astype(int), BINS - 1)
    return [
        Bin(said=float(said[at].mean()), happened=float(happened[at].mean()), n=int(at.sum()))
        for at in (which == bin_ for bin_ in np.unique(which))
    ]
