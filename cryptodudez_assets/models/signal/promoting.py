"""Which version of the signal serves: the rules of `promotion`, applied to what is in the registry."""

from cryptodudez_assets.models.findings import Findings, Judgement, Verdict
from cryptodudez_assets.models.manifest import Manifest
from cryptodudez_assets.models.promotion import BASE_RATES, PromotionDecision, decide_promotion, is_recipe_of
from cryptodudez_assets.models.registry import Registry
from cryptodudez_assets.models.signal.training import FINDINGS


def newest_candidate(registry: Registry) -> Manifest | None:
    """The version that the latest training run registered, unless it is the champion or older."""
    versions = registry.versions()
    newest = versions[-1] if versions else None
    return registry.manifest(newest) if newest and registry.stage(newest) == "candidate" else None


def decide(registry: Registry, candidate: Manifest) -> PromotionDecision:
    """Whether the candidate may serve, and why (not). Both were judged on the same days of the same run."""
    findings, champion = findings_of(registry, candidate), _champion_to_be(registry)
    judgement = _judgement_of(findings, champion)
    comparison = judgement.intervals["log_loss_over_chosen"] if judgement else None
    return decide_promotion(findings, champion, judgement, comparison)


def promote_if_better(registry: Registry) -> str:
    """Promote what may be promoted, write down what the latest run says about the champion; returns what was done, in words.

    Before the first promotion the base rates become champion: something honest to serve until a model has shown skill.
    """
    done = _promote_if_better(registry)
    if versions := registry.versions():
        registry.note_settled(versions[-1])
    return done


def _promote_if_better(registry: Registry) -> str:
    champion = _champion_to_be(registry)
    if champion and registry.champion() is None:
        registry.promote(champion.version, "The base rates serve until a model has shown skill.")
    candidate = newest_candidate(registry)
    if candidate is None:
        return "There is no candidate that has not been decided about."
    decision = decide(registry, candidate)
    if decision.promote:
        registry.promote(candidate.version, decision.reason)
        return f"{candidate.label} serves from now on. {decision.reason}"
    if champion is not None:
        _review(registry, champion, candidate)
    return f"{champion.label if champion else 'Nothing'} stays. {decision.reason}"


def findings_of(registry: Registry, version: Manifest) -> Findings:
    """What the run that registered a version found out."""
    return Findings.model_validate_json(registry.read(version.version, FINDINGS))


def _champion_to_be(registry: Registry) -> Manifest | None:
    """The champion; before there is one the base rates, which every first run registers."""
    first = (one for one in map(registry.manifest, registry.versions()) if one.recipe == BASE_RATES)
    return registry.champion() or next(first, None)


def _review(registry: Registry, champion: Manifest, candidate: Manifest) -> None:
    """Keep the champion's verdict up to date: it may have lost its skill, or nothing better may have been found."""
    findings = findings_of(registry, candidate)
    judgement = _judgement_of(findings, champion)
    verdict = (
        _none_better(candidate, findings.best) if champion.recipe == BASE_RATES else judgement and judgement.verdict
    )
    if verdict and verdict != registry.verdict(champion.version):
        registry.review(champion.version, verdict)


def _none_better(candidate: Manifest, best: Judgement) -> Verdict:
    failed = [test.name for test in best.verdict.tests if not test.passed]
    words = (
        f"No model has shown skill. The best candidate ({candidate.label}, {best.name}) failed {len(failed)} of "
        f"{len(best.verdict.tests)} tests: {'; '.join(failed)}. Until one passes all of them the signal is HODL, and the "
        "probabilities are how often each class occurred."
    )
    return Verdict(skill=False, words=words, tests=best.verdict.tests)


def _judgement_of(findings: Findings, champion: Manifest | None) -> Judgement | None:
    """What the run found about the champion's recipe, if it tried it."""
    judged = [*findings.candidates, *findings.champions]
    return next((one for one in judged if champion and is_recipe_of(champion, one.name, one.parameters)), None)
