"""Which alerts a recorder looks after: of the declared rules those of its books, or thresholds that it is told.

When they fire is in `alerts.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from cryptodudez_assets.declared_rules import rules_about
from cryptodudez_assets.declared_rules.declaration import NoData, SpreadOver, Threshold
from cryptodudez_assets.notifications.event import Severity


@dataclass(frozen=True)
class SpreadRule:
    """A threshold of one book. `rule` and `book` name its incidents."""

    rule: str
    book: str
    threshold: Threshold
    severity: Severity = "warning"
    title: str = "Wide spread"

    @property
    def quiet_for(self) -> int:
        """Seconds without another start afterwards."""
        return self.threshold.quiet_for


@dataclass(frozen=True)
class NoDataRule:
    """After how many seconds without knowledge one book is told of."""

    rule: str
    book: str
    condition: NoData
    severity: Severity = "critical"
    title: str = "No data"
    quiet_for: int = 0


AlertRule = SpreadRule | NoDataRule


def rules_for(books: Sequence[str], thresholds: Sequence[float] = ()) -> list[AlertRule]:
    """The declared rules for these books. Where thresholds are given, they are the ones of every book, instead of the declared.

    A threshold that a declaration has keeps what is said there of duration, hysteresis and cool-down; another has those of the
    nearest declared one, to scale.
    """
    found: list[AlertRule] = []
    for rule, spreads in rules_about(SpreadOver):
        for book in books:
            declared = spreads.books.get(book, ())
            known = declared or next(iter(spreads.books.values()), ())
            chosen = [_like_declared(over, known) for over in thresholds] if thresholds else declared
            found += [
                SpreadRule(rule_name(rule.name, one.over), book, one, rule.severity, rule.title) for one in chosen
            ]
    for rule, no_data in rules_about(NoData):
        quiet_for = int(rule.quiet_for.total_seconds())
        found += [NoDataRule(rule.name, book, no_data, rule.severity, rule.title, quiet_for) for book in books]
    return found


def rule_name(name: str, over: float) -> str:
    """As `wide_spread_over_0.5`: what tells the incidents of several thresholds apart."""
    return f"{name}_over_{over:g}"


def _like_declared(over: float, declared: Sequence[Threshold]) -> Threshold:
    if not declared:
        return Threshold(over)
    near = min(declared, key=lambda one: abs(one.over - over))
    return Threshold(over, near.clears_below / near.over * over, near.for_seconds, near.quiet_for)
