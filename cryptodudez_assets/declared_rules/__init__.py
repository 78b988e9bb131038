"""Declared rules of notification: every module here that holds a `RULE` is one. Adding a file adds a rule.

Data only. The recorder looks after those of spreads, `defs/` and headless runs after the others; neither belongs here.
"""

from functools import cache
from typing import TypeVar

from cryptodudez_assets.declarations import Declarations, LeftOut, declared_in, folders_of_own
from cryptodudez_assets.declared_rules.declaration import Condition, Notify, SpreadOver, problem_of

C = TypeVar("C", bound=Condition)

__all__ = ["Notify", "all_rules", "declared_rules", "declared_thresholds", "left_out_rules", "rules_about"]

__path__ += folders_of_own("declared_rules")


@cache
def declared_rules() -> Declarations[Notify]:
    """What the files here declare, each with its place, and what of it is left out."""
    found = declared_in(__name__, __path__, "RULE", "rule", Notify)
    found.keep(problem_of)
    found.leave_out_shared(lambda rule: [rule.name], "the rule")
    return found


@cache
def all_rules() -> dict[str, Notify]:
    """Every declared rule by name, in alphabetical order. What cannot be taken is in `left_out_rules`."""
    taken = [one.value for one in declared_rules().taken]
    return {rule.name: rule for rule in sorted(taken, key=lambda rule: rule.name)}


def rules_about(kind: type[C]) -> list[tuple[Notify, C]]:
    """The rules with this kind of condition, each with the condition."""
    return [(rule, rule.when) for rule in all_rules().values() if isinstance(rule.when, kind)]


def declared_thresholds() -> list[float]:
    """The spreads, in percent, that any book's rule is about, the smallest first."""
    books = [spreads.books for _, spreads in rules_about(SpreadOver)]
    return sorted({one.over for of_rule in books for thresholds in of_rule.values() for one in thresholds})


def left_out_rules() -> list[LeftOut]:
    """The files of rules that are left out, each with its reason."""
    return sorted(declared_rules().left_out)
