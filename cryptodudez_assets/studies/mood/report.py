"""The study of mood as one page."""

from collections.abc import Iterable, Mapping

from cryptodudez_assets.reports import page as shared
from cryptodudez_assets.reports.sections import Section

TITLE = "Do prices follow the mood of posts?"
LEAD = "Daily sentiment of posts against returns of coins on the days before and after. Every sentence and plot is made from the tables."


def page(words: Iterable[Section], plots: Mapping[str, str]) -> str:
    """The whole page."""
    return shared.page(TITLE, LEAD, words, plots)
