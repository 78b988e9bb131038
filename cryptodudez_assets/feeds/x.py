"""Posts of X: what Elon Musk writes, or whatever users and searches are chosen. They are sold, so a day is asked for once."""

from collections.abc import Sequence
from datetime import date, timedelta

from cryptodudez_assets.feeds.declaration import Chosen, Feed
from cryptodudez_assets.venues.pages import Series
from cryptodudez_assets.venues.x.asking import Kind, Query
from cryptodudez_assets.venues.x.client import XClient

ELON_MUSK = "44196397"
QUERIES = [Query(Kind.TIMELINE, ELON_MUSK, with_users=True)]
SEARCHES = {"recent": Kind.RECENT, "search": Kind.ALL}


def series(chosen: Chosen) -> Sequence[Series]:
    """Timelines and searches that were chosen, or those above. Raises ValueError for what X would not take."""
    wanted = [Query(Kind.TIMELINE, user, with_users=True) for user in chosen.get("user") or ()]
    wanted += [Query(kind, words) for name, kind in SEARCHES.items() for words in chosen.get(name) or ()]
    return [query.series() for query in wanted or QUERIES]


FEED = Feed(
    name="x",
    venue="X",
    description="Posts of users and of searches, with how they are received when X is asked.",
    owner="team:social-data",
    source="x_posts",
    series=series,
    client=XClient,
    cron="20 1 * * *",
    covers=timedelta(days=7),
    choices={
        "user": "Number of an account whose posts are wanted, such as 44196397.",
        "recent": "Words to search the last seven days for, as X writes searches.",
        "search": "Words to search everything for, which not every account at X may.",
    },
    is_revised=False,  # each look is paid for; what is deleted is told by compliance, which is free
    costs="$0.005 a post, and $0.010 a day for the user of a timeline; paid for once a UTC day. Needs CRYPTODUDEZ_X_TOKEN, and "
    "CRYPTODUDEZ_X_DOLLARS_A_MONTH as the budget",
    first_day=date(2006, 3, 21),
)
