"""Whether a trained model may replace the one that serves."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from cryptodudez_assets.models.findings import Findings, Interval, Judgement
from cryptodudez_assets.models.manifest import Manifest

BASE_RATES = "base_rates"
"""Recipe that says how often each class happened, whatever the day: what is served while nothing has skill."""


@dataclass(frozen=True)
class PromotionDecision:
    """What was decided, and why, for the history of promotions or the log of the training."""

    promote: bool
    reason: str


def decide_promotion(
    findings: Findings,
    champion: Manifest | None,
    champion_judgement: Judgement | None,
    comparison: Interval | None,
) -> PromotionDecision:
    """Decide about the chosen recipe of `findings`.

    `champion_judgement` is the champion's recipe on the same folds. `comparison` is by how much the champion's log loss
    exceeds the candidate's on the same days (paired block bootstrap; positive: the candidate is better). The rules:

    1. Without a champion only base rates are promoted: they claim nothing. The trainer registers them first.
    2. A candidate without skill is not promoted.
    3. Against base rates skill is enough: it means to be better than they are.
    4. The champion's recipe and parameters again are a refresh on more data: skill is enough.
    5. Any other candidate must beat the champion by more than noise: the interval of `comparison` lies above 0.
    """
    if champion is None:
        return _first(findings.chosen)
    best = findings.best
    if not best.verdict.skill:
        return PromotionDecision(False, f"{best.name} is not promoted: {best.verdict.words}")
    if champion.recipe == BASE_RATES:
        return PromotionDecision(True, f"{best.name} replaces the base rates: {best.verdict.words}")
    if is_recipe_of(champion, best.name, best.parameters):
        return PromotionDecision(True, f"{best.name} as before, on more data: {best.verdict.words}")
    return _contest(best, champion, champion_judgement, comparison)


def _first(recipe: str) -> PromotionDecision:
    if recipe == BASE_RATES:
        return PromotionDecision(True, "There was no model; base rates claim nothing.")
    return PromotionDecision(False, f"{recipe} is not promoted: without a champion only {BASE_RATES} are.")


def _contest(
    best: Judgement, champion: Manifest, judgement: Judgement | None, comparison: Interval | None
) -> PromotionDecision:
    if comparison is None:
        return PromotionDecision(False, f"{best.name} is not promoted: it was not compared with {champion.label}.")
    words = f"its log loss is lower by {comparison.value:.4f} ({comparison.low:.4f} to {comparison.high:.4f})"
    if best.scores and judgement and judgement.scores:
        words += f", {best.scores.log_loss:.4f} against {judgement.scores.log_loss:.4f}"
    if comparison.low > 0:
        return PromotionDecision(True, f"{best.name} beats {champion.label} ({champion.recipe}): {words}.")
    return PromotionDecision(
        False, f"{best.name} is not promoted: against {champion.label} ({champion.recipe}) {words}, which may be noise."
    )


def is_recipe_of(manifest: Manifest, name: str, parameters: Mapping[str, object]) -> bool:
    """Whether a version was made by this recipe."""
    # A manifest was JSON once, what was just found was not: a tuple there is a list here.
    told = [json.dumps(one, sort_keys=True) for one in (manifest.parameters, dict(parameters))]
    return manifest.recipe == name and told[0] == told[1]
