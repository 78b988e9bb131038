"""The rules of promotion, one by one."""

import pytest

from cryptodudez_assets.models.findings import Findings, Interval
from cryptodudez_assets.models.manifest import Manifest
from cryptodudez_assets.models.promotion import BASE_RATES, PromotionDecision, decide_promotion
from cryptodudez_assets_tests import findings_builder
from cryptodudez_assets_tests.model_builders import fitted_toy, toy_draft

BETTER, NOISE = Interval(value=0.02, low=0.005, high=0.04), Interval(value=0.02, low=0.0, high=0.05)


def champion(recipe: str, parameters: dict[str, object] | None = None) -> Manifest:
    draft = toy_draft(fitted_toy(), recipe=recipe, parameters=parameters or {})
    return Manifest(**dict(draft), name="eth_signal", version=3, created_at=findings_builder.LAST, files={})


@pytest.fixture
def skilled() -> Findings:
    return findings_builder.findings(True)


def test_without_a_champion_base_rates_are_promoted(skilled: Findings):
    first = decide_promotion(skilled.model_copy(update={"chosen": BASE_RATES}), None, None, None)
    assert first == PromotionDecision(True, "There was no model; base rates claim nothing.")
    decision = decide_promotion(skilled, None, None, None)
    told = f"{skilled.chosen} is not promoted: without a champion only {BASE_RATES} are."
    assert decision == PromotionDecision(False, told)


@pytest.mark.parametrize("recipe", [BASE_RATES, findings_builder.CHOSEN, findings_builder.OTHER])
def test_without_skill_nothing_is_promoted(recipe: str):
    unskilled = findings_builder.findings(False)
    decision = decide_promotion(unskilled, champion(recipe, unskilled.best.parameters), None, BETTER)
    assert decision.promote is False
    assert unskilled.best.verdict.words in decision.reason


def test_skill_is_better_than_base_rates(skilled: Findings):
    assert decide_promotion(skilled, champion(BASE_RATES), None, None).promote


def test_the_same_on_more_data_is_promoted(skilled: Findings):
    tuples = {"widths": (1, 2)}
    candidates = [one.model_copy(update={"parameters": tuples}) for one in skilled.candidates]
    found = skilled.model_copy(update={"candidates": candidates})
    decision = decide_promotion(found, champion(skilled.chosen, {"widths": [1, 2]}), None, None)
    assert decision.promote
    assert "on more data" in decision.reason


@pytest.mark.parametrize(
    "other", [champion(findings_builder.OTHER), champion(findings_builder.CHOSEN, {"learning_rate": 1.0})]
)
@pytest.mark.parametrize(("comparison", "expected"), [(BETTER, True), (NOISE, False), (None, False)])
def test_another_recipe_must_win_by_more_than_noise(
    skilled: Findings, other: Manifest, comparison: Interval | None, expected: bool
):
    decision = decide_promotion(skilled, other, skilled.candidates[0], comparison)
    assert decision.promote is expected
    assert other.label in decision.reason
