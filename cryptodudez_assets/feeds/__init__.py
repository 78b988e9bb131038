"""Feeds: every module here that holds a `FEED` is one. Adding a file adds a feed.

Declarations only. Asking and landing is in `fetching/`, clients are in `venues/`.
"""

from functools import cache

from cryptodudez_assets.declarations import Declarations, LeftOut, declared_in, folders_of_own
from cryptodudez_assets.feeds.declaration import Feed, every, problem_of
from cryptodudez_assets.sources import all_sources

__all__ = ["Feed", "all_feeds", "every", "left_out_feeds"]

__path__ += folders_of_own("feeds")


@cache
def all_feeds() -> dict[str, Feed]:
    """Every declared feed by name, in alphabetical order. What cannot be taken is in `left_out_feeds`."""
    taken = [one.value for one in _look().taken]
    return {feed.name: feed for feed in sorted(taken, key=lambda feed: feed.name)}


def left_out_feeds() -> list[LeftOut]:
    """The files of feeds that are left out, each with its reason."""
    return sorted(_look().left_out)


def _look() -> Declarations[Feed]:
    sources = all_sources()

    def problem(feed: Feed) -> str | None:
        if told := problem_of(feed):
            return told
        return None if feed.source in sources else f"source={feed.source!r}: there is no such source now"

    found = declared_in(__name__, __path__, "FEED", "feed", Feed)
    found.keep(problem)
    found.leave_out_shared(lambda feed: [feed.name], "the feed")
    found.leave_out_shared(lambda feed: [feed.source], "a feed of the source")
    return found
