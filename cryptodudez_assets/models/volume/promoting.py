"""Which version of a volume model or of a forecast serves, and `model.bin`: the file of that version under a name that stays."""

from collections.abc import Callable

from cryptodudez_assets.models.predictor import MODEL
from cryptodudez_assets.models.registry import Registry
from cryptodudez_assets.models.volume.found import CHAMPION, Found
from cryptodudez_assets.models.volume.training import findings_of

FILE = "model.bin"


def promote_if_better(registry: Registry, found: Callable[[Registry, int], Found] = findings_of) -> str:
    """Promote the newest candidate if it may serve, see to `model.bin`; returns what was done, in words.

    It may serve if it passed its tests and its MAE is below the champion's on the same rows of the same run. `found`: reads what
    the training of a version found out.
    """
    versions = registry.versions()
    if versions and registry.stage(versions[-1]) == "candidate":
        done = _decide(registry, versions[-1], found)
    else:
        done = "There is no candidate that has not been decided about."
    if champion := registry.champion():
        registry.publish(FILE, registry.read(champion.version, MODEL))
    if versions:
        registry.note_settled(versions[-1])
    return done


def _decide(registry: Registry, version: int, found: Callable[[Registry, int], Found]) -> str:
    candidate, champion = registry.manifest(version), registry.champion()
    findings = found(registry, version)
    serving = champion.label if champion else None
    if not findings.verdict.skill:
        return f"{serving or 'Nothing'} stays. {findings.verdict.words}"
    if serving != findings.champion:
        return f"{serving} stays: {candidate.label} was compared with {findings.champion or 'no other'}. Train again."
    reason = findings.verdict.words
    if champion:
        ours, theirs = findings.errors(findings.chosen).mae, findings.errors(CHAMPION).mae
        compared = f"on the same rows MAE {ours:,.0f} against {theirs:,.0f} shares of {serving}."
        if not ours < theirs:
            return f"{serving} stays: {candidate.label} has {compared}"
        reason = f"{reason} Better than the champion: {compared}"
    registry.promote(version, reason)
    return f"{candidate.label} serves from now on. {reason}"
