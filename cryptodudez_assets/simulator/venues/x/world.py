"""Who writes what and when at the simulated X, and which of it goes again. The seed decides; what is later than now is not there yet.

A day of an account is made when somebody asks for it, so that years of posts cost nothing before.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from random import Random
from typing import Any

from cryptodudez_assets.simulator.names import people
from cryptodudez_assets.simulator.phrases import pick_topic, say

SNOWFLAKE_EPOCH_MS = 1_288_834_974_657
SNOWFLAKE_BITS = 22
FIRST_DAY = date(2010, 12, 1)
ELON = 44196397
REASONS = ("deleted", "deleted", "deleted", "deactivated", "suspended", "protected")
GOES_WITHIN = timedelta(days=10)
GROWS = timedelta(hours=18)
"""In this time, half of all likes come."""


@dataclass(frozen=True)
class Account:
    """Who writes: with so many posts a day on average, and so many followers."""

    id: int
    username: str
    name: str
    posts_a_day: float
    followers: int


@dataclass(frozen=True)
class Written:
    """A post. `gone_at` and `reason`: when and why it goes, if it does. `likes`: what it comes to in the end."""

    id: int
    author: Account
    at: datetime
    text: str
    language: str
    answers: str | None
    reposts: str | None
    likes: int
    gone_at: datetime | None
    reason: str

    def fields(self, now: datetime) -> dict[str, Any]:
        """Everything that can be asked of it, as it is now."""
        age = (now - self.at) / GROWS
        likes = round(self.likes * age / (1 + age))
        referenced = [("replied_to", self.answers), ("retweeted", self.reposts)]
        references = [{"type": kind, "id": other} for kind, other in referenced if other]
        return {
            "id": str(self.id),
            "text": self.text,
            "edit_history_tweet_ids": [str(self.id)],
            "author_id": str(self.author.id),
            "conversation_id": self.answers or str(self.id),
            "created_at": iso(self.at),
            "in_reply_to_user_id": str(ELON) if self.answers else None,
            "lang": self.language,
            "public_metrics": {
                "retweet_count": likes // 9,
                "reply_count": likes // 14,
                "like_count": likes,
                "quote_count": likes // 70,
                "bookmark_count": likes // 60,
                "impression_count": likes * 41,
            },
            "referenced_tweets": references or None,
        }


class World:
    """All accounts and posts. `posts_a_day`: of each account. `deleted`: the share of posts that go within ten days."""

    def __init__(self, seed: int, accounts: int, posts_a_day: float, deleted: float) -> None:
        self._seed, self._deleted = seed, deleted
        random = Random(f"{seed}/accounts")
        names = people(random)[: accounts - 1]
        others = [
            Account(int(one["id"]), one["screen_name"], one["name"], posts_a_day, int(10 ** random.uniform(1.5, 6)))
            for one in names
        ]
        everybody = [Account(ELON, "elonmusk", "Elon Musk", posts_a_day, 239_000_000), *others]
        self.accounts = {str(one.id): one for one in everybody}
        self._removed: dict[str, tuple[datetime, str]] = {}
        self._day = lru_cache(maxsize=4096)(self._made)

    def delete(self, post: str, at: datetime, reason: str = "deleted") -> None:
        """Let a post go, whatever was to become of it."""
        self._removed[post] = (at, reason)

    def posts(self, accounts: Sequence[Account], since: datetime, until: datetime, now: datetime) -> Iterator[Written]:
        """What they wrote from `since` on and before `until`, and is there now; the newest first."""
        day, last = min(until, now).astimezone(UTC).date(), max(since.astimezone(UTC).date(), FIRST_DAY)
        while day >= last:
            written = [post for account in accounts for post in self._day(account, day)]
            for post in sorted(written, key=lambda one: -one.id):
                if since <= post.at < until and post.at <= now and self.gone(post, now) is None:
                    yield post
            day -= timedelta(days=1)

    def gone(self, post: Written, now: datetime) -> str | None:
        """Why a post is not there any more; None while it is."""
        at, reason = self._removed.get(str(post.id), (post.gone_at, post.reason))
        return reason if at is not None and at <= now else None

    def fate(self, post: str, now: datetime) -> tuple[datetime, str] | None:
        """When and why the post of this id went; None if it is there, or never was."""
        if post in self._removed:
            at, reason = self._removed[post]
            return (at, reason) if at <= now else None
        for account in self.accounts.values():
            for one in self._day(account, moment_of(int(post)).date()):
                if str(one.id) == post and one.gone_at and (told := self.gone(one, now)):
                    return one.gone_at, told
        return None

    def _made(self, account: Account, day: date) -> list[Written]:
        random = Random(f"{self._seed}/{account.id}/{day}")
        whole, rest = divmod(account.posts_a_day, 1)
        number = int(whole) + (random.random() < rest)
        begin = datetime(day.year, day.month, day.day, tzinfo=UTC)
        times = sorted(random.sample(range(86_400_000), number))
        return [self._written(account, begin + timedelta(milliseconds=at), random) for at in times]

    def _written(self, account: Account, at: datetime, random: Random) -> Written:
        topic = pick_topic(random, at.year)
        ticks = round(at.timestamp() * 1000) - SNOWFLAKE_EPOCH_MS
        post = ticks << SNOWFLAKE_BITS | random.randrange(1 << SNOWFLAKE_BITS)
        other = str(post - (random.randrange(1, 600_000) << SNOWFLAKE_BITS))
        kind = random.random()
        text = say(random, topic)
        gone = at + random.random() * GOES_WITHIN if random.random() < self._deleted else None
        return Written(
            id=post,
            author=account,
            at=at,
            text=f"RT @{random.choice([*self.accounts.values()]).username}: {text}" if kind > 0.9 else text,
            language=topic.language,
            answers=other if 0.6 < kind <= 0.9 else None,
            reposts=other if kind > 0.9 else None,
            likes=int(random.lognormvariate(2, 1.2) * account.followers**0.4),
            gone_at=gone,
            reason=random.choice(REASONS),
        )


def moment_of(post: int) -> datetime:
    """When the post of this id was written."""
    return datetime.fromtimestamp(((post >> SNOWFLAKE_BITS) + SNOWFLAKE_EPOCH_MS) / 1000, UTC)


def iso(moment: datetime) -> str:
    """As X writes times in answers."""
    return f"{moment.astimezone(UTC).isoformat(timespec='milliseconds').removesuffix('+00:00')}Z"


def of_account(account: Account, asked: datetime) -> dict[str, Any]:
    """Everything that can be asked of an account."""
    created = iso(datetime(2009, 6, 2, 20, 12, 29, tzinfo=UTC))
    counts = {"followers_count": account.followers, "following_count": 100 + account.id % 900}
    return {
        "id": str(account.id),
        "name": account.name,
        "username": account.username,
        "created_at": created,
        "verified": account.followers > 100_000,
        "public_metrics": {**counts, "tweet_count": (asked.date() - FIRST_DAY).days, "listed_count": 7},
    }
