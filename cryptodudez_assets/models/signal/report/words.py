"""The report in words. Every sentence is made from the findings, so that it changes with them."""

from collections.abc import Iterator

from cryptodudez_assets.models.evaluation.timing import POWER
from cryptodudez_assets.models.findings import Findings, Interval
from cryptodudez_assets.models.signal.report import tables
from cryptodudez_assets.models.signal.report.formats import day, estimate, gain, number, percent, span, spoken
from cryptodudez_assets.models.signal.verdict import what_tweets_add
from cryptodudez_assets.reports import sections as shared
from cryptodudez_assets.reports.sections import Check, Plot, Section


def sections(findings: Findings, coin: str) -> list[Section]:
    """The whole text, from the verdict to its limits."""
    checks = tuple(Check(one.name, one.passed, one.words) for one in findings.best.verdict.tests)
    return [
        Section(f"Verdict: {findings.best.verdict.label}", list(_verdict(findings)), checks=checks),
        Section("What is predicted, and when it is traded", list(_task(findings, coin)), plots=(_folds(findings),)),
        Section("Base rates", list(_base_rates(findings)), tables=(tables.labels(findings), tables.up_days(findings))),
        Section("Are the classes right?", list(_classes(findings)), tables=(tables.scores(findings),)),
        Section(
            "Are the probabilities right?",
            [_probabilities(findings)],
            plots=(_reliability(findings), _confusion(findings)),
        ),
        Section(
            "Money, after costs", list(_money(findings)), plots=(_equity(findings),), tables=tables.money(findings)
        ),
        Section("From probabilities to decisions", [_rules(findings)], tables=(tables.rules(findings),)),
        Section(
            "What could have been found",
            list(_power(findings)),
            plots=_power_plots(findings),
            tables=(tables.power(findings),),
        ),
        Section("Luck among trials", [_luck(findings), *_selection(findings)]),
        Section("What it stands on", list(_importances(findings)), tables=(tables.importances(findings),)),
        Section("Does it depend on the market?", [_regimes(findings)], tables=(tables.regimes(findings),)),
        Section("Placebos", [_placebos(findings)], tables=(tables.placebos(findings),)),
        Section("What cannot be concluded", list(_limits(findings, coin))),
    ]


def markdown(findings: Findings, coin: str) -> str:
    """The words for the Dagster UI."""
    return shared.markdown(sections(findings, coin))


def _verdict(findings: Findings) -> Iterator[str]:
    best = findings.best
    yield best.verdict.words
    passed = sum(one.passed for one in best.verdict.tests)
    others = len(findings.candidates) - 1
    yield (
        f"This is about {spoken(best.name)}, chosen among {len(findings.candidates)} candidates"
        f"{'' if others else ' (there was no other)'}. Tests passed: {passed} of {len(best.verdict.tests)}; skill asks for all of them."
    )


def _task(findings: Findings, coin: str) -> Iterator[str]:
    options = findings.options
    width, horizon = f"{options['barrier_width']:g}", span(options["horizon_days"])
    yield (
        f"At the close of each UTC day: which comes first within {horizon}, a rise or a fall of the {coin} price by {width} "
        "deviations of its return over that time (as known on the day)? A rise is labelled BUY, a fall SELL, neither HODL."
    )
    yield (
        "How probabilities become a decision is told below. It is traded at the open that follows the close, or a day later where the "
        "tables say so. BUY is long, SELL is out of the market, HODL keeps what there is; it starts in cash."
    )
    gap = options["horizon_days"] + options["embargo_days"]
    yield (
        f"Days from {day(findings.first_day)} to {day(findings.last_day)} (n = {findings.n_days:,}) with "
        f"{len(findings.features)} features. Each of {findings.n_folds} models, fitted from nothing, is tried on days that follow those it "
        f"learned from. Between both, {span(gap)} are left out: {options['horizon_days']} because their labels reach into the test "
        f"(purge), {options['embargo_days']} to be sure (embargo). All scores below are of days from {day(findings.out_of_sample_from)} on."
    )


def _base_rates(findings: Findings) -> Iterator[str]:
    name, share = max(findings.label_shares.items(), key=lambda one: one[1])
    yield (
        f"Whoever says {name} every day is right on {percent(share)} of the days. An accuracy equal to the base rate is no skill, "
        "however high it looks."
    )
    if findings.up_days:
        told = "; ".join(f"{percent(one.share)} in {one.period} (n = {one.n:,})" for one in findings.up_days)
        yield f"The same holds for “up or down”: the price rose on {told}. Who forecasts up every day scores just that."


def _classes(findings: Findings) -> Iterator[str]:
    best, guess = findings.best, 1 / len(findings.classes)
    if best.scores is None:
        return
    interval = best.intervals.get("balanced_accuracy")
    yield (
        f"Balanced accuracy is the mean share of each class that was found: guessing gives {number(guess)}. "
        f"{spoken(best.name).capitalize()} reaches {estimate(best.scores.balanced_accuracy, interval)} on "
        f"n = {best.scores.n:,} days{_beside(interval, guess)}."
    )
    yield (
        "MCC is 0 without skill and 1 at best. Brier (0 to 2) and log loss punish probabilities that are wrong: the lower, the better. "
        "Intervals are by bootstrap of blocks of days, for labels overlap. Below the candidates stand the baselines that say probabilities."
    )


def _beside(interval: Interval | None, level: float) -> str:
    """Where the interval lies."""
    if interval is None:
        return ""
    if interval.low > level:
        return ", and its interval lies above that"
    return ", and its interval lies below that" if interval.high < level else ", and its interval includes that"


def _probabilities(findings: Findings) -> str:
    n = f"n = {findings.best.scores.n:,} days" if findings.best.scores else "all days"
    return (
        "Of the days that are given a probability of 40 %, 40 % should turn out so: dots on the dotted line. Dots along the dashed "
        f"line, the base rate, know nothing about the day. The larger a dot, the more days ({n} in each plot)."
    )


def _money(findings: Findings) -> Iterator[str]:
    best, cost = findings.best, findings.options["judged_cost_bps"]
    judged = best.backtest(cost)
    n = f" (n = {best.scores.n:,} days)" if best.scores else ""
    yield (
        f"Followed at {cost:g} basis points (hundredths of a percent) for each change of position, {spoken(best.name)} turns 1 into "
        f"{number(1 + judged.total_return, 2)}{n}: {gain(judged.annual_return)} a year at a volatility of "
        f"{percent(judged.annual_volatility, 0)}, a Sharpe ratio of {estimate(judged.sharpe, best.intervals.get('sharpe'), 2)}, a "
        f"largest fall of {percent(-judged.max_drawdown, 0)}. It is in the market on {percent(judged.exposure, 0)} of the days and "
        f"changes its position {number(judged.turnover, 0)} times a year."
    )
    if excess := best.intervals.get("excess_return"):
        low, high = gain(excess.low, 3), gain(excess.high, 3)
        yield (
            f"Against buying and holding it earns {gain(excess.value, 3)} a day [{low}, {high}]"
            f"{_beside(excess, 0).replace('that', 'zero')}."
        )
    yield "The tables show candidates, then baselines, by the cost of each change; “+1 d” trades a day later."


def _rules(findings: Findings) -> str:
    best = findings.best
    if not best.rules:
        return "The most probable class decides."
    taken = " and ".join(f"“{one.name}” for {one.folds}" for one in best.rules if one.folds)
    return (
        "The most probable class would be HODL on most days, whatever a model knows: so rules are compared. The lift is how much more "
        "likely than usual a rise is said to be, against a fall; it is measured in its own deviations. Each fold takes the rule that "
        "gained most on the days before it, less a standard error and after costs, against a constant position as large; where none "
        f"gained, nothing is traded. Of {findings.n_folds} folds, {taken} was taken. The table says what each rule alone would have "
        "earned: it is shown, not chosen by."
    )


def _power(findings: Findings) -> Iterator[str]:
    if not findings.power:
        yield "That was not asked."
        return
    of, sure = findings.power[0].of, next((one for one in findings.power if one.found >= POWER * one.of), None)
    found = (
        f"From a Sharpe ratio of {number(sure.sharpe, 1)} on, the tests find at least {percent(POWER, 0)} of them"
        if sure
        else f"The tests find fewer than {percent(POWER, 0)} of even the strongest"
    )
    yield (
        f"On the very days that were judged, {of} signals of each strength were planted on the coin's own returns and followed as if they "
        f"were known, at {findings.options['judged_cost_bps']:g} bps. {found}. A model has to learn its signal first, and finds less."
    )
    yield (
        f"The bound is high so that luck passes it in {percent(findings.options['false_alarm'])} of histories at most, over all candidates "
        "and however often somebody looks: it is meant for daily looks, and grows with the record."
    )


def _power_plots(findings: Findings) -> tuple[Plot, ...]:
    told = "; ".join(f"at a Sharpe ratio of {number(one.sharpe, 2)}, {one.found} of {one.of}" for one in findings.power)
    return (
        (Plot("power", f"Share of planted signals that are found, by what following them earns: {told}."),)
        if told
        else ()
    )


def _luck(findings: Findings) -> str:
    best = findings.best
    trials = f"{best.trials:,} configurations have" if best.trials != 1 else "One configuration has"
    return (
        f"{trials} been tried so far, by the ledger to which every training adds. The best of many looks good by luck alone; the deflated "
        f"Sharpe ratio is the probability that the chosen one is above that. It is {percent(best.deflated_sharpe)}, where "
        f"{tables.level(findings)} would be convincing."
    )


def _selection(findings: Findings) -> Iterator[str]:
    if one := findings.selection:
        yield (
            f"Counting all {one.ways} ways to trade of this run (each recipe with each rule) together: a best gain over buying and "
            f"holding as large as theirs has a probability of {percent(one.superior)} if none had any (Hansen's test of superior "
            "predictive ability). Whoever chooses the best of them on half of the days has one that is no better than the median on the "
            f"other half in {percent(one.overfitting)} of 252 halvings (probability of backtest overfitting; 50 % is drawing lots)."
        )


def _importances(findings: Findings) -> Iterator[str]:
    if not findings.importances:
        yield "That was not asked."
        return
    some = [one for one in findings.importances if one.added > one.spread > 0]
    yield (
        "How much log loss is added where one feature's values begin at another day of the test, in the mean of the folds and with the "
        f"deviation between them. Of {len(findings.importances)} features, {len(some) or 'none'} add more than that deviation; one "
        "that another can stand in for adds little alone."
    )


def _regimes(findings: Findings) -> str:
    regimes = findings.best.regimes
    if not regimes:
        return "No regimes were told apart."
    ahead = sum(one.net_return > one.buy_and_hold for one in regimes)
    return (
        f"In {ahead} of {len(regimes)} regimes the decisions earn more than holding. A model that is mostly out of the market wins "
        "whenever it falls and loses whenever it rises, without any skill. Returns are net of the judged cost, and not per year."
    )


def _placebos(findings: Findings) -> str:
    if not findings.placebos or findings.best.scores is None:
        return "No placebos were tried."
    return (
        "The same recipe with tweets that cannot help: shuffled over the days, or moved in time, by log loss. "
        f"{what_tweets_add(findings.best.scores.log_loss, findings.placebos)}"
    )


def _limits(findings: Findings, coin: str) -> Iterator[str]:
    horizon = findings.options["horizon_days"]
    n = findings.best.scores.n if findings.best.scores else findings.n_days
    yield (
        f"One asset, one market, one history, and one that survived: {coin} is studied because it rose. Labels look {span(horizon)} "
        f"ahead and overlap, so that n = {n:,} days are worth about {n // horizon:,} separate ones{_separate(findings)}."
    )
    yield (
        "Means over coins (market return, breadth, factors) are of the coins that had a candle on the day. An archive that was collected "
        "at the end lacks those that died before, and its past looks better than it was; by how much cannot be told from it."
    )
    yield (
        "The tweets are those of one person. What was deleted before it was collected is missing, and whoever chose this person knew what "
        "had happened."
    )
    yield (
        "Costs are a flat share of what is traded: no slippage, no market impact, no outage of an exchange, no taxes. Fills are at the "
        "daily price. Nothing is sold short or borrowed: SELL is out of the market, so that the best that a falling market offers is zero. "
        "HODL keeps the position, so that one BUY can be held for long."
    )
    yield (
        "The ledger counts what this platform tried, not what people tried elsewhere before they chose the features. A past without skill "
        "or with it is no promise of the future."
    )


def _separate(findings: Findings) -> str:
    if findings.separate_labels is None:
        return ""
    return (
        f" (all {findings.n_days:,} about {findings.separate_labels:,.0f}, counted until a barrier is touched: the "
        "linear recipe learns from each as far as it is its own)"
    )


def _folds(findings: Findings) -> Plot:
    gap = findings.options["horizon_days"] + findings.options["embargo_days"]
    return Plot(
        "folds",
        f"Timeline of {findings.n_folds} folds: each learns from all days since {findings.first_day:%B %Y}, leaves out {gap} days and "
        "is tried on the next period.",
    )


def _reliability(findings: Findings) -> Plot:
    told = "; ".join(
        f"{name}: " + ", ".join(f"said {percent(bin_.said, 0)}, happened {percent(bin_.happened, 0)}" for bin_ in bins)
        for name, bins in findings.best.reliability.items()
    )
    return Plot("reliability", f"Reliability curves. {told}.")


def _confusion(findings: Findings) -> Plot:
    counts = findings.best.scores.confusion if findings.best.scores else []
    told = "; ".join(
        f"when {name} happened, "
        + ", ".join(f"{said} was said {n} times" for said, n in zip(findings.classes, row, strict=True))
        for name, row in zip(findings.classes, counts, strict=False)
    )
    return Plot("confusion", f"Confusion matrix: {told}.")


def _equity(findings: Findings) -> Plot:
    judged = findings.best.backtest(findings.options["judged_cost_bps"])
    return Plot(
        "equity",
        f"Value of 1 over time on a logarithmic scale, with the fall from the peak below. {spoken(findings.chosen).capitalize()} ends at "
        f"{number(1 + judged.total_return, 2)}; its largest fall is {percent(-judged.max_drawdown, 0)}.",
    )
