"""What can be asked of X for posts: timelines of users and searches, with their parameters, page sizes and limits.

Which of it is asked for, and when, is said by the feed; that a question cannot be asked is told here, in the words of who wrote it.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import NamedTuple, Self

from cryptodudez_assets.venues.pages import Series
from cryptodudez_assets.venues.x.protocol import POST_MICROS, USER_MICROS, time_text

POST_FIELDS = (
    "author_id",
    "conversation_id",
    "created_at",
    "entities",
    "in_reply_to_user_id",
    "lang",
    "public_metrics",
    "referenced_tweets",
)
USER_FIELDS = ("created_at", "public_metrics", "verified")
USER_ID = re.compile(r"[0-9]{1,19}")
TIMELINE_REACH = 3_200
"""So many of a user's posts a timeline reaches back."""
RECENT_REACH = timedelta(days=7)
"""So far a recent search reaches back."""


class Endpoint(NamedTuple):
    """How an endpoint is asked: its path, posts of a page, the longest query, requests in a window, and seconds between two."""

    name: str
    path: str
    least: int
    most: int
    longest: int
    limit: int
    token: str
    apart: float = 0.0


class Kind(Enum):
    """Where posts are asked for."""

    TIMELINE = Endpoint("timeline", "users/{}/tweets", 5, 100, 19, 10_000, "pagination_token")
    RECENT = Endpoint("recent", "tweets/search/recent", 10, 100, 512, 450, "next_token")
    ALL = Endpoint("all", "tweets/search/all", 10, 500, 1_024, 300, "next_token", apart=1.0)


@dataclass(frozen=True)
class Query:
    """Posts that are wanted.

    `asked`: the number of a user (`TIMELINE`), or a query in X's words: `RECENT` searches the last seven days, `ALL` everything.
    `with_users`: also who wrote them, with their followers, which is paid for: for a timeline once, for a search up to once a post.
    Raises ValueError for what X would not take.
    """

    kind: Kind
    asked: str
    with_users: bool = False

    def __post_init__(self) -> None:
        endpoint = self.kind.value
        if self.kind is Kind.TIMELINE and not USER_ID.fullmatch(self.asked):
            raise ValueError(f"{self.asked!r} is no user's number: expected digits, such as 44196397")
        if not 1 <= len(self.asked) <= endpoint.longest:
            raise ValueError(f"a query of {len(self.asked)} characters: X takes 1 to {endpoint.longest} here")

    @classmethod
    def of(cls, series: Series) -> Self:
        """The query that a series stands for, as `series` below writes it."""
        told = series.parameters
        return cls(Kind[told["kind"].upper()], told["asked"], told["users"] == "yes")

    def series(self, name: str = "") -> Series:
        """The series that stands for it. `name`: what its answers are called in the lake; by default made of what is asked."""
        users = "yes" if self.with_users else "no"
        return Series(name or self._name, {"kind": self.kind.value.name, "asked": self.asked, "users": users})

    @property
    def _name(self) -> str:
        """Of folders, so no two queries may have one."""
        words = "-".join(re.findall(r"[A-Za-z0-9]+", self.asked))[:60]
        told = hashlib.sha256(self.asked.encode()).hexdigest()[:8]
        return f"user-{self.asked}" if self.kind is Kind.TIMELINE else f"{self.kind.value.name}-{words}-{told}"

    @property
    def path(self) -> str:
        """Of the request, below the API's address."""
        return self.kind.value.path.format(self.asked)

    def worst(self, posts: int) -> "Worst":
        """What a page of so many posts costs at most."""
        users = 0 if not self.with_users else 1 if self.kind is Kind.TIMELINE else posts
        return Worst(posts, users)

    def parameters(self, since: datetime, until: datetime, token: str = "") -> Mapping[str, str]:
        """Of the request for a page of any size: posts from `since` on, before `until`; the next page by the token of the last one."""
        endpoint = self.kind.value
        told = {
            "start_time": time_text(since),
            "end_time": time_text(until),
            "tweet.fields": ",".join(POST_FIELDS),
        }
        if self.kind is not Kind.TIMELINE:
            told["query"] = self.asked
        if self.with_users:
            told |= {"expansions": "author_id", "user.fields": ",".join(USER_FIELDS)}
        return told | ({endpoint.token: token} if token else {})


class Worst(NamedTuple):
    """Posts and users that may have to be paid for."""

    posts: int
    users: int

    @property
    def micros(self) -> int:
        """What they cost, in millionths of a dollar."""
        return self.posts * POST_MICROS + self.users * USER_MICROS
