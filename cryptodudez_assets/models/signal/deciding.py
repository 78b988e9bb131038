"""What a signal says now, without a server: for whoever is to be told when it says something else. Serving has its own way."""

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from cryptodudez_assets.declared_models.signal import Decision, SignalModel
from cryptodudez_assets.feature_store.online import open_online_store
from cryptodudez_assets.models.predictor import ModelRefused, Predictor, as_array, load
from cryptodudez_assets.models.registry import Registry, registry_of
from cryptodudez_assets.models.signal.inputs import OnlineRow, inputs_of
from cryptodudez_assets.models.signal.signal import STALE_AFTER, decide, is_stale
from cryptodudez_assets.settings import Settings


@dataclass(frozen=True)
class Decided:
    """A decision, since when its model and features are what they are, and why it is not what the model says."""

    decision: Decision
    since: datetime
    model: str
    reasons: list[str]


def decision_now(settings: Settings, model: SignalModel, now: datetime) -> Decided | None:
    """What the champion says of the newest features; None where there is no champion, or are no features that it takes.

    A champion without skill is not even loaded: the decision is HODL.
    """
    registry = registry_of(settings, model)
    promoted = registry.promotions()[-1:]
    if not promoted:
        return None
    version = promoted[0].version
    manifest, verdict = registry.manifest(version), registry.verdict(version)
    if not verdict.skill:
        return Decided("HODL", promoted[0].at, manifest.label, [verdict.words])
    if manifest.features != list(inputs_of(model).names) or (row := _online_row(settings, model)) is None:
        return None
    try:
        predictor = _loaded(registry, version, promoted[0].manifest_sha256)
    except ModelRefused:  # the check of the champion says so
        return None
    [probabilities] = predictor.predict(as_array([row.values])).tolist()
    signal = decide(probabilities, manifest.rule, verdict, row.oldest, now)
    since = row.oldest + STALE_AFTER if is_stale(row.oldest, now) else max(row.as_of, promoted[0].at)
    return Decided(signal.decision, since, manifest.label, signal.reasons)


def _online_row(settings: Settings, model: SignalModel) -> OnlineRow | None:
    store = open_online_store(settings.online)
    try:
        return inputs_of(model).online_row(store)
    finally:
        store.close()


@lru_cache(maxsize=8)
def _loaded(registry: Registry, version: int, _sha256: str) -> Predictor:
    """Loaded once; where a registry is made anew, the hash is another."""
    return load(registry, version)
