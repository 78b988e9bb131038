"""How a feed stands: when its venue last answered, and what of the days that it covers the lake does not have for good."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptodudez_assets.feeds.declaration import Feed
from cryptodudez_assets.fetching.landing import landed
from cryptodudez_assets.fetching.run import Stretch, missing, span_of
from cryptodudez_assets.lake.lake import Lake, now
from cryptodudez_assets.venues.pages import Span

SETTLING = timedelta(days=2)
"""What is not over for longer need not be there."""


@dataclass(frozen=True)
class Standing:
    """`answered_at`: when the venue last answered something that landed; None where it never did. `missing`: in days that are over."""

    answered_at: datetime | None
    missing: Sequence[Stretch]
    at: datetime

    @property
    def age(self) -> timedelta | None:
        """How long ago the last answer was."""
        return None if self.answered_at is None else self.at - self.answered_at


def standing_of(lake: Lake, feed: Feed) -> Standing:
    """The feed as it is declared, now."""
    series = feed.series({})
    told = [one.told_at for of_series in series for one in landed(lake, feed, of_series)]
    span, at = span_of(feed), now()
    over = Span(span.first, max(span.first, min(span.until, _midnight(at - SETTLING))))
    return Standing(max(told, default=None), missing(lake, feed, series, over, 0), at)


def _midnight(at: datetime) -> datetime:
    return at.replace(hour=0, minute=0, second=0, microsecond=0)
