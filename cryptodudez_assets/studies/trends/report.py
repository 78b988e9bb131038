"""The study of trends as one page, and the few numbers that say most."""

from collections.abc import Iterable, Mapping

from cryptodudez_assets.reports import page as shared
from cryptodudez_assets.reports.sections import Section
from cryptodudez_assets.studies.trends.study import LEADING, TWEETS, TrendsFound, candidates, held_up

TITLE = "More trends?"
LEAD = "Everything that is tweeted against everything that is priced, days before and after. Sentences and plots are made from the tables."


def page(words: Iterable[Section], plots: Mapping[str, str]) -> str:
    """The whole page."""
    return shared.page(TITLE, LEAD, words, plots)


def key_numbers(found: TrendsFound) -> dict[str, float | int | str]:
    """For the history of the asset in the UI."""
    told: dict[str, float | int | str] = {}
    for family in (TWEETS, LEADING):
        tests = found.of(family)
        told |= {
            f"{family}_tests": len(tests),
            f"{family}_p_below_0.01": int((tests["p"] < 0.01).sum()),
            f"{family}_candidates": len(candidates(tests)),
            f"{family}_held_up": len(held_up(tests)),
        }
    return told
