"""Skill or not: a few tests that must all be passed, and words with the numbers that they were decided by."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cryptodudez_assets.declared_models.signal import SignalOptions
from cryptodudez_assets.models.evaluation.timing import POWER, Gain
from cryptodudez_assets.models.findings import Placebo, Test, Verdict

LIMITS = (
    "This is about past days at closing prices with the costs that were assumed: one coin and one history, no slippage beyond "
    "the costs, and no promise of the future."
)


@dataclass(frozen=True)
class Evidence:
    """What the tests look at, of one recipe out of sample. Money is net of the judged cost, gains are mean daily log returns."""

    days: int
    log_loss: float
    base_log_loss: float
    unexplained: Gain
    """What buying and holding and momentum do not explain."""
    other_times: Gain
    """Over the same positions at other times."""
    boundary: float
    """Standard errors above zero that both must be: what luck never passes but for the false alarms of the options."""
    sharpe: float
    """Per year."""
    deflated_sharpe: float
    trials: int
    placebos: Sequence[Placebo] = ()
    """The same recipe with tweets that cannot help."""


def verdict(evidence: Evidence, options: SignalOptions) -> Verdict:
    """Skill if all tests are passed.

    Each of the two gains alone keeps the false alarms as rare as the options say, over all candidates and all looks; asking for both, and
    for what follows, makes them rarer still. So the tests of probabilities and of luck need no share of that error.
    """
    tests = [_probabilities(evidence), _money(evidence, options), _times(evidence), _luck(evidence, options)]
    failed = [test for test in tests if not test.passed]
    if failed:
        found = f"No skill: of {len(tests)} tests on {evidence.days:,} out-of-sample days, {len(failed)} failed."
        ends = "The signal is HODL until a model passes all of them."
    else:
        found = f"Skill: all {len(tests)} tests on {evidence.days:,} out-of-sample days were passed."
        ends = LIMITS
    return Verdict(
        skill=not failed,
        words=" ".join([found, *(test.words for test in failed or tests[1:2]), *_tweets(evidence), ends]),
        tests=tests,
    )


def _tweets(evidence: Evidence) -> Iterator[str]:
    if evidence.placebos:
        yield what_tweets_add(evidence.log_loss, evidence.placebos)


def what_tweets_add(log_loss: float, placebos: Sequence[Placebo]) -> str:
    """Whether a model that has skill has it from tweets, or could: no test, since it may have it from prices."""
    as_good = sum(one.log_loss <= log_loss for one in placebos)
    luck = f"if tweets said nothing, that would happen once in {len(placebos) + 1} times"
    told = "that tweets help cannot be told" if as_good else luck
    return f"With tweets of other days, {as_good or 'none'} of {len(placebos)} placebos foretell as well or better: {told}."


def _probabilities(evidence: Evidence) -> Test:
    gain = evidence.base_log_loss - evidence.log_loss
    return Test(
        name="probabilities better than base rates",
        passed=gain > 0,
        words=f"Its log loss is {evidence.log_loss:.4f} against {evidence.base_log_loss:.4f} of the base rates: a gain of "
        f"{gain:+.4f} (needed: above 0).",
    )


def _money(evidence: Evidence, options: SignalOptions) -> Test:
    return Test(
        name="net return that holding and momentum do not explain",
        passed=evidence.unexplained.deviations > evidence.boundary,
        words=f"At {options.judged_cost_bps:g} bps {_said(evidence.unexplained)} that no mix of buying and holding and of momentum "
        f"explains, {_needed(evidence.unexplained, evidence.boundary)}",
    )


def _times(evidence: Evidence) -> Test:
    return Test(
        name="better days than the same positions at other times",
        passed=evidence.other_times.deviations > evidence.boundary,
        words=f"Against the same positions begun on any other day {_said(evidence.other_times)}, "
        f"{_needed(evidence.other_times, evidence.boundary)}",
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


def _said(gain: Gain) -> str:
    return f"it {'loses' if gain.value < 0 else 'gains'} {100 * abs(gain.value):.3f} % a day"


def _needed(gain: Gain, boundary: float) -> str:
    """What was found in standard errors, and what so many days can show at all: a model with less may have skill, and fails."""
    return (
        f"{gain.deviations:+.2f} standard errors (needed: {boundary:.2f}). On so many days this test finds a gain of "
        f"{100 * gain.detectable(boundary):.3f} % a day or more with a probability of {POWER:.0%}, and less more seldom."
    )
