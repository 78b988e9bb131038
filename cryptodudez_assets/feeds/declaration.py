"""What a feed declares: what is asked of a venue, by which client, how often, and which source its answers are files of.

Data and factories only: nothing here asks anybody, and nothing knows the lake. Assets, a schedule, a command and checks are made of it.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import product

from cryptodudez_assets.venues.pages import Access, Client, Series

NAME = re.compile(r"[a-z][a-z0-9_]*")
SOURCE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
OWNER = re.compile(r"team:[A-Za-z0-9_-]+|[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,7}")
CRON = re.compile(r"[\d*/,-]+( [\d*/,-]+){4}")
SUFFIX = re.compile(r"\.[a-z0-9]{1,10}")

Chosen = Mapping[str, Sequence[str]]
"""What somebody chose, by the names of a feed's choices. What is not chosen is as the feed declares it."""


@dataclass(frozen=True)
class Feed:
    """A venue that answers land from.

    `name`: of the command, the asset and the settings (`CRYPTODUDEZ_<NAME>_URL`, `…_TOKEN`, where there are such). `venue`: in words.
    `source`: in whose raw folder answers land, byte for byte. `series`: what is asked for; raises ValueError for what cannot be.
    `choices`: what people may choose of it, each with what it means. `client`: is made for each fetch, and asks.
    `cron`: when it is asked, in UTC, where the feed is on. `covers`: so far back it is asked for by default.
    `is_revised`: whether what the venue tells of recent days may change, so that they are asked again.
    `costs`: what an answer costs, in words. `first_day`: before it there is nothing to ask for. `suffix`: of the names of answers.
    """

    name: str
    venue: str
    description: str
    owner: str
    source: str
    series: Callable[[Chosen], Sequence[Series]]
    client: Callable[[Access], Client]
    cron: str
    covers: timedelta
    choices: Mapping[str, str] = field(default_factory=dict)
    is_revised: bool = True
    costs: str = "nothing"
    first_day: date = date(2010, 1, 1)
    suffix: str = ".json"


def every(**defaults: Sequence[str]) -> Callable[[Chosen], Sequence[Series]]:
    """Series for each combination of these, unless others are chosen; named by them, as `BTCUSDT-1d`."""

    def series(chosen: Chosen) -> Sequence[Series]:
        values = [tuple(chosen.get(name) or known) for name, known in defaults.items()]
        return [Series("-".join(one), dict(zip(defaults, one, strict=True))) for one in product(*values)]

    return series


def problem_of(feed: Feed) -> str | None:
    """Why a declaration cannot be taken; None if it can. Whatever it raises is a reason, too."""
    for name, expected in [
        ("name", NAME),
        ("source", SOURCE_NAME),
        ("owner", OWNER),
        ("cron", CRON),
        ("suffix", SUFFIX),
    ]:
        if not isinstance(told := getattr(feed, name), str) or not expected.fullmatch(told):
            return f"{name}={told!r}: {EXPECTED[name]}"
    if not feed.venue.strip() or not feed.description.strip():
        return "venue and description: expected a few words each"
    if not isinstance(feed.covers, timedelta) or feed.covers < timedelta(days=1):
        return f"covers={feed.covers!r}: expected a timedelta of a day or more"
    if not callable(feed.client):
        return f"client={feed.client!r}: expected a function that makes a client"
    if wrong := [name for name in feed.choices if not NAME.fullmatch(name)]:
        return f"choices={wrong!r}: expected names of small letters, digits and _, as they become options of a command"
    return _problem_with_series(feed.series({}))


def _problem_with_series(asked: Sequence[Series]) -> str | None:
    if not asked or not all(isinstance(one, Series) for one in asked):
        return f"series: expected a function that gives at least one Series, found {asked!r}"
    names = [one.name for one in asked]
    return f"series: two have one name among {names}" if len(set(names)) < len(names) else None


EXPECTED = {
    "name": "expected small letters, digits and _",
    "source": "expected the name of a source",
    "owner": "expected team:name or an e-mail address",
    "cron": "expected five fields such as 5 * * * *",
    "suffix": "expected such as .json",
}
