"""Skill or not: a few tests that must all be passed, and words with the numbers that they were decided by."""

from dataclasses import dataclass

from cryptodudez_assets.declared_models.signal import CLASSES, SignalOptions
from cryptodudez_assets.models.evaluation.bootstrap import POWER, Resampled
from cryptodudez_assets.models.findings import Test, Verdict

LIMITS = (
    "This is about past days at closing prices with the costs that were assumed: one coin and one history, no slippage beyond "
    "the costs, and no promise of the future."
)


@dataclass(frozen=True)
class Evidence:
    """What the tests look at, of one recipe out of sample. Differences are paired by day; money is net of the judged cost."""

    days: int
    log_loss: float
    base_log_loss: float
    log_loss_gain: Resampled
    """Log loss of the base rates less the recipe's."""
    balanced_accuracy: Resampled
    over_persistence: Resampled
    """Balanced accuracy less that of persistence."""
    excess_return: Resampled
    """Mean daily log return less that of buy and hold."""
    sharpe: float
    """Per year."""
    deflated_sharpe: float
    trials: int


def verdict(evidence: Evidence, options: SignalOptions, candidates: int) -> Verdict:
    """Skill if all tests are passed.

    Each bootstrap bound may err with probability `level / candidates` (Bonferroni), for the best of the candidates is
    looked at. All tests must be passed, so that no further correction is needed for their number.
    """
    level = options.level / candidates
    tests = [
        _probabilities(evidence, level),
        _classes(evidence, level),
        _luck(evidence, options),
        _money(evidence, options, level),
    ]
    failed = [test for test in tests if not test.passed]
    if failed:
        found = f"No skill: of {len(tests)} tests on {evidence.days:,} out-of-sample days, {len(failed)} failed."
        ends = "The signal is HODL until a model passes all of them."
    else:
        found = f"Skill: all {len(tests)} tests on {evidence.days:,} out-of-sample days were passed."
        ends = LIMITS
    return Verdict(
        skill=not failed, words=" ".join([found, *(test.words for test in failed or tests), ends]), tests=tests
    )


def _probabilities(evidence: Evidence, level: float) -> Test:
    bound, least = evidence.log_loss_gain.lower_bound(level), evidence.log_loss_gain.detectable(level)
    return Test(
        name="probabilities better than base rates",
        passed=bound > 0,
        words=f"Its log loss is {evidence.log_loss:.4f} against {evidence.base_log_loss:.4f} of the base rates: a gain of "
        f"{evidence.log_loss_gain.value:+.4f}, {_at_least(level)} {bound:+.4f} (needed: above 0). {_found_from(f'a gain of {least:.4f}')}",
    )


def _classes(evidence: Evidence, level: float) -> Test:
    chance = 1 / len(CLASSES)
    bound, more = evidence.balanced_accuracy.lower_bound(level), evidence.over_persistence.lower_bound(level)
    return Test(
        name="classes better than chance and persistence",
        passed=bound > chance and more > 0,
        words=f"Its balanced accuracy is {evidence.balanced_accuracy.value:.3f}, {_at_least(level)} {bound:.3f} (needed: above "
        f"{chance:.3f}); that is {evidence.over_persistence.value:+.3f} from persistence, {_at_least(level)} {more:+.3f} "
        "(needed: above 0).",
    )


def _luck(evidence: Evidence, options: SignalOptions) -> Test:
    trials = f"{evidence.trials:,} trials" if evidence.trials != 1 else "one trial"
    needed = 1 - options.level
    return Test(
        name="Sharpe ratio above the luck of all trials",
        passed=evidence.deflated_sharpe >= needed,
        words=f"Its Sharpe ratio of {evidence.sharpe:.2f} a year at {options.judged_cost_bps:g} bps is above what the best of {trials} "
        f"shows by luck with a probability of {evidence.deflated_sharpe:.3f} (needed: {needed:.3f}).",
    )


def _money(evidence: Evidence, options: SignalOptions, level: float) -> Test:
    excess = evidence.excess_return
    more, bound, least = (100 * one for one in (excess.value, excess.lower_bound(level), excess.detectable(level)))
    return Test(
        name="net return above buy and hold",
        passed=bound > 0,
        words=f"At {options.judged_cost_bps:g} bps it earns {abs(more):.3f} % a day {'less' if more < 0 else 'more'} than buy and hold; "
        f"the difference is {_at_least(level)} {bound:+.3f} % (needed: above 0). {_found_from(f'{least:.3f} % a day')}",
    )


def _found_from(least: str) -> str:
    """What the days that there are can show at all: a model with less may have skill, and fails."""
    return f"On so many days this test finds {least} or more with a probability of {POWER:.0%}, and less more seldom."


def _at_least(level: float) -> str:
    return f"with {100 * (1 - level):.3g} % confidence at least"
