"""How a text sounds, by the words of a lexicon. A lexicon knows words, not irony, and this one was made for English."""

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer


def scores(text: str) -> dict[str, float]:
    """Shares of negative, neutral and positive words (`neg`, `neu`, `pos`), and all together from -1 to 1 (`compound`)."""
    found: dict[str, float] = _analyzer().polarity_scores(text)
    return found


@cache
def _analyzer() -> "SentimentIntensityAnalyzer":
    from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer  # reads its lexicon: only when it is needed

    return SentimentIntensityAnalyzer()
