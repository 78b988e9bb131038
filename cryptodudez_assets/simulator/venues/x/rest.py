"""What the simulated X answers to questions: timelines, searches, accounts, usage. Who may ask how often, and faults, are in `app.py`."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice, takewhile
from typing import Any

from cryptodudez_assets.simulator.venues.x.accounts import Bill
from cryptodudez_assets.simulator.venues.x.search import Unsearchable, authors, matcher
from cryptodudez_assets.simulator.venues.x.world import FIRST_DAY, World, Written, of_account
from cryptodudez_assets.venues.x import answers
from cryptodudez_assets.venues.x.asking import TIMELINE_REACH, Kind

RECENT = timedelta(days=7)
NOT_BEFORE = timedelta(seconds=10)
"""Posts are found so long after they were written: `end_time` has to lie that far back."""
DEFAULT_PAGE = 10


@dataclass(frozen=True)
class Told:
    """Status and body, and what was read for it."""

    status: int
    body: bytes
    posts: Sequence[str] = ()
    users: Sequence[str] = ()


class Refusal(Exception):
    """A request that cannot be answered: status 400."""

    def __init__(self, parameter: str, value: str, message: str) -> None:
        super().__init__(message)
        self.body = answers.invalid(parameter, value, message)


@dataclass(frozen=True)
class Asked:
    """What a request for posts says, read."""

    since: datetime
    until: datetime
    number: int
    below: int | None
    post_fields: Sequence[str] = field(default_factory=list)
    user_fields: Sequence[str] = field(default_factory=list)
    with_users: bool = False


class Rest:
    """Answers of one account at X."""

    def __init__(self, world: World, bill: Bill) -> None:
        self._world, self._bill = world, bill

    def timeline(self, user: str, query: Mapping[str, str], now: datetime, *, partial: bool = False) -> Told:
        """Posts of a user, of the most recent 3,200."""
        account = self._world.accounts.get(user)
        if account is None:
            return Told(200, answers.ENCODE({"errors": [answers.not_found("user", "id", user)]}))
        begin = datetime(FIRST_DAY.year, FIRST_DAY.month, FIRST_DAY.day, tzinfo=UTC)
        try:
            asked = _read(Kind.TIMELINE, query, begin, now)
        except Refusal as refusal:
            return Told(400, refusal.body)
        reach = islice(self._world.posts([account], begin, now, now), TIMELINE_REACH)
        return self._page(Kind.TIMELINE, reach, query, asked, now, partial)

    def search(self, kind: Kind, query: Mapping[str, str], now: datetime, *, partial: bool = False) -> Told:
        """Posts that match."""
        try:
            wanted = query.get("query", "")
            if not 1 <= len(wanted) <= kind.value.longest:
                raise Refusal(
                    "query", wanted, f"The `query` query parameter must have 1 to {kind.value.longest} characters"
                )
            earliest = now - RECENT if kind is Kind.RECENT else now - timedelta(days=30)
            asked = _read(kind, query, earliest, now)
            if kind is Kind.RECENT and asked.since < now - RECENT - timedelta(minutes=1):
                message = "Invalid 'start_time'. 'start_time' must be on or after 7 days ago"
                raise Refusal("start_time", query.get("start_time", ""), message)
            matches = matcher(wanted)
        except Refusal as refusal:
            return Told(400, refusal.body)
        except Unsearchable as error:
            return Told(400, answers.invalid("query", query["query"], str(error)))
        named = authors(wanted, {one.username for one in self._world.accounts.values()})
        accounts = [one for one in self._world.accounts.values() if one.username in named]
        written = self._world.posts(accounts, asked.since, asked.until, now)
        return self._page(kind, filter(matches, written), query, asked, now, partial)

    def account(self, username: str, query: Mapping[str, str], now: datetime) -> Told:
        """A user by name."""
        for one in self._world.accounts.values():
            if one.username.lower() == username.lower():
                wanted = query.get("user.fields", "").split(",")
                told = answers.chosen(of_account(one, now), wanted, answers.ALWAYS_OF_USER)
                return Told(200, answers.data(told), users=[str(one.id)])
        return Told(200, answers.ENCODE({"errors": [answers.not_found("user", "username", username)]}))

    def usage(self, query: Mapping[str, str], now: datetime) -> Told:
        """Posts that were read, of the month and day by day."""
        days = query.get("days", "7")
        if not days.isdecimal() or not 1 <= int(days) <= 90:
            return Told(
                400, answers.invalid("days", days, f"The `days` query parameter value [{days}] is not between 1 and 90")
            )
        told: dict[str, Any] = {
            "cap_reset_day": 1,
            "project_cap": str(self._bill.cap),
            "project_id": "1369785403853424",
            "project_usage": str(self._bill.in_month(now.timestamp())),
        }
        if "daily_project_usage" in query.get("usage.fields", ""):
            first = f"{now - timedelta(days=int(days) - 1):%Y-%m-%d}"
            usage = [
                {"date": f"{day}T00:00:00.000Z", "usage": str(number)}
                for day, number in sorted(self._bill.posts_by_day.items())
                if day >= first
            ]
            told["daily_project_usage"] = {"project_id": "1369785403853424", "usage": usage}
        return Told(200, answers.data(told))

    def _page(
        self,
        kind: Kind,
        written: Iterator[Written],
        query: Mapping[str, str],
        asked: Asked,
        now: datetime,
        partial: bool,
    ) -> Told:
        if self._bill.is_capped(now.timestamp()):
            return Told(429, answers.CAPPED)
        recent = takewhile(lambda one: one.at >= asked.since, written)
        within = (one for one in recent if one.at < asked.until and (asked.below is None or one.id < asked.below))
        found = [*islice(within, asked.number + 1)]
        shown = found[: asked.number]
        users = {str(one.author.id): one.author for one in shown} if asked.with_users else {}
        token = _token(_about(kind, query), shown[-1].id) if len(found) > len(shown) else None
        errors = [answers.not_found("tweet", "pinned_tweet_id", str(shown[-1].id - 1))] if partial and shown else []
        body = answers.page(
            [answers.chosen(one.fields(now), asked.post_fields, answers.ALWAYS) for one in shown],
            [answers.chosen(of_account(one, now), asked.user_fields, answers.ALWAYS_OF_USER) for one in users.values()],
            token,
            errors,
        )
        return Told(200, body, [str(one.id) for one in shown], [*users])


def _read(kind: Kind, query: Mapping[str, str], earliest: datetime, now: datetime) -> Asked:
    endpoint = kind.value
    number = query.get("max_results", str(DEFAULT_PAGE))
    if not number.isdecimal() or not endpoint.least <= int(number) <= endpoint.most:
        message = (
            f"The `max_results` query parameter value [{number}] is not between {endpoint.least} and {endpoint.most}"
        )
        raise Refusal("max_results", number, message)
    since, until = _time(query, "start_time", earliest), _time(query, "end_time", now - NOT_BEFORE)
    if until > now - NOT_BEFORE:
        message = "Invalid 'end_time'. 'end_time' must be a minimum of 10 seconds prior to the request time"
        raise Refusal("end_time", query["end_time"], message)
    if since >= until:
        raise Refusal("start_time", query.get("start_time", ""), "Invalid 'start_time'. It must be before 'end_time'")
    token = query.get("pagination_token" if kind is Kind.TIMELINE else "next_token") or query.get("pagination_token")
    return Asked(
        since,
        until,
        int(number),
        _place(token, _about(kind, query)) if token else None,
        query.get("tweet.fields", "").split(","),
        query.get("user.fields", "").split(","),
        "author_id" in query.get("expansions", "").split(","),
    )


def _time(query: Mapping[str, str], name: str, otherwise: datetime) -> datetime:
    if name not in query:
        return otherwise
    try:
        return datetime.strptime(query[name], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError:
        message = f"The `{name}` query parameter value [{query[name]}] is not a valid RFC3339 date"
        raise Refusal(name, query[name], message) from None


def _about(kind: Kind, query: Mapping[str, str]) -> str:
    """What a token belongs to."""
    return "|".join([kind.value.name, *(query.get(name, "") for name in ("query", "start_time", "end_time"))])


def _token(about: str, last: int) -> str:
    return f"{_seal(about, last)}{last:x}"


def _place(token: str, about: str) -> int:
    """Behind which post a page begins."""
    try:
        last = int(token[12:], 16)
    except ValueError:
        last = -1
    if last < 0 or token != _token(about, last):
        raise Refusal("next_token", token, f"The `next_token` query parameter value [{token}] is not valid")
    return last


def _seal(about: str, last: int) -> str:
    return hashlib.sha256(f"{about}/{last}".encode()).hexdigest()[:12]
