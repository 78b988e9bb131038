"""The client of X's timelines and searches: page by page, within limits and budget. What a page says is `protocol.py`.

Before each call, what it may cost is kept back in the database; a call that might cost more than what is left is not made. X is asked
first what it counts itself, which is free and tells its clock, too.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence, Set
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Self

import msgspec

from cryptodudez_assets.venues.fetching import MOST_APART
from cryptodudez_assets.venues.http import Failed, Missing
from cryptodudez_assets.venues.pages import Access, Answer, Page, Request, Series, Span
from cryptodudez_assets.venues.x import protocol
from cryptodudez_assets.venues.x.api import VENUE, Api
from cryptodudez_assets.venues.x.asking import RECENT_REACH, TIMELINE_REACH, Kind, Query
from cryptodudez_assets.venues.x.protocol import DOLLAR, read_page, read_usage
from cryptodudez_assets.venues.x.spending import TABLES, Call, OverBudget, Spending

NO_BUDGET = "X sells posts ($5 for 1,000): set CRYPTODUDEZ_X_DOLLARS_A_MONTH to what may be spent in a calendar month"
SETTLED_SECONDS = 15
"""Posts of the last seconds are not found yet: X takes questions about what is ten seconds old."""
WHOLE_MINUTES = 10
CLOCK_SECONDS = 1.5
"""So far the time in an answer's header may be off: it is told in whole seconds."""
USAGE_DAYS = 31
SPARE_SECONDS = 5.0
"""So long before midnight by X's clock nothing is asked once more: on its way it would come to the next day."""
SHOWN_ERRORS, SHOWN_CHARACTERS = 5, 300
MET, FRESH_SECONDS = "x_met.json", 300.0
"""X is asked what it counted at most so often: it may be asked 50 times in 15 minutes."""


class Meeting(msgspec.Struct):
    """When X was asked what it counted (Unix time), and how many seconds its clock was ahead of this machine's then."""

    at: float = 0.0
    ahead: float = 0.0

    @classmethod
    def read(cls, path: Path) -> Self:
        """The last one; a file that is not there or broken tells of none."""
        try:
            read = msgspec.json.decode(path.read_bytes(), type=cls)
        except (FileNotFoundError, msgspec.DecodeError):
            return cls()
        return read if abs(read.ahead) <= MOST_APART.total_seconds() else cls()

    @property
    def is_fresh(self) -> bool:
        """Whether it was a moment ago."""
        return 0 <= time.time() - self.at < FRESH_SECONDS


class XClient:
    """Asks X for posts. Raises Missing where there is no token, or no money."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._api = Api(access)
        if access.dollars_a_month <= 0 or access.open_database is None:
            raise Missing(NO_BUDGET)
        self._meeting = Meeting.read(access.folder / MET)
        self._api.ahead = timedelta(seconds=self._meeting.ahead)
        self._one_meets, self._one_over = asyncio.Lock(), asyncio.Condition()
        self._under_way: set[str] = set()
        self._was_asked = False
        database = access.open_database(TABLES, "x_spending")
        self.spending = Spending(database, int(access.dollars_a_month * DOLLAR), self._api.now)

    async def pages(self, series: Series, span: Span) -> AsyncIterator[Page]:
        """Posts of the query in this time, the newest first. Raises Failed and Missing.

        A page ends in a second of which the next page may tell more, so that one is asked for until then, again with what was paid for
        a moment ago. What goes on behind a killed fetch asks the same; X's tokens are of use only where a page is of one second.
        """
        query = Query.of(series)
        self._insist_on_reach(query, span)
        await self._meet()
        until, token = min(span.until, self._settled()), ""
        n_posts, told = 0, set[str]()
        while until > span.first:
            answer = await self._page(query, Span(span.first, until), token)
            page = read_page(answer.body)
            token = page.meta.next_token if page.meta else ""
            n_posts += len(page.data)
            is_cut = not token and self._is_cut(query, page, n_posts)
            first = max(span.first, _behind_oldest(page, span.first, until)) if token or is_cut else span.first
            new = {one.id for one in page.data} - told
            if token and first == until and not new:
                reason = "it has a next page without end: no other post, and no earlier time"
                raise Failed(f"{VENUE}, {query.path}: {reason}")
            if first < until or not is_cut:
                yield Page(answer, Span(first, until), until, is_empty=not page.data)
            if not token:
                return
            told = told | new if first == until else set()
            token, until = "" if first < until else token, first

    def _insist_on_reach(self, query: Query, span: Span) -> None:
        """Refuse what a recent search does not reach. Raises Failed."""
        back = self._api.now() - RECENT_REACH
        if query.kind is Kind.RECENT and span.first < back:
            why = (
                f"a recent search reaches back to {back:%Y-%m-%d %H:%M} UTC, and is asked from {span.first:%Y-%m-%d} on"
            )
            raise Failed(f"{VENUE}, {query.path}: {why}: begin later (--from), or search everything (--search)")

    def _is_cut(self, query: Query, last: protocol.Page, n_posts: int) -> bool:
        """Whether a timeline ends where X tells no more of it, with its last page and how many posts it had; says so."""
        if query.kind is not Kind.TIMELINE:
            return False
        reach = f"X tells the newest {TIMELINE_REACH:,} posts of a timeline; older ones can be searched for (--search)"
        if n_posts <= TIMELINE_REACH - query.kind.value.most:
            if not n_posts:
                self._access.tell(f"{VENUE}, {query.path}: no posts. {reach}")
            return False
        oldest = min((at for one in last.data if (at := _utc(one.created_at))), default=None)
        since = f" since {oldest:%Y-%m-%d %H:%M} UTC" if oldest else ""
        self._access.tell(f"{VENUE}, {query.path}: {n_posts:,} posts{since}, and no more: {reach}")
        return True

    async def close(self) -> None:
        """Hang up."""
        await self._api.close()
        if self._was_asked:
            self._access.tell(self.spending.standing().told)
        self.spending.close()

    async def _page(self, query: Query, span: Span, token: str) -> Answer:
        """One page, paid for. The size of a page is what can be afforded; it is no part of what is asked for."""
        endpoint = query.kind.value
        parameters = query.parameters(span.first, span.until, token)
        call = await self._reserve(query, span, parameters)
        turns = self._api.turns(endpoint.name, endpoint.limit, endpoint.apart)
        self._under_way.add(call.id)
        self._was_asked = True
        try:
            asked = Request(query.path, {**parameters, "max_results": str(call.posts)})
            # The next day it would be paid for again, beyond what is kept back; what this day's attempt cost stays kept back.
            answer = await self._api.ask(
                asked, turns, until=_end_of_day(self._api.now()) - timedelta(seconds=SPARE_SECONDS)
            )
            page = read_page(answer.body)
            self.spending.settle(call, page.posts_read, page.users_read, self._days_of(answer))
        except Failed as error:
            if error.status is not None and turns.turns == 1:
                self.spending.settle(call, [], [], [self._api.now().date()])  # refused at once: nothing was read
            raise
        finally:
            await self._is_over(call)
        for problem in page.errors[:SHOWN_ERRORS]:
            self._access.tell(f"{VENUE}, {query.path}: {self._api.masked(problem.told)[:SHOWN_CHARACTERS]}")
        if (more := len(page.errors) - SHOWN_ERRORS) > 0:
            self._access.tell(f"{VENUE}, {query.path}: and {more:,} more like these")
        return answer

    async def _reserve(self, query: Query, span: Span, parameters: Mapping[str, str]) -> Call:
        """The money for a call; calls that are under way may leave some of theirs. Raises Failed."""
        endpoint = query.kind.value
        told = sorted(f"{name}={value}" for name, value in parameters.items() if name != "start_time")
        asked = "|".join([query.path, *told])
        while True:
            others = frozenset(self._under_way)
            try:
                return self.spending.reserve(asked, span.first, query.worst, endpoint.least, endpoint.most)
            except OverBudget as error:
                reason = f"{VENUE}: {error} (CRYPTODUDEZ_X_DOLLARS_A_MONTH)"
                if not others:
                    raise (Failed(reason) if error.may_change else Missing(reason)) from None
            self._access.tell(f"{VENUE}, {query.path}: waiting for what calls under way leave of the budget")
            async with self._one_over:
                await self._one_over.wait_for(partial(self._is_one_over, others))

    def _is_one_over(self, others: Set[str]) -> bool:
        return not others <= self._under_way

    async def _is_over(self, call: Call) -> None:
        async with self._one_over:
            self._under_way.discard(call.id)
            self._one_over.notify_all()

    async def _meet(self) -> None:
        """Ask X what it counted this month, and for its time, unless some process of the home did so a moment ago."""
        async with self._one_meets:
            if self._meeting.is_fresh:
                return
            turns = self._api.turns("usage", protocol.USAGE_LIMIT)
            parameters = {"days": str(USAGE_DAYS), "usage.fields": "daily_project_usage"}
            try:
                answer = await self._api.ask(Request(protocol.USAGE, parameters), turns)
            except Failed as error:
                if error.for_all:
                    raise
                self._access.tell(f"{error}; what is spent is known from what was asked here alone")
                self._note_meeting()
                return
            self._note_meeting()
            counted = read_usage(answer.body).posts_in(self._api.now().date())
            if 0 <= counted < protocol.MOST_POSTS:
                self._access.tell(self.spending.check(counted).told)
            else:
                told = f"{VENUE} says that it counted {counted:.3g} posts, which cannot be"
                self._access.tell(f"{told}; what is spent is known from what was asked here alone")

    def _note_meeting(self) -> None:
        self._meeting = Meeting(time.time(), self._api.ahead.total_seconds())
        (self._access.folder / MET).write_bytes(msgspec.json.encode(self._meeting))

    def _settled(self) -> datetime:
        """Until when everything that was written can be found: up to some minutes ago, so that who asks again soon asks the same."""
        at = (self._api.now() - timedelta(seconds=SETTLED_SECONDS)).replace(second=0, microsecond=0)
        return at.replace(minute=at.minute // WHOLE_MINUTES * WHOLE_MINUTES)

    def _days_of(self, answer: Answer) -> Sequence[date]:
        """The UTC days on which X may have counted what this answer tells."""
        told = answer.server_time or self._api.now()
        took = answer.received_at - answer.asked_at
        margin = timedelta(seconds=CLOCK_SECONDS)
        return protocol.days_between(told - took - margin, told + margin)


def _behind_oldest(page: protocol.Page, first: datetime, until: datetime) -> datetime:
    """From when on a page tells everything: the second behind that of its oldest post, of which the next page may tell more.

    A post of a time that was not asked for tells nothing of it.
    """
    times = [at for one in page.data if (at := _utc(one.created_at)) and first <= at < until]
    return min(until, min(times).replace(microsecond=0) + timedelta(seconds=1)) if times else until


def _utc(told: datetime | None) -> datetime | None:
    """A time as X writes them; one without a zone is taken for UTC, one that cannot be in UTC for none."""
    try:
        return told and told.replace(tzinfo=told.tzinfo or UTC).astimezone(UTC)
    except OverflowError:
        return None


def _end_of_day(moment: datetime) -> datetime:
    return datetime.combine(moment.astimezone(UTC).date() + timedelta(days=1), datetime.min.time(), UTC)
