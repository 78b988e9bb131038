"""Which version of the signal serves: the rules of `promotion`, applied to what is in the registry."""

from cryptodudez_assets.models.eth_signal.training import FINDINGS
from cryptodudez_assets.models.findings import Findings, Judgement
from cryptodudez_assets.models.manifest import Manifest
from cryptodudez_assets.models.promotion import BASE_RATES, PromotionDecision, decide_promotion, is_recipe_of
from cryptodudez_assets.models.registry import Registry


def newest_candidate(registry: Registry) -> Manifest | None:
    """The version that the latest training run registered, unless it is the champion or older."""
    versions = registry.versions()
    newest = versions[-1] if versions else None
    return registry.manifest(newest) if newest and registry.stage(newest) == "candidate" else None


def decide(registry: Registry, candidate: Manifest) -> PromotionDecision:
    """Whether the candidate may serve, and why (not). Both were judged on the same days of the same run."""
    findings = findings_of(registry, candidate)
    champion = registry.champion()
    judgement = _judgement_of(findings, champion)
    comparison = judgement.intervals["log_loss_over_chosen"] if judgement else None
    return decide_promotion(findings, champion, judgement, comparison)


def settle(registry: Registry) -> str:
    """Promote what may be promoted, write down what the latest run says about the champion; returns what was done, in words.

    Before the first promotion the base rates become champion: something honest to serve until a model has shown skill.
    """
    if registry.champion() is None:
        first = next((one for one in map(registry.manifest, registry.versions()) if one.recipe == BASE_RATES), None)
        if first:
            registry.promote(first.version, "The base rates serve until a model has shown skill.")
    candidate = newest_candidate(registry)
    if candidate is None:
        return "There is no candidate that has not been decided about."
    decision = decide(registry, candidate)
    if decision.promote:
        registry.promote(candidate.version, decision.reason)
        return f"{candidate.label} serves from now on. {decision.reason}"
    _review(registry, candidate)
    champion = registry.champion()
    return f"{champion.label if champion else 'Nothing'} stays. {decision.reason}"


def findings_of(registry: Registry, version: Manifest) -> Findings:
    """What the run that registered a version found out."""
    return Findings.model_validate_json(registry.read(version.version, FINDINGS))


def _review(registry: Registry, candidate: Manifest) -> None:
    champion = registry.champion()
    judgement = _judgement_of(findings_of(registry, candidate), champion)
    if champion and judgement and judgement.verdict != registry.verdict(champion.version):
        registry.review(champion.version, judgement.verdict)


def _judgement_of(findings: Findings, champion: Manifest | None) -> Judgement | None:
    """What the run found about the champion's recipe, if it tried it."""
    judged = [*findings.candidates, *findings.champions]
    return next((one for one in judged if champion and is_recipe_of(champion, one.name, one.parameters)), None)
